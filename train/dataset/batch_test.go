package dataset

import (
	"fmt"
	"image"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"cyclegan/infer/pixels"
)

// naive computes one sample with plain loops.
func naive(img *image.NRGBA, x, y, w, h, channels int, flip bool) []float32 {
	var out []float32
	for j := range h {
		for i := range w {
			at := i
			if flip {
				at = w - 1 - i
			}
			c := img.NRGBAAt(x+at, y+j)
			for _, v := range []uint8{c.R, c.G, c.B}[:channels] {
				out = append(out, float32((float64(v)/255-0.5)/0.5))
			}
		}
	}
	return out
}

func near(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Abs(float64(x-y)) < 1e-6 })
}

// Every sample must equal one of the naive reference, and over time all offsets and both
// orientations must occur.
func TestSamplesAreCropsOfTheResizedImage(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 3, 17, 13, "trainA", "trainB")
	for _, mode := range []Preprocess{ResizeAndCrop, Crop, ScaleWidthAndCrop} {
		for _, channels := range []int{1, 3} {
			for _, noFlip := range []bool{false, true} {
				o := small(root)
				o.Preprocess, o.InputNC, o.NoFlip, o.LoadSize, o.CropSize, o.BatchSize = mode, channels, noFlip, 10, 8, 3
				d := open(t, o)
				seen := map[string]bool{}
				possible := map[string]map[string][]float32{}
				for step := range 400 {
					b, err := d.Batch(d.At(step))
					if err != nil {
						t.Fatal(err)
					}
					if b.HA != 8 || b.WA != 8 || b.CA != channels || b.CB != 3 || len(b.A) != 3*64*channels || len(b.B) != 3*64*3 {
						t.Fatalf("shape %d %d %d, %d values", b.HA, b.WA, b.CA, len(b.A))
					}
					for k, name := range b.NamesA {
						got := b.A[k*64*channels:][:64*channels]
						if possible[name] == nil {
							possible[name] = allSamples(t, filepath.Join(root, name), o)
						}
						found := false
						for place, sample := range possible[name] {
							if near(got, sample) {
								found, seen[place] = true, true
							}
						}
						if !found {
							t.Fatalf("%s: sample %d of step %d is not a possible sample", mode, k, step)
						}
					}
					b.Release()
				}
				if n := len(possible["trainA/00.png"]); len(seen) != n || n < 2 {
					t.Errorf("%s, no_flip %v: %d of %d places occurred", mode, noFlip, len(seen), n)
				}
			}
		}
	}
}

// allSamples returns all samples of a file by place and orientation.
func allSamples(t *testing.T, path string, o Options) map[string][]float32 {
	t.Helper()
	p, err := pixels.Load(path, pixels.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	img := p.Image
	if o.InputNC == 1 {
		img = gray(img)
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	switch o.Preprocess {
	case ResizeAndCrop:
		w, h = o.LoadSize, o.LoadSize
	case ScaleWidthAndCrop: // 17x13 at width 10 has 7.6 rows, and the crop needs 8
		w, h = o.LoadSize, o.CropSize
	}
	img = pixels.Resize(img, w, h)
	all := map[string][]float32{}
	for y := 0; y+o.CropSize <= h; y++ {
		for x := 0; x+o.CropSize <= w; x++ {
			all[fmt.Sprint(x, y, false)] = naive(img, x, y, o.CropSize, o.CropSize, o.InputNC, false)
			if !o.NoFlip {
				all[fmt.Sprint(x, y, true)] = naive(img, x, y, o.CropSize, o.CropSize, o.InputNC, true)
			}
		}
	}
	return all
}

func TestPreparedSizes(t *testing.T) {
	for _, c := range []struct {
		mode       Preprocess
		w, h       int
		load, crop int
		want       Size
	}{
		{ResizeAndCrop, 300, 100, 286, 256, Size{286, 286}},
		{Crop, 300, 100, 286, 64, Size{300, 100}},
		{ScaleWidthAndCrop, 300, 100, 150, 40, Size{150, 50}},
		{ScaleWidthAndCrop, 300, 100, 150, 60, Size{150, 60}}, // at least the crop
		{ScaleWidthAndCrop, 150, 71, 150, 60, Size{150, 71}},  // has the width already
		{ScaleWidth, 300, 101, 150, 40, Size{152, 48}},        // 150x50, both halves rounded to even
		{ScaleWidth, 1000, 600, 256, 64, Size{256, 152}},      // 153.6 cut to 153
		{None, 5, 6, 286, 256, Size{4, 8}},                    // 1.25 and 1.5 quarters
		{None, 10, 14, 286, 256, Size{8, 16}},                 // 2.5 and 3.5, to even
		{None, 1, 2, 286, 256, Size{4, 4}},                    // never 0
		{None, 256, 128, 286, 256, Size{256, 128}},
	} {
		o := Options{Preprocess: c.mode, LoadSize: c.load, CropSize: c.crop}
		if got := o.Prepared(Size{c.w, c.h}); got != c.want {
			t.Errorf("%s of %dx%d with %d and %d: %v, want %v", c.mode, c.w, c.h, c.load, c.crop, got, c.want)
		}
	}
}

func TestWholeImages(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 2, 12, 8, "trainA")
	fill(t, root, 2, 13, 22, "trainB")
	o := small(root)
	o.Preprocess, o.NoFlip, o.SerialBatches = None, true, true
	d := open(t, o)
	b, err := d.Batch(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := [4]int{b.WA, b.HA, b.WB, b.HB}; got != [4]int{12, 8, 12, 24} {
		t.Errorf("sizes %v", got)
	}
	p, err := pixels.Load(filepath.Join(root, b.NamesA[1]), pixels.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if !near(b.A[12*8*3:], naive(p.Image, 0, 0, 12, 8, 3, false)) {
		t.Error("the second image of the batch differs from the file")
	}
}

func TestBatchOfUnequalSizes(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 2, 12, 8, "trainA", "trainB")
	write(t, filepath.Join(root, "trainB", "x.png"), pngBytes(t, picture(3, 16, 8)))
	o := small(root)
	o.Preprocess = None
	_, err := Open(o)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"batch_size 2", "trainB/00.png becomes 12x8", "trainB/x.png becomes 16x8", "batch_size 1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
	o.BatchSize = 1
	run(t, open(t, o), 0, 6)
}

// A's order in an epoch is a shuffle of all pairs modulo |A|, and the last batch is completed from
// the epoch's start.
func TestEpochs(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 3, 9, 9, "trainA")
	fill(t, root, 7, 9, 9, "trainB")
	o := small(root)
	d := open(t, o)
	if d.Len() != 7 || d.Batches() != 4 {
		t.Fatalf("%d pairs in %d batches, want 7 in 4", d.Len(), d.Batches())
	}
	if e, i := d.At(9); e != 3 || i != 1 {
		t.Errorf("step 9 is batch %d of epoch %d, want 1 of 3", i, e)
	}
	var orders []string
	drawn := map[string]int{}
	for epoch := 1; epoch <= 40; epoch++ {
		var as []string
		for i := range d.Batches() {
			b, err := d.Batch(epoch, i)
			if err != nil {
				t.Fatal(err)
			}
			as = append(as, b.NamesA...)
			for _, n := range b.NamesB {
				drawn[n]++
			}
			b.Release()
		}
		if as[7] != as[0] {
			t.Errorf("epoch %d: the last batch is completed with %s, want %s", epoch, as[7], as[0])
		}
		count := map[string]int{}
		for _, n := range as[:7] {
			count[n]++
		}
		if count["trainA/00.png"] != 3 || count["trainA/01.png"] != 2 || count["trainA/02.png"] != 2 {
			t.Errorf("epoch %d: A's images occur %v times", epoch, count)
		}
		orders = append(orders, fmt.Sprint(as[:7]))
	}
	if slices.Sort(orders); len(slices.Compact(orders)) < 20 {
		t.Error("epochs have the same order")
	}
	// 320 draws among 7: 45.7 on average, standard deviation 6.3.
	for n, c := range drawn {
		if c < 20 || c > 75 {
			t.Errorf("%s drawn %d times of 320", n, c)
		}
	}
	if len(drawn) != 7 {
		t.Errorf("%d images of B drawn", len(drawn))
	}
}

func TestSerialBatches(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 2, 9, 9, "trainA")
	fill(t, root, 3, 9, 9, "trainB")
	o := small(root)
	o.SerialBatches = true
	d := open(t, o)
	var got []string
	for i := range d.Batches() {
		b, err := d.Batch(4, i)
		if err != nil {
			t.Fatal(err)
		}
		for k := range b.N {
			got = append(got, b.NamesA[k][7:9]+"+"+b.NamesB[k][7:9])
		}
	}
	if want := "[00+00 01+01 00+02 00+00]"; fmt.Sprint(got) != want {
		t.Errorf("pairs %v, want %s", got, want)
	}
}

func TestBatchLargerThanDataset(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 1, 9, 9, "trainA")
	fill(t, root, 2, 9, 9, "trainB")
	o := small(root)
	o.BatchSize = 5
	d := open(t, o)
	b, err := d.Batch(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if b.N != 5 || len(b.A) != 5*8*8*3 || len(b.NamesB) != 5 || d.Batches() != 1 {
		t.Errorf("batch of %d, %d values, %d batches", b.N, len(b.A), d.Batches())
	}
}

func TestBatchNumbersOutOfRange(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 2, 9, 9, "trainA", "trainB")
	d := open(t, small(root))
	for _, n := range [][2]int{{0, 0}, {1, -1}, {1, 1}, {-3, 0}} {
		if _, err := d.Batch(n[0], n[1]); err == nil {
			t.Errorf("epoch %d, batch %d: no error", n[0], n[1])
		}
	}
}

// Different seeds lead to different batches, equal seeds to equal ones.
func TestSeed(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 5, 20, 20, "trainA", "trainB")
	o := small(root)
	a := run(t, open(t, o), 0, 9)
	sameRuns(t, "the same seed", run(t, open(t, o), 0, 9), a)
	o.Seed++
	if slices.Equal(run(t, open(t, o), 0, 9), a) {
		t.Error("another seed leads to the same batches")
	}
}

func TestDecodedOnceWithinTheLimit(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 6, 20, 20, "trainA", "trainB")
	const each = 12 * 12 * 3
	for _, c := range []struct {
		memory, cached int64
	}{{1 << 20, 12 * each}, {4*each + 5, 4 * each}, {0, 0}} {
		o := small(root)
		o.MemoryBytes, o.NumThreads = c.memory, 3
		d := open(t, o)
		decoded := countDecoded(d)
		got := run(t, d, 0, 90)
		if n := keptBytes(d); n != c.cached {
			t.Errorf("limit %d: %d bytes kept, want %d", c.memory, n, c.cached)
		}
		n := decoded.Load()
		if c.memory == 1<<20 && n != 12 {
			t.Errorf("decoded 12 images %d times", n)
		}
		if c.memory == 0 && n < 90*2*2 {
			t.Errorf("decoded %d times with nothing kept", n)
		}
		o.MemoryBytes = 1 << 20
		sameRuns(t, "with less memory", got, run(t, open(t, o), 0, 90))
	}
}

// counting counts the images that are read or drawn.
type counting struct {
	source
	n *atomic.Int64
}

func (c counting) load(i, w, h int) (image.Image, error) {
	c.n.Add(1)
	return c.source.load(i, w, h)
}

// countDecoded counts the training images that d decodes from now on.
func countDecoded(d *Dataset) *atomic.Int64 {
	n := new(atomic.Int64)
	d.a.source, d.b.source = counting{d.a.source, n}, counting{d.b.source, n}
	return n
}

// keptBytes returns the size of the decoded training images in memory.
func keptBytes(d *Dataset) (n int64) {
	for _, dom := range []*domain{d.a, d.b} {
		for i := range dom.entries {
			if t := dom.entries[i].tile; t != nil {
				n += t.bytes()
			}
		}
	}
	return n
}

func sceneSourceOf(s *Set) *sceneSource {
	if c, ok := s.d.source.(counting); ok {
		return c.source.(*sceneSource)
	}
	return s.d.source.(*sceneSource)
}

// Many goroutines that request batches in any order get the same ones as a single goroutine.
func TestConcurrentBatches(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 7, 20, 20, "trainA", "trainB")
	o := small(root)
	o.MemoryBytes = 5000
	want := run(t, open(t, o), 0, 40)
	d := open(t, o)
	got := make([]string, 40)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for step := 39 - g; step >= 0; step -= 8 {
				b, err := d.Batch(d.At(step))
				if err != nil {
					t.Error(err)
					return
				}
				got[step] = content(b)
				b.Release()
			}
		})
	}
	wg.Wait()
	sameRuns(t, "concurrently", got, want)
}

func BenchmarkBatch(b *testing.B) {
	root := b.TempDir()
	fill(b, root, 4, 256, 256, "trainA", "trainB")
	for _, c := range []struct {
		name       string
		load, crop int
		memory     int64
	}{{"64/cached", 72, 64, 1 << 30}, {"64/decoding", 72, 64, 0}, {"256/cached", 286, 256, 1 << 30}} {
		b.Run(c.name, func(b *testing.B) {
			o := small(root)
			o.LoadSize, o.CropSize, o.BatchSize, o.MemoryBytes = c.load, c.crop, 1, c.memory
			d := open(b, o)
			b.SetBytes(int64(2 * 4 * 3 * c.crop * c.crop))
			b.ReportAllocs()
			step := 0
			for b.Loop() {
				batch, err := d.Batch(d.At(step))
				if err != nil {
					b.Fatal(err)
				}
				batch.Release()
				step++
			}
		})
	}
}
