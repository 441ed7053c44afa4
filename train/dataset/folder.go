package dataset

import (
	"errors"
	"fmt"
	"image"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"cyclegan/infer/pixels"

	"golang.org/x/sync/errgroup"
)

// Folder holds the images of one domain, for training or for testing, as files on disk or in a zip
// file.
type Folder struct {
	FS      fs.FS
	Label   string // the folder's name in messages
	Dir     string // the folder on disk; "" inside a zip file
	Files   []File // images that the run uses
	Skipped []Skip // images that it does not use
	// Others counts the files without the name of an image, by their extension in lower case.
	Others map[string]int
	// Window holds the values that 16-bit images use.
	Window pixels.Window

	path string // within FS
	name string // of the domain
}

// File describes one image file, as far as its header does.
type File struct {
	Path   string // within the folder's FS
	Name   string // in messages
	Size   Size   // upright
	Format string // such as "jpeg"
	Deep   bool   // 16 bits per sample
	Bytes  int64  // of the file
}

// Size is the size of an image in pixels.
type Size struct {
	Width  int `json:"width"`
	Height int `json:"height"`
}

func (s Size) String() string { return fmt.Sprintf("%dx%d", s.Width, s.Height) }

// MaxFileBytes limits the size of one image file, also inside a zip file that claims a smaller one.
const MaxFileBytes = 512 << 20

// scan lists the images below a folder and reads their headers, so that unusable files are known
// before training starts.
func (d *Dataset) scan(f *Folder, training bool) error {
	f.Others = map[string]int{}
	names, err := f.list()
	if err != nil {
		return fmt.Errorf("list %q: %w", f.Label, err)
	}
	if n := d.opt.MaxDatasetSize; n > 0 && len(names) > n {
		names = names[:n]
	}
	if len(names) == 0 {
		return &emptyError{fmt.Errorf("folder %q has no images (%s); other files: %s",
			f.Label, pixels.ReadableFormats, some(slices.Sorted(maps.Keys(f.Others))))}
	}
	files := make([]File, len(names))
	errs := make([]error, len(names))
	var g errgroup.Group
	g.SetLimit(max(1, d.opt.NumThreads))
	for i, name := range names {
		g.Go(func() error {
			files[i], errs[i] = f.readHeader(name)
			return nil
		})
	}
	g.Wait() // never fails: the workers store their errors in errs
	var agreed Size
	for i, file := range files {
		err := errs[i]
		if err == nil && training {
			err = d.opt.fits(file.Size)
		}
		if err != nil {
			d.Skip(file.Name, err)
			f.Skipped = append(f.Skipped, Skip{file.Name, err})
			continue
		}
		if size := d.opt.SampleSize(file.Size); training && (d.opt.OneSize || d.opt.BatchSize > 1) {
			if agreed != (Size{}) && size != agreed {
				return unequal(d.opt, f.Files[0].Name, agreed, file.Name, size)
			}
			agreed = size
		}
		f.Files = append(f.Files, file)
	}
	if len(f.Files) == 0 {
		first := f.Skipped[0]
		return &emptyError{fmt.Errorf("folder %q: none of its %d images is usable; the first is %s: %w",
			f.Label, len(names), first.Name, first.Err)}
	}
	return nil
}

// emptyError reports a folder without usable images.
type emptyError struct{ error }

func (e *emptyError) Unwrap() error { return e.error }

// list returns the paths of the files below the folder that have the name of an image, in order,
// and counts the others. It follows links to folders, because data sets are often put together from
// them.
func (f *Folder) list() ([]string, error) {
	var names []string
	var walk func(dir string, above []fs.FileInfo) error
	walk = func(dir string, above []fs.FileInfo) error {
		info, err := fs.Stat(f.FS, dir)
		if err != nil {
			return err
		}
		for _, a := range above {
			if os.SameFile(a, info) {
				return nil // a link to a folder that contains it
			}
		}
		entries, err := fs.ReadDir(f.FS, dir)
		if err != nil {
			return err
		}
		above = append(above, info)
		for _, e := range entries {
			if pixels.Hidden(e.Name()) {
				continue
			}
			p := path.Join(dir, e.Name())
			if isFolder(f.FS, p, e) {
				if err := walk(p, above); err != nil {
					return err
				}
			} else if pixels.Readable(p) {
				names = append(names, p)
			} else {
				f.Others[strings.ToLower(path.Ext(p))]++
			}
		}
		return nil
	}
	if err := walk(f.path, nil); err != nil {
		return nil, err
	}
	slices.Sort(names)
	return names, nil
}

func isFolder(fsys fs.FS, name string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.IsDir()
	}
	info, err := fs.Stat(fsys, name)
	return err == nil && info.IsDir()
}

func (f *Folder) readHeader(name string) (File, error) {
	file := File{Path: name, Name: name}
	if f.path == "." { // a folder named by itself
		file.Name = path.Join(f.Label, name)
	}
	r, bytes, err := f.Open(file)
	if err != nil {
		return file, err
	}
	defer r.Close()
	info, err := pixels.Header(r, pixels.Limits{})
	if err != nil {
		return file, err
	}
	file.Size.Width, file.Size.Height = info.Upright()
	file.Format, file.Deep, file.Bytes = info.Format, info.Deep, bytes
	return file, nil
}

// Open opens a file of the folder and returns its size in bytes. It refuses anything but a regular
// file, since opening a named pipe would block.
func (f *Folder) Open(file File) (fs.File, int64, error) {
	info, err := fs.Stat(f.FS, file.Path)
	if err != nil {
		if _, linkErr := fs.ReadLink(f.FS, file.Path); errors.Is(err, fs.ErrNotExist) && linkErr == nil {
			return nil, 0, errors.New("a link to a file that does not exist")
		}
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, errors.New("not a file")
	}
	r, err := f.FS.Open(file.Path)
	if err != nil {
		return nil, 0, err
	}
	return r, info.Size(), nil
}

// Read returns the content of a file of the folder.
func (f *Folder) Read(file File) ([]byte, error) {
	r, size, err := f.Open(file)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return pixels.ReadAll(r, size, MaxFileBytes)
}

// size, title, id and load make a Folder a source.
func (f *Folder) size() int       { return len(f.Files) }
func (f *Folder) title() string   { return f.name }
func (f *Folder) id(i int) string { return f.Files[i].Name }

func (f *Folder) load(i, w, h int) (image.Image, error) {
	pic, err := f.decode(i)
	if err != nil {
		return nil, err
	}
	var img image.Image = pixels.Opaque(pic.Image)
	if pic.Deep != nil {
		stretched, _ := f.Window.Stretch(pic.Deep)
		img = pixels.Colors(stretched)
	}
	if w > 0 {
		img = pixels.Scale(img, w, h)
	}
	return img, nil
}

func (f *Folder) decode(i int) (*pixels.Picture, error) {
	data, err := f.Read(f.Files[i])
	if err != nil {
		return nil, err
	}
	return pixels.Decode(data, pixels.Limits{MaxBytes: MaxFileBytes})
}

// window sets the window of a domain's folders, and returns it; test may be nil. A zero window is
// replaced by the one that suits all training images. If none of these has 16 bits, there is no
// window.
func (d *Dataset) window(w pixels.Window, train, test *Folder) pixels.Window {
	if !slices.ContainsFunc(train.Files, func(f File) bool { return f.Deep }) {
		return pixels.Window{}
	}
	if w == (pixels.Window{}) {
		w = d.measure(train).Window()
	}
	train.Window = w
	if test != nil {
		test.Window = w
	}
	return w
}

// measure counts the values of a folder's 16-bit images. It ignores damaged ones, which the run
// skips.
func (d *Dataset) measure(f *Folder) *pixels.Values {
	var values pixels.Values
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(max(1, d.opt.NumThreads))
	for i, file := range f.Files {
		if !file.Deep {
			continue
		}
		g.Go(func() error {
			if pic, err := f.decode(i); err == nil && pic.Deep != nil {
				mu.Lock()
				defer mu.Unlock()
				values.Add(pic.Deep)
			}
			return nil
		})
	}
	g.Wait() // never fails
	return &values
}
