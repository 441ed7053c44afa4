package dataset

import (
	"fmt"
	"image"
	"image/color"
	"path/filepath"
	"slices"
	"testing"

	"cyclegan/infer/pixels"
)

// scan returns a gray image whose n-th pixel has the value first + n*step.
func scan(w, h, first, step int) *image.Gray16 {
	m := image.NewGray16(image.Rect(0, 0, w, h))
	for i := range w * h {
		m.SetGray16(i%w, i/w, color.Gray16{Y: uint16(first + i*step)})
	}
	return m
}

// Values of 12 bits reach the network at full precision, from -1 to 1 for those that the domain
// uses.
func TestWindow(t *testing.T) {
	root := t.TempDir()
	for i := range 3 {
		// A uses 100 to 4195 over all images, B all values.
		write(t, filepath.Join(root, "trainA", fmt.Sprintf("%d.png", i)), pngBytes(t, scan(16, 16, 100+i*1280, 6-i/2)))
		write(t, filepath.Join(root, "trainB", fmt.Sprintf("%d.png", i)), pngBytes(t, scan(16, 16, i*10000, 170)))
		write(t, filepath.Join(root, "testA", fmt.Sprintf("%d.png", i)), pngBytes(t, scan(16, 16, 0, 20)))
	}
	last := scan(16, 16, 2660, 5)
	last.SetGray16(15, 15, color.Gray16{Y: 4195})
	write(t, filepath.Join(root, "trainA", "2.png"), pngBytes(t, last))
	o := small(root)
	o.Preprocess, o.CropSize, o.NoFlip, o.SerialBatches, o.BatchSize, o.InputNC, o.OutputNC = Crop, 16, true, true, 1, 1, 3
	d := open(t, o)
	if a, b := d.Options().WindowA, d.Options().WindowB; a != (pixels.Window{Lo: 100, Hi: 4195}) || b != (pixels.Window{Hi: 65535}) {
		t.Fatalf("windows %v and %v", a, b)
	}
	check := func(what string, values []float32, channels int, want func(i int) float64) {
		t.Helper()
		for i := range 256 {
			for c := range channels {
				if got := float64(values[i*channels+c]); got-want(i) > 1e-7+1./65535 || want(i)-got > 1e-7+1./65535 {
					t.Fatalf("%s: pixel %d is %v, want %v", what, i, got, want(i))
				}
			}
		}
	}
	b, err := d.Batch(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	levels := map[float32]bool{}
	for _, v := range b.A {
		levels[v] = true
	}
	if len(levels) != 256 { // neighbors differ by 6 of 4095, less than a level of 8 bits
		t.Errorf("%d levels", len(levels))
	}
	check("A", b.A, 1, func(i int) float64 { return 2*float64(i*6)/4095 - 1 })
	check("B", b.B, 3, func(i int) float64 { return 2*float64(i*170)/65535 - 1 })
	tensor, _, err := d.TestA().First(1, 16, 16)
	if err != nil {
		t.Fatal(err)
	}
	check("test images", tensor, 1, func(i int) float64 { return 2*float64(min(max(i*20-100, 0), 4095))/4095 - 1 })

	// The same windows given give the same batches, and those of a direction are swapped with its
	// images.
	o.WindowA, o.WindowB = d.Options().WindowA, d.Options().WindowB
	sameRuns(t, "given windows", run(t, d, 0, 4), run(t, open(t, o), 0, 4))
	o.Direction, o.WindowA, o.WindowB = BtoA, pixels.Window{}, pixels.Window{Lo: 7, Hi: 9}
	if o := open(t, o).Options(); o.WindowA != (pixels.Window{Hi: 65535}) || o.WindowB != (pixels.Window{Lo: 7, Hi: 9}) {
		t.Errorf("BtoA: windows %v and %v", o.WindowA, o.WindowB)
	}
}

// Images with 8 bits have no window, and a run on them does not change with one.
func TestWindowOfBytes(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 3, 20, 14, "trainA", "trainB")
	o := small(root)
	d := open(t, o)
	o.WindowA, o.WindowB = pixels.Window{Hi: 4095}, pixels.Window{Hi: 4095}
	given := open(t, o)
	sameRuns(t, "8 bits", run(t, d, 0, 4), run(t, given, 0, 4))
	if w := given.Options(); w.WindowA != (pixels.Window{}) || w.WindowB != (pixels.Window{}) {
		t.Errorf("windows %v, %v", w.WindowA, w.WindowB)
	}
	o.WindowA = pixels.Window{Lo: 9, Hi: 9}
	if err := o.Validate(); err == nil {
		t.Error("an empty window is accepted")
	}
}

// Resized and color images of 16 bits are as precise: a tile of a smooth image has more levels than
// 8 bits.
func TestDeepTile(t *testing.T) {
	o := DefaultOptions()
	o.LoadSize, o.CropSize = 20, 20
	m := image.NewNRGBA64(image.Rect(0, 0, 32, 32))
	for i := range 32 * 32 {
		m.SetNRGBA64(i%32, i/32, color.NRGBA64{uint16(1000 + i), uint16(2000 + i), uint16(i), 65535})
	}
	for channels := 1; channels <= 3; channels += 2 {
		tile, err := o.prepare(m, channels)
		if err != nil || tile.pix != nil || len(tile.deep) != 400*channels || tile.bytes() != int64(800*channels) {
			t.Fatalf("%v, %+v", err, tile)
		}
		seen := slices.Clone(tile.deep)
		slices.Sort(seen)
		if n := len(slices.Compact(seen)); n < 300 {
			t.Errorf("%d channels: %d levels", channels, n)
		}
	}
}
