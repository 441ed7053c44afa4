package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"cyclegan/infer/pixels"

	"golang.org/x/sync/errgroup"
)

// header is what is known of a picture before it is decoded.
type header struct {
	size   frame // upright
	format string
	bytes  int64 // of the file
}

// scan lists the pictures below a folder and reads their headers, so that files
// which cannot take part are known before training begins.
func (d *Dataset) scan(f folder, training bool) (*fileSource, error) {
	s := &fileSource{folder: f, others: map[string]int{}}
	names, err := s.list()
	if err != nil {
		return nil, fmt.Errorf("list %q: %w", f.label, err)
	}
	if n := d.opt.MaxDatasetSize; n > 0 && len(names) > n {
		names = names[:n]
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("folder %q holds no picture (jpg, png, gif, bmp, tiff or webp)%s", f.label, s.instead())
	}
	headers := make([]header, len(names))
	errs := make([]error, len(names))
	var g errgroup.Group
	g.SetLimit(max(1, d.opt.NumThreads))
	for i, name := range names {
		g.Go(func() error {
			headers[i], errs[i] = readHeader(f.fsys, name)
			return nil
		})
	}
	g.Wait() // the workers put their errors into errs
	var agreed frame
	for i, name := range names {
		h, err := headers[i], errs[i]
		if err == nil && training {
			err = d.opt.fits(h.size.w, h.size.h)
		}
		if err != nil {
			d.skip(f.nameOf(name), err)
			s.left = append(s.left, Skip{f.nameOf(name), err})
			continue
		}
		if size := d.opt.sample(h.size.w, h.size.h); training && (d.opt.OneSize || d.opt.BatchSize > 1) {
			if agreed != (frame{}) && size != agreed {
				return nil, unequal(d.opt, s.name(0), agreed, f.nameOf(name), size)
			}
			agreed = size
		}
		s.files = append(s.files, name)
		s.headers = append(s.headers, h)
	}
	if len(s.files) == 0 {
		return nil, fmt.Errorf("folder %q: none of its %d pictures can be used, the first because of %s: %w", f.label, len(names), s.left[0].Name, s.left[0].Err)
	}
	return s, nil
}

// list finds the files below the folder that are named like pictures, in order,
// and counts the others. Links to folders are followed, since data sets are put
// together by them.
func (s *fileSource) list() ([]string, error) {
	var names []string
	var walk func(dir string, above []fs.FileInfo) error
	walk = func(dir string, above []fs.FileInfo) error {
		info, err := fs.Stat(s.folder.fsys, dir)
		if err != nil {
			return at(dir, err)
		}
		for _, a := range above {
			if os.SameFile(a, info) {
				return nil // a link to a folder that it lies in
			}
		}
		entries, err := fs.ReadDir(s.folder.fsys, dir)
		if err != nil {
			return at(dir, err)
		}
		above = append(above, info)
		for _, e := range entries {
			if ignored(e.Name()) {
				continue
			}
			p := path.Join(dir, e.Name())
			if isFolder(s.folder.fsys, p, e) {
				if err := walk(p, above); err != nil {
					return err
				}
			} else if pixels.Readable(p) {
				names = append(names, p)
			} else {
				s.others[strings.ToLower(path.Ext(p))]++
			}
		}
		return nil
	}
	if err := walk(s.folder.path, nil); err != nil {
		return nil, err
	}
	slices.Sort(names)
	return names, nil
}

// at says which folder below the one that is listed made trouble.
func at(dir string, err error) error {
	if dir == "." {
		return bare(err)
	}
	return fmt.Errorf("%s: %w", dir, bare(err))
}

func isFolder(fsys fs.FS, name string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.IsDir()
	}
	info, err := fs.Stat(fsys, name)
	return err == nil && info.IsDir()
}

// instead tells what the folder holds where pictures were expected.
func (s *fileSource) instead() string {
	endings := slices.SortedFunc(maps.Keys(s.others), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.others[b], s.others[a]), cmp.Compare(a, b))
	})
	var all []string
	for _, e := range endings {
		name := e
		if name == "" {
			name = "without an ending"
		}
		all = append(all, fmt.Sprintf("%d %s", s.others[e], name))
	}
	if len(all) == 0 {
		return "; it is empty"
	}
	return "; its files: " + some(all)
}

// openFile opens a regular file. Asked first, since opening a named pipe would
// wait for someone to write.
func openFile(fsys fs.FS, name string) (fs.File, int64, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		if _, linkErr := fs.ReadLink(fsys, name); errors.Is(err, fs.ErrNotExist) && linkErr == nil {
			return nil, 0, errors.New("a link to a file that does not exist")
		}
		return nil, 0, bare(err)
	}
	if !info.Mode().IsRegular() {
		return nil, 0, errors.New("not a file")
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, 0, bare(err)
	}
	return f, info.Size(), nil
}

func readHeader(fsys fs.FS, name string) (header, error) {
	f, bytes, err := openFile(fsys, name)
	if err != nil {
		return header{}, err
	}
	defer f.Close()
	info, err := pixels.Header(f, pixels.Limits{})
	if err != nil {
		return header{}, bare(err)
	}
	w, h := info.Upright()
	return header{frame{w, h}, info.Format, bytes}, nil
}
