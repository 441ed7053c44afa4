package inspect

import (
	"context"
	"crypto/sha256"
	"image/color"
	"io"
	"slices"
	"sync"

	"cyclegan/infer/pixels"
	"cyclegan/train/dataset"

	"golang.org/x/sync/errgroup"
)

// file is an image of a part, with what reading it has shown.
type file struct {
	dataset.File
	part        *part
	err         error // why it is unreadable
	sum         [sha256.Size]byte
	gray, alpha bool
}

// digest identifies the content of a file, as far as it has been read.
type digest struct {
	bytes int64
	sum   [sha256.Size]byte
}

func (f *file) id() digest { return digest{f.Bytes, f.sum} }

// read reads the files as far as necessary and fills alike.
func (in *inspector) read(ctx context.Context) error {
	for _, p := range in.parts {
		in.alike = append(in.alike, p.files...)
	}
	if in.opt.Decode {
		err := in.decode(ctx, in.alike)
		in.alike = shared(in.alike)
		return err
	}
	// Most files differ in size and most others in their beginning. Only the rest is read to the
	// end: a set of uncompressed images of one size must not be read completely.
	const beginning = 64 << 10
	in.alike = shared(in.alike)
	err := in.each(ctx, in.alike, func(f *file) { f.hash(beginning) })
	in.alike = shared(in.alike)
	if err != nil {
		return err
	}
	err = in.each(ctx, in.alike, func(f *file) {
		if f.Bytes > beginning {
			f.hash(f.Bytes)
		}
	})
	in.alike = shared(in.alike)
	return err
}

// shared returns the files whose content, as far as it is known, equals that of another file.
func shared(files []*file) []*file {
	n := map[digest]int{}
	for _, f := range files {
		if f.err == nil {
			n[f.id()]++
		}
	}
	return slices.DeleteFunc(files, func(f *file) bool { return f.err != nil || n[f.id()] < 2 })
}

// each calls work for the files, NumThreads at a time, until ctx ends. The workers store their
// errors in the files.
func (in *inspector) each(ctx context.Context, files []*file, work func(*file)) error {
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
func (f *file) hash(limit int64) {
	r, _, err := f.part.folder.Open(f.File)
	if f.err = err; err != nil {
		return
	}
	defer r.Close()
	h := sha256.New()
	_, f.err = io.CopyN(h, r, min(limit, f.Bytes))
	h.Sum(f.sum[:0])
}

// decode decodes every file.
func (in *inspector) decode(ctx context.Context, all []*file) error {
	var mu sync.Mutex
	done := 0
	return in.each(ctx, all, func(f *file) {
		f.decode()
		if in.opt.Progress != nil {
			mu.Lock()
			defer mu.Unlock()
			done++
			in.opt.Progress(done, len(all))
		}
	})
}

func (f *file) decode() {
	data, err := f.part.folder.Read(f.File)
	if f.err = err; err != nil {
		return
	}
	pic, err := pixels.Decode(data, pixels.Limits{MaxBytes: dataset.MaxFileBytes})
	if f.err = err; err != nil {
		return
	}
	f.sum = sha256.Sum256(data)
	f.gray, f.alpha = pic.Gray, pic.Alpha
	if pic.Deep != nil {
		f.gray = f.gray && pic.Deep.ColorModel() == color.Gray16Model // small differences are lost in 8 bits
		f.part.mu.Lock()
		defer f.part.mu.Unlock()
		f.part.values.Add(pic.Deep)
	}
}
