package inspect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"image/color"
	"image/png"
	"io"
	"slices"
	"sync"

	"cyclegan/infer/pixels"
	"cyclegan/train/dataset"

	"golang.org/x/image/tiff"
	"golang.org/x/sync/errgroup"
)

// look is what reading a file has shown.
type look struct {
	err               error // why it is unreadable
	sum               [sha256.Size]byte
	gray, alpha, deep bool
}

// file is file i of a part.
type file struct {
	p *part
	i int
}

func (f file) look() *look  { return &f.p.looks[f.i] }
func (f file) bytes() int64 { return f.p.folder.Files[f.i].Bytes }
func (f file) name() string { return f.p.folder.Files[f.i].Name }
func (f file) id() digest   { return digest{f.bytes(), f.look().sum} }

// digest identifies the content of a file, as far as it has been read.
type digest struct {
	bytes int64
	sum   [sha256.Size]byte
}

// read fills the looks, and alike.
func (in *inspector) read(ctx context.Context) error {
	for _, p := range in.parts {
		for i := range p.looks {
			in.alike = append(in.alike, file{p, i})
		}
	}
	if in.opt.Decode {
		if err := in.decode(ctx, in.alike); err != nil {
			return err
		}
		in.alike = shared(in.alike)
		return nil
	}
	// Most files differ in size and most others in their beginning. Only the rest is read to the
	// end: a set of uncompressed images of one size must not be read completely.
	const beginning = 64 << 10
	in.alike = shared(in.alike)
	if err := in.each(ctx, in.alike, func(f file) { f.hash(beginning) }); err != nil {
		return err
	}
	in.alike = shared(in.alike)
	long := slices.DeleteFunc(slices.Clone(in.alike), func(f file) bool { return f.bytes() <= beginning })
	if err := in.each(ctx, long, func(f file) { f.hash(f.bytes()) }); err != nil {
		return err
	}
	in.alike = shared(in.alike)
	return nil
}

// shared returns the files whose content, as far as it is known, equals that of another file.
func shared(files []file) []file {
	n := map[digest]int{}
	for _, f := range files {
		if f.look().err == nil {
			n[f.id()]++
		}
	}
	return slices.DeleteFunc(slices.Clone(files), func(f file) bool { return f.look().err != nil || n[f.id()] < 2 })
}

// each calls work for the files, NumThreads at a time, until ctx ends. The workers store their
// errors in the looks.
func (in *inspector) each(ctx context.Context, files []file, work func(file)) error {
	var g errgroup.Group
	g.SetLimit(max(1, in.options.NumThreads))
	for _, f := range files {
		g.Go(func() error {
			if ctx.Err() == nil {
				work(f)
			}
			return ctx.Err()
		})
	}
	return g.Wait()
}

// hash stores the hash of the first bytes of the file, at most limit.
func (f file) hash(limit int64) {
	l := f.look()
	r, _, err := f.p.folder.Open(f.p.folder.Files[f.i])
	if err != nil {
		l.err = err
		return
	}
	defer r.Close()
	h := sha256.New()
	_, l.err = io.CopyN(h, r, min(limit, f.bytes()))
	h.Sum(l.sum[:0])
}

// decode decodes every file.
func (in *inspector) decode(ctx context.Context, all []file) error {
	var mu sync.Mutex
	done := 0
	return in.each(ctx, all, func(f file) {
		f.decode()
		if in.opt.Progress != nil {
			mu.Lock()
			defer mu.Unlock()
			done++
			in.opt.Progress(done, len(all))
		}
	})
}

func (f file) decode() {
	l := f.look()
	data, err := f.p.folder.Read(f.p.folder.Files[f.i])
	if err != nil {
		l.err = err
		return
	}
	pic, err := pixels.Decode(data, pixels.Limits{MaxBytes: dataset.MaxFileBytes})
	if err != nil {
		l.err = err
		return
	}
	l.sum = sha256.Sum256(data)
	l.gray, l.alpha, l.deep = pic.Gray, pic.Alpha, deep(pic.Format, data)
}

// deep reports whether an image has 16 bits per channel. Of the supported formats, PNG and TIFF
// can.
func deep(format string, data []byte) bool {
	config := png.DecodeConfig
	switch format {
	case "png":
	case "tiff":
		config = tiff.DecodeConfig
	default:
		return false
	}
	c, err := config(bytes.NewReader(data))
	return err == nil && slices.Contains([]color.Model{color.Gray16Model, color.RGBA64Model, color.NRGBA64Model}, c.ColorModel)
}
