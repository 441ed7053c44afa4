package dataset

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// picture returns a w x h image that differs for every n.
func picture(n, w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	s := uint32(n)*7919 + 1
	for i := range m.Pix {
		s = s*1664525 + 1013904223
		m.Pix[i] = byte(s >> 24)
		if i%4 == 3 {
			m.Pix[i] = 255
		}
	}
	return m
}

// encoder reuses its memory, which is most of the cost of a small image.
var encoder = png.Encoder{CompressionLevel: png.BestSpeed, BufferPool: &encoderBuffers{}}

type encoderBuffers struct{ pool sync.Pool }

func (b *encoderBuffers) Get() *png.EncoderBuffer {
	e, _ := b.pool.Get().(*png.EncoderBuffer)
	return e
}

func (b *encoderBuffers) Put(e *png.EncoderBuffer) { b.pool.Put(e) }

func pngBytes(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encoder.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

// fill writes n images of w x h to each folder below root.
func fill(t testing.TB, root string, n, w, h int, folders ...string) {
	t.Helper()
	for k, f := range folders {
		for i := range n {
			write(t, filepath.Join(root, f, fmt.Sprintf("%02d.png", i)), pngBytes(t, picture(100*k+i, w, h)))
		}
	}
}

// zipped packs a folder into a zip file. All names start with top.
func zipped(t testing.TB, root, top string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	err = filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		w, err := z.Create(top + filepath.ToSlash(rel))
		if err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// small returns options for small images in root.
func small(root string) Options {
	o := DefaultOptions()
	o.Dataroot, o.LoadSize, o.CropSize, o.BatchSize, o.Seed = root, 12, 8, 2, 5
	return o
}

func open(t testing.TB, o Options) *Dataset {
	t.Helper()
	d, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// content returns a batch as text.
func content(b *Batch) string {
	return fmt.Sprint(b.Epoch, b.Index, b.N, b.HA, b.WA, b.CA, b.HB, b.WB, b.CB, b.NamesA, b.NamesB, b.A, b.B)
}

// run returns the contents of n batches, starting at a step.
func run(t testing.TB, d *Dataset, from, n int) []string {
	t.Helper()
	p := d.Prefetch(context.Background(), from)
	defer p.Close()
	var all []string
	for range n {
		b, err := p.Next()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, content(b))
		b.Release()
	}
	return all
}

func sameRuns(t testing.TB, what string, a, b []string) {
	t.Helper()
	if !slices.Equal(a, b) {
		t.Errorf("%s: batches differ", what)
	}
}
