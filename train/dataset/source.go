package dataset

import (
	"image"
	"path"

	"cyclegan/infer/pixels"
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
	folder  folder
	files   []string       // paths within folder.fsys
	headers []header       // of files
	left    []Skip         // pictures that scan left out
	others  map[string]int // files that are not named like pictures, by ending
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
	data, err := s.read(i)
	if err != nil {
		return nil, err
	}
	pic, err := pixels.Decode(data, pixels.Limits{MaxBytes: maxFileBytes})
	if err != nil {
		return nil, err
	}
	return pixels.Opaque(pic.Image), nil
}

// read gives the whole file of picture i.
func (s *fileSource) read(i int) ([]byte, error) {
	f, size, err := openFile(s.folder.fsys, s.files[i])
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := pixels.ReadAll(f, size, maxFileBytes)
	return data, bare(err)
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
