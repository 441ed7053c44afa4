package dataset

import (
	"bytes"
	"context"
	"crypto/sha256"
	stdcolor "image/color"
	"image/png"
	"io"
	"sync"

	"cyclegan/infer/pixels"

	"golang.org/x/image/tiff"
	"golang.org/x/sync/errgroup"
)

// part is one of the sets of a run, while it is looked at.
type part struct {
	name   string // trainA, ...
	domain string // A or B
	train  bool
	dom    *domain
	files  *fileSource
	looks  []look // one for each of files.files
}

// look is what is found out about one file.
type look struct {
	err               error // why it gives no picture
	changed           bool  // since its header was read
	sum               digest
	gray, alpha, deep bool
}

// digest is a SHA-256, of a whole file or of its beginning.
type digest [sha256.Size]byte

// file is one that may be equal to another.
type file struct {
	p *part
	i int
}

func (f file) look() *look  { return &f.p.looks[f.i] }
func (f file) bytes() int64 { return f.p.files.headers[f.i].bytes }
func (f file) name() string { return f.p.files.name(f.i) }

// fingerprint tells files apart, as far as they have been read.
type fingerprint struct {
	bytes int64
	sum   digest
}

func (f file) fingerprint() fingerprint { return fingerprint{f.bytes(), f.look().sum} }

// read fills in the looks.
func (in *inspector) read(ctx context.Context) error {
	var all []file
	for _, p := range in.parts {
		for i := range p.looks {
			all = append(all, file{p, i})
		}
	}
	if in.opt.Decode {
		if err := in.decode(ctx, all); err != nil {
			return err
		}
		in.alike = shared(all)
		return nil
	}
	// Most files differ in size, most others in their beginning, and what is
	// still together is read to the end. Pictures without compression are all of
	// one size, and must not cost a reading of the whole set.
	const beginning = 64 << 10
	in.alike = shared(all)
	if err := in.each(ctx, in.alike, func(f file) { f.hash(ctx, beginning) }); err != nil {
		return err
	}
	in.alike = shared(in.alike)
	var long []file
	for _, f := range in.alike {
		if f.bytes() > beginning {
			long = append(long, f)
		}
	}
	if err := in.each(ctx, long, func(f file) { f.hash(ctx, f.bytes()) }); err != nil {
		return err
	}
	in.alike = shared(in.alike)
	return nil
}

// shared keeps the files whose content, as far as it is known, another has too.
func shared(files []file) []file {
	n := map[fingerprint]int{}
	for _, f := range files {
		if f.look().comparable() {
			n[f.fingerprint()]++
		}
	}
	var kept []file
	for _, f := range files {
		if f.look().comparable() && n[f.fingerprint()] > 1 {
			kept = append(kept, f)
		}
	}
	return kept
}

func (l *look) comparable() bool { return l.err == nil && !l.changed }

// each works on the files, NumThreads at a time, until ctx ends.
func (in *inspector) each(ctx context.Context, files []file, work func(file)) error {
	var g errgroup.Group
	g.SetLimit(max(1, in.d.opt.NumThreads))
	for _, f := range files {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			if ctx.Err() == nil {
				work(f)
			}
			return nil
		})
	}
	g.Wait() // the workers put their errors into the looks
	return ctx.Err()
}

// hash takes the sum of the file's first bytes, at most so many.
func (f file) hash(ctx context.Context, most int64) {
	l := f.look()
	r, size, err := openFile(f.p.files.folder.fsys, f.p.files.files[f.i])
	if err != nil {
		l.err = err
		return
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(untilDone{ctx, r}, most))
	switch {
	case ctx.Err() != nil:
	case err != nil:
		l.err = bare(err)
	case size != f.bytes() || n != min(most, size):
		l.changed = true
	}
	h.Sum(l.sum[:0])
}

// untilDone makes the reading of a large file end with ctx.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

// decode reads every file completely.
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
	data, err := f.p.files.read(f.i)
	if err != nil {
		l.err = err
		return
	}
	pic, err := pixels.Decode(data, pixels.Limits{MaxBytes: maxFileBytes})
	if err != nil {
		l.err = err
		return
	}
	l.sum = sha256.Sum256(data)
	l.changed = int64(len(data)) != f.bytes()
	l.gray, l.alpha, l.deep = pic.Gray, pic.Alpha, deep(pic.Format, data)
}

// deep tells whether a picture that could be decoded has 16 bits a channel. Of
// the formats that are read, PNG and TIFF can.
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
	if err != nil {
		return false
	}
	switch c.ColorModel {
	case stdcolor.Gray16Model, stdcolor.RGBA64Model, stdcolor.NRGBA64Model:
		return true
	}
	return false
}
