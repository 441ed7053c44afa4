package dataset

import (
	"errors"
	"fmt"
	"image"
	"io/fs"
	"path"
	"slices"

	"cyclegan/infer/pixels"

	"golang.org/x/sync/errgroup"
)

// source is an ordered list of pictures.
type source interface {
	size() int
	title() string
	name(i int) string
	// load reads or draws picture i in its own size.
	load(i int) (*image.NRGBA, error)
	// at is load, brought to w x h.
	at(i, w, h int) (*image.NRGBA, error)
}

// fileSource reads pictures from a folder or a zip file.
type fileSource struct {
	folder folder
	files  []string // paths within folder.fsys
}

func (s *fileSource) size() int     { return len(s.files) }
func (s *fileSource) title() string { return s.folder.title }

func (s *fileSource) name(i int) string { return s.folder.nameOf(s.files[i]) }

// nameOf is how messages call a file: by its path, or below a folder that was
// named by itself, by that folder and the path.
func (f folder) nameOf(file string) string {
	if f.path == "." {
		return path.Join(f.label, file)
	}
	return file
}

func (s *fileSource) load(i int) (*image.NRGBA, error) {
	lim := pixels.Limits{MaxBytes: maxFileBytes}
	f, err := s.folder.fsys.Open(s.files[i])
	if err != nil {
		return nil, bare(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, bare(err)
	}
	data, err := pixels.ReadAll(f, info.Size(), lim.MaxBytes)
	if err != nil {
		return nil, bare(err)
	}
	pic, err := pixels.Decode(data, lim)
	if err != nil {
		return nil, err
	}
	return pixels.Opaque(pic.Image), nil
}

func (s *fileSource) at(i, w, h int) (*image.NRGBA, error) {
	img, err := s.load(i)
	if err != nil {
		return nil, err
	}
	return pixels.Resize(img, w, h), nil
}

// maxFileBytes bounds one picture's file, also inside a zip whatever size its
// directory claims.
const maxFileBytes = 512 << 20

// scan lists the pictures below a folder and reads their headers, so that files
// which cannot take part are known before training begins.
func (d *Dataset) scan(f folder, training bool) (*fileSource, error) {
	var files []string
	err := fs.WalkDir(f.fsys, f.path, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if p != f.path && ignored(e.Name()) {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !e.IsDir() && pixels.Readable(p) {
			files = append(files, p)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list %q: %w", f.label, err)
	}
	slices.Sort(files)
	if n := d.opt.MaxDatasetSize; n > 0 && len(files) > n {
		files = files[:n]
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("folder %q holds no picture (jpg, png, gif, bmp, tiff or webp)", f.label)
	}
	infos := make([]pixels.Info, len(files))
	errs := make([]error, len(files))
	var g errgroup.Group
	g.SetLimit(max(1, d.opt.NumThreads))
	for i, name := range files {
		g.Go(func() error {
			infos[i], errs[i] = readHeader(f.fsys, name)
			return nil
		})
	}
	g.Wait() // the workers put their errors into errs
	shape := &d.opt
	s := &fileSource{folder: f}
	var first error
	var agreed frame
	for i, name := range files {
		err := errs[i]
		w, h := infos[i].Upright()
		if err == nil && training {
			err = shape.fits(w, h)
		}
		if err != nil {
			d.skip(f.nameOf(name), err)
			if first == nil {
				first = fmt.Errorf("%s: %w", name, err)
			}
			continue
		}
		if size := shape.sample(w, h); training && (d.opt.OneSize || d.opt.BatchSize > 1) {
			if agreed != (frame{}) && size != agreed {
				return nil, unequal(d.opt, s.name(0), agreed, f.nameOf(name), size)
			}
			agreed = size
		}
		s.files = append(s.files, name)
	}
	if len(s.files) == 0 {
		return nil, fmt.Errorf("folder %q: none of its %d pictures can be used, the first because of %w", f.label, len(files), first)
	}
	return s, nil
}

func readHeader(fsys fs.FS, name string) (pixels.Info, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return pixels.Info{}, bare(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return pixels.Info{}, bare(err)
	}
	if info.IsDir() {
		return pixels.Info{}, errors.New("not a file")
	}
	return pixels.Header(f, pixels.Limits{})
}
