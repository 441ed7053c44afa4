package inspect

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"image/color"
	"image/png"
	"io"
	"slices"
	"strings"
	"sync"

	"cyclegan/infer/pixels"
	"cyclegan/train/dataset"

	"golang.org/x/image/tiff"
	"golang.org/x/sync/errgroup"
)

// look is what reading a file has shown.
type look struct {
	err               error // why it is unreadable
	changed           bool  // since its header was read
	sum               [sha256.Size]byte
	gray, alpha, deep bool
}

func (l *look) comparable() bool { return l.err == nil && !l.changed }

// file is file i of a part.
type file struct {
	p *part
	i int
}

func (f file) look() *look    { return &f.p.looks[f.i] }
func (f file) bytes() int64   { return f.p.folder.Files[f.i].Bytes }
func (f file) name() string   { return f.p.folder.Files[f.i].Name }
func (f file) id() digest     { return digest{f.bytes(), f.look().sum} }
func (f file) member() Member { return Member{f.p.name, f.name()} }

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
	if err := in.each(ctx, in.alike, func(f file) { f.hash(ctx, beginning) }); err != nil {
		return err
	}
	in.alike = shared(in.alike)
	long := slices.DeleteFunc(slices.Clone(in.alike), func(f file) bool { return f.bytes() <= beginning })
	if err := in.each(ctx, long, func(f file) { f.hash(ctx, f.bytes()) }); err != nil {
		return err
	}
	in.alike = shared(in.alike)
	return nil
}

// shared returns the files whose content, as far as it is known, equals that of another file.
func shared(files []file) []file {
	n := map[digest]int{}
	for _, f := range files {
		if f.look().comparable() {
			n[f.id()]++
		}
	}
	return slices.DeleteFunc(slices.Clone(files), func(f file) bool { return !f.look().comparable() || n[f.id()] < 2 })
}

// each calls work for the files, NumThreads at a time, until ctx ends.
func (in *inspector) each(ctx context.Context, files []file, work func(file)) error {
	var g errgroup.Group
	g.SetLimit(max(1, in.options.NumThreads))
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
	g.Wait() // never fails: the workers store their errors in the looks
	return ctx.Err()
}

// hash stores the hash of the first bytes of the file, at most limit.
func (f file) hash(ctx context.Context, limit int64) {
	l := f.look()
	r, size, err := f.p.folder.Open(f.p.folder.Files[f.i])
	if err != nil {
		l.err = err
		return
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(contextReader{ctx, r}, limit))
	switch {
	case ctx.Err() != nil:
	case err != nil:
		l.err = err
	case size != f.bytes() || n != min(limit, size):
		l.changed = true
	}
	h.Sum(l.sum[:0])
}

// contextReader stops reading a large file when ctx ends.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
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
	l.changed = int64(len(data)) != f.bytes()
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
	if err != nil {
		return false
	}
	switch c.ColorModel {
	case color.Gray16Model, color.RGBA64Model, color.NRGBA64Model:
		return true
	}
	return false
}

// GroupKind says what a group of identical files spoils. A group of several kinds has the first of
// them.
type GroupKind string

const (
	AcrossDomains   GroupKind = "across_domains"    // both domains have the image
	AcrossTrainTest GroupKind = "across_train_test" // the image is for training and for testing
	WithinSet       GroupKind = "within_set"        // one set has the image more than once
)

// Group is a group of files with the same bytes.
type Group struct {
	Kind   GroupKind `json:"kind"`
	Bytes  int64     `json:"bytes"` // of each file
	SHA256 string    `json:"sha256"`
	Files  []Member  `json:"files"`
}

// Member is a file of a group.
type Member struct {
	Set  string `json:"set"` // trainA, trainB, testA or testB
	Name string `json:"name"`
}

// String returns the names with equals signs between them.
func (g Group) String() string {
	names := make([]string, len(g.Files))
	for i, m := range g.Files {
		names[i] = m.Name
	}
	return strings.Join(names, " = ")
}

// identical groups the files in alike.
func (in *inspector) identical() {
	at := map[digest]int{}
	for _, f := range in.alike {
		k, ok := at[f.id()]
		if !ok {
			k = len(in.same)
			at[f.id()] = k
			in.same = append(in.same, nil)
		}
		in.same[k] = append(in.same[k], f)
	}
	rank := func(group []file) int {
		return slices.Index([]GroupKind{AcrossDomains, AcrossTrainTest, WithinSet}, kindOf(group))
	}
	// Within a kind, groups stay in the order of their first file.
	slices.SortStableFunc(in.same, func(a, b []file) int { return cmp.Compare(rank(a), rank(b)) })
	for _, group := range in.same {
		sum := group[0].look().sum
		g := Group{Kind: kindOf(group), Bytes: group[0].bytes(), SHA256: hex.EncodeToString(sum[:])}
		for _, f := range group {
			g.Files = append(g.Files, f.member())
		}
		in.Identical = append(in.Identical, g)
	}
}

func kindOf(group []file) GroupKind {
	kind := WithinSet
	for _, f := range group {
		if f.p.domain != group[0].p.domain {
			return AcrossDomains
		}
		if f.p.train != group[0].p.train {
			kind = AcrossTrainTest
		}
	}
	return kind
}
