package infer

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"cyclegan/infer/internal/imagetest"
	"cyclegan/infer/session"
)

// openSmall opens a fixture that cuts images above most pixels, which may be smaller than Options
// allow.
func openSmall(t *testing.T, name string, most int, opt *Options) *Model {
	t.Helper()
	m := open(t, name, opt)
	m.info.MaxPixels = most
	return m
}

// scenery draws an image whose parts differ, as in photographs.
func scenery(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		x, y, c := float64(i/4%w), float64(i/4/w), float64(i%4)
		v := 120 + 70*math.Sin(x/97+c) + 40*math.Sin(y/41-c+x/300) + 25*math.Sin(x*y/900+c)*math.Sin(x/9)
		if i%4 == 3 {
			v = 255
		}
		img.Pix[i] = uint8(min(max(v, 0), 255))
	}
	return img
}

// run runs a session.
func run(t *testing.T, s runner, inputs ...session.Tensor) []session.Tensor {
	t.Helper()
	out := make([]session.Tensor, len(s.About().Outputs))
	if err := s.RunInto(t.Context(), out, inputs...); err != nil {
		t.Fatal(err)
	}
	return out
}

// random returns the tensor of a random image.
func (m *Model) random(w, h int) session.Tensor {
	t := session.Tensor{Shape: dims(m.in, 1, w, h), Data: make([]float32, m.in.Len(w, h))}
	for i := range t.Data {
		t.Data[i] = float32(math.Sin(float64(i)*1.7) * math.Cos(float64(i)*0.013))
	}
	return t
}

// local returns the session for images whose statistics are known or do not matter, and its other
// inputs.
func (m *Model) local(t *testing.T, whole session.Tensor, w, h int) (runner, []session.Tensor) {
	t.Helper()
	m.tiler.learn()
	if m.tiler.net == nil {
		t.Fatal(m.tiler.reason)
	}
	if len(m.tiler.net.Norms) == 0 {
		return m.sessions.main, nil
	}
	s := sample{x: axis{w, w, []int{0}}, y: axis{h, h, []int{0}}}
	weights, _, err := s.weigh(m.tiler.net.Masks, part{})
	if err != nil {
		t.Fatal(err)
	}
	joint, err := m.tiler.joint.get()
	if err != nil {
		t.Fatal(err)
	}
	statistics := run(t, joint, slices.Concat([]session.Tensor{whole}, weights, moments(noCorrection(m.tiler.channels())).tensors(m.tiler.net.Norms))...)
	fixed, err := m.tiler.fixed.get()
	if err != nil {
		t.Fatal(err)
	}
	return fixed, statistics
}

// Changing one pixel changes pixels up to the margin away, and some that are almost as far.
func TestMargin(t *testing.T) {
	for _, c := range []struct {
		model              string
		margin, near       int // near: the smallest distance at which a change must be visible
		align, norms, mask int
	}{
		{"tiles_instance.onnx", 28, 24, 4, 9, 3},
		{"tiles_batch.onnx", 28, 24, 4, 0, 0},
		{"tiles_computed.onnx", 28, 24, 4, 9, 3},
		{"tiles_half.onnx", 28, 20, 4, 9, 3},
		{"tiles_nhwc.onnx", 15, 12, 2, 2, 2},
		{"tiles_valid.onnx", 11, 7, 2, 5, 5},
		{"tiles_unet.onnx", 93, 40, 32, 7, 4},
		{"conv.onnx", 1, 1, 1, 0, 0},
		{"invert.onnx", 0, 0, 1, 0, 0},
		{"multiple8.onnx", 7, 0, 8, 0, 0},
	} {
		t.Run(c.model, func(t *testing.T) {
			m := open(t, c.model, nil)
			const side = 256
			img := m.random(side, side)
			s, told := m.local(t, img, side, side)
			net := m.tiler.net
			if net.Margin != c.margin || net.Align != c.align || len(net.Norms) != c.norms || len(net.Masks) != c.mask {
				t.Errorf("margin %d, align %d, %d normalizations in %d masks; want %+v", net.Margin, net.Align, len(net.Norms), len(net.Masks), c)
			}
			before := run(t, s, append([]session.Tensor{img}, told...)...)[0]
			farthest := 0
			for _, at := range []image.Point{{128, 128}, {101, 150}, {131, 127}} {
				changed := session.Tensor{Shape: img.Shape, Data: slices.Clone(img.Data)}
				planes, unit := planes(m.in)
				for p := range planes * unit {
					i := p*side*side + at.Y*side + at.X
					if planes == 1 {
						i = (at.Y*side+at.X)*unit + p
					}
					changed.Data[i] += 30
				}
				after := run(t, s, append([]session.Tensor{changed}, told...)...)[0]
				for i, v := range after.Data {
					if v == before.Data[i] {
						continue
					}
					pixel := i / unit % (side * side)
					x, y := pixel%side, pixel/side
					farthest = max(farthest, x-at.X, at.X-x, y-at.Y, at.Y-y)
				}
			}
			if farthest > net.Margin || farthest < c.near {
				t.Errorf("a change was seen %d pixels away; the margin is %d", farthest, net.Margin)
			}
		})
	}
}

// With the statistics of the whole image, the pixels of tiles equal those of the whole image up to
// rounding.
func TestTileIsPartOfWhole(t *testing.T) {
	for _, c := range []struct {
		model     string
		tolerance float64
	}{
		{"tiles_instance.onnx", 1e-5}, {"tiles_batch.onnx", 1e-5}, {"tiles_computed.onnx", 1e-5}, {"tiles_nhwc.onnx", 1e-5},
		{"tiles_valid.onnx", 3e-5}, {"tiles_unet.onnx", 2e-5}, {"tiles_half.onnx", 0.02},
	} {
		t.Run(c.model, func(t *testing.T) {
			m := open(t, c.model, nil)
			const w, h = 448, 384
			img := m.random(w, h)
			s, told := m.local(t, img, w, h)
			want := run(t, m.sessions.main, img)[0]
			if got := run(t, s, append([]session.Tensor{img}, told...)...)[0]; farthest(want, got) > c.tolerance {
				t.Errorf("the whole image differs by %g", farthest(want, got))
			}
			unit, least := m.tiler.unit()
			g := newGrid(w, h, m.tiler.net, "", unit, least, 320*320)
			if g.blended || g.tiling().Tiles < 2 {
				t.Fatalf("grid %+v", g)
			}
			planes, per := planes(m.out)
			most := 0.0
			for _, p := range (sample{x: g.x, y: g.y}).parts() {
				at := image.Pt(g.x.starts[p.i], g.y.starts[p.j])
				tile := session.Tensor{Shape: dims(m.in, 1, g.x.size, g.y.size)}
				for pl := range planes {
					for y := range g.y.size {
						tile.Data = append(tile.Data, img.Data[(pl*w*h+(at.Y+y)*w+at.X)*per:][:g.x.size*per]...)
					}
				}
				got := run(t, s, append([]session.Tensor{tile}, told...)...)[0]
				x0, x1 := g.x.cuts(p.i)
				y0, y1 := g.y.cuts(p.j)
				for pl := range planes {
					for y := y0; y < y1; y++ {
						for x := x0 * per; x < x1*per; x++ {
							v := want.Data[(pl*w*h+y*w)*per+x]
							u := got.Data[(pl*g.x.size*g.y.size+(y-at.Y)*g.x.size-at.X)*per+x]
							most = max(most, math.Abs(float64(u-v)))
						}
					}
				}
			}
			if most > c.tolerance {
				t.Errorf("tiles differ from the whole image by %g", most)
			}
			t.Logf("%v, by %.2g", g.tiling(), most)
		})
	}
}

func farthest(a, b session.Tensor) float64 {
	most := 0.0
	for i, v := range a.Data {
		most = max(most, math.Abs(float64(v-b.Data[i])))
	}
	return most
}

// agreement compares images: the PSNR, and the mean difference at the seams and elsewhere.
func agreement(a, b *image.NRGBA, g *grid) (psnr, seams, elsewhere float64, most int) {
	beside := map[int]bool{}
	for i := 1; i < len(g.x.starts); i++ {
		from, _ := g.x.cuts(i)
		beside[from-1], beside[from] = true, true
	}
	rows := map[int]bool{}
	for i := 1; i < len(g.y.starts); i++ {
		from, _ := g.y.cuts(i)
		rows[from-1], rows[from] = true, true
	}
	var squares, at, other, atN, otherN float64
	for y := range a.Rect.Dy() {
		for x := range a.Rect.Dx() {
			for c := range 3 {
				d := int(a.Pix[y*a.Stride+4*x+c]) - int(b.Pix[y*b.Stride+4*x+c])
				most = max(most, d, -d)
				squares += float64(d * d)
				if beside[x] || rows[y] {
					at, atN = at+math.Abs(float64(d)), atN+1
				} else {
					other, otherN = other+math.Abs(float64(d)), otherN+1
				}
			}
		}
	}
	n := float64(3 * a.Rect.Dx() * a.Rect.Dy())
	return 10 * math.Log10(255*255/(squares/n+1e-9)), at / max(atN, 1), other / otherN, most
}

func TestTranslateTiles(t *testing.T) {
	for _, c := range []struct {
		model    string
		multiple int
		most     int
		blended  bool
		psnr     float64
		far      int // of 255
	}{
		{"tiles_instance.onnx", 0, leastMaxPixels, false, 50, 8},
		{"tiles_computed.onnx", 4, leastMaxPixels, false, 50, 8},
		{"tiles_nhwc.onnx", 2, leastMaxPixels, false, 50, 8},
		{"tiles_valid.onnx", 2, leastMaxPixels, false, 50, 8},
		{"tiles_half.onnx", 0, leastMaxPixels, false, 45, 15},
		{"tiles_batch.onnx", 0, leastMaxPixels, false, 80, 1},
		{"tiles_unet.onnx", 0, leastMaxPixels, true, 30, 120},
		{"tiles_global.onnx", 0, leastMaxPixels, true, 30, 60},
	} {
		t.Run(c.model, func(t *testing.T) {
			m := open(t, c.model, &Options{SizeMultiple: c.multiple})
			img := scenery(701, 502)
			want, err := m.Translate(t.Context(), img)
			if err != nil {
				t.Fatal(err)
			}
			m.info.MaxPixels = c.most
			got, err := m.Translate(t.Context(), img)
			if err != nil {
				t.Fatal(err)
			}
			tiling := m.Tiling(701, 502)
			if tiling.Tiles < 4 || tiling.Blended != c.blended || tiling.Blended != (tiling.Reason != "") || tiling.Width*tiling.Height > c.most {
				t.Errorf("tiling %+v", tiling)
			}
			psnr, seams, elsewhere, most := agreement(want.(*image.NRGBA), got.(*image.NRGBA), m.tiler.grid(701, 502))
			t.Logf("%v of %dx%d: PSNR %.1f dB, %.3f at seams and %.3f elsewhere, at most %d", tiling, tiling.Width, tiling.Height, psnr, seams, elsewhere, most)
			if psnr < c.psnr || most > c.far {
				t.Errorf("PSNR %.1f dB and at most %d; want %g dB and %d", psnr, most, c.psnr, c.far)
			}
			if !c.blended && seams > 1.2*elsewhere+0.02 {
				t.Errorf("differs by %.3f at the seams and by %.3f elsewhere", seams, elsewhere)
			}
		})
	}
}

// Without approximation in the tiles, all kinds of sizes are exact: long, thin, tiny, and no
// multiples.
func TestTranslateTilesSizes(t *testing.T) {
	for _, c := range []struct {
		model string
		opt   *Options
	}{
		{"invert.onnx", &Options{Detail: DetailModel}},
		{"multiple8.onnx", &Options{Detail: DetailModel}},
		{"multiple8.onnx", &Options{SizeMultiple: 24, MinSize: 40, Detail: DetailModel}},
		{"conv.onnx", &Options{Detail: DetailModel}},
	} {
		m := open(t, c.model, c.opt)
		for _, s := range []image.Point{{20000, 3}, {3, 5000}, {1, 4000}, {257, 129}, {100, 100}, {67, 1031}} {
			img := imagetest.Pattern(s.X, s.Y)
			m.info.MaxPixels = -1
			want, err := m.Translate(t.Context(), img)
			if err != nil {
				t.Fatal(err)
			}
			m.info.MaxPixels = 4096
			tiling := m.Tiling(s.X, s.Y)
			got, err := m.Translate(t.Context(), img)
			if err != nil {
				t.Fatal(err)
			}
			W, H := m.runSize(s.X, s.Y)
			if err := imagetest.Equal(got, want, 0); err != nil || tiling.Blended && c.opt.SizeMultiple == 0 || (tiling.Tiles > 1) != (W*H > 4096) {
				t.Errorf("%s, %v: %v, %v", c.model, s, tiling, err)
			}
		}
	}
	// With statistics, for long and thin images too.
	m := openSmall(t, "tiles_instance.onnx", 80*80, nil)
	for _, s := range []image.Point{{3000, 3}, {5, 2000}, {1, 900}} {
		if out, err := m.Translate(t.Context(), scenery(s.X, s.Y)); err != nil || out.Bounds().Size() != s || m.Tiling(s.X, s.Y).Tiles < 2 {
			t.Errorf("%v: %v, %v", s, m.Tiling(s.X, s.Y), err)
		}
	}
}

// Tiling keeps bounds that do not start at the origin, alpha, and types of images without SubImage.
func TestTranslateTilesKinds(t *testing.T) {
	m := openSmall(t, "invert.onnx", 1024, nil)
	img := imagetest.Pattern(90, 70)
	for i := 3; i < len(img.Pix); i += 4 {
		img.Pix[i] = uint8(i)
	}
	part := img.SubImage(image.Rect(7, 9, 81, 63)).(*image.NRGBA)
	for _, p := range []image.Image{part, struct{ image.Image }{part}} {
		out, err := m.Translate(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if err := imagetest.Equal(out, imagetest.Negative(part), 0); err != nil {
			t.Errorf("%T: %v", p, err)
		}
	}
}

func TestTilesFixedSize(t *testing.T) {
	m := openSmall(t, "fixed.onnx", 256, nil)
	if got := m.Tiling(500, 500); got.Tiles != 1 {
		t.Errorf("a model that takes one size alone: %v", got)
	}
	if out, err := m.Translate(t.Context(), imagetest.Pattern(200, 100)); err != nil || out.Bounds().Dx() != 200 {
		t.Errorf("%v", err)
	}
}

// A variant that differs from the model is not used.
func TestTilesSelfCheck(t *testing.T) {
	m := openSmall(t, "tiles_instance.onnx", 100*100, nil)
	other := open(t, "tiles_batch.onnx", nil)
	own := m.sessions.main
	m.sessions.main = other.sessions.main
	m.tiler.learn()
	m.sessions.main = own
	if m.tiler.net != nil || !strings.Contains(m.tiler.reason, "another image") {
		t.Errorf("%v, %q", m.tiler.net, m.tiler.reason)
	}
	if tiling := m.Tiling(300, 300); !tiling.Blended || tiling.Reason != m.tiler.reason {
		t.Errorf("%+v", tiling)
	}
}

func TestTilesConcurrent(t *testing.T) {
	m := openSmall(t, "tiles_instance.onnx", 120*120, nil)
	img := scenery(200, 150)
	var group sync.WaitGroup
	results := make([]image.Image, 4)
	for i := range results {
		group.Go(func() {
			out, err := m.Translate(t.Context(), img)
			if err != nil {
				t.Error(err)
			}
			results[i] = out
		})
	}
	group.Wait()
	for _, r := range results[1:] {
		if err := imagetest.Equal(r, results[0], 0); err != nil {
			t.Error(err)
		}
	}
}

// counted is a session that reports its runs.
type counted struct {
	runner
	before func()
}

func (c counted) RunInto(ctx context.Context, outputs []session.Tensor, inputs ...session.Tensor) error {
	c.before()
	return c.runner.RunInto(ctx, outputs, inputs...)
}

func TestTilesCancelled(t *testing.T) {
	m := openSmall(t, "tiles_batch.onnx", 96*96, nil)
	if m.Tiling(400, 300).Tiles < 10 {
		t.Fatal(m.Tiling(400, 300))
	}
	if _, err := m.sessions.large(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	runs := 0
	m.sessions.lean.run = counted{m.sessions.lean.run, func() {
		if runs++; runs == 3 {
			cancel(enough)
		}
	}}
	if _, err := m.Translate(ctx, scenery(400, 300)); !errors.Is(err, enough) || runs != 3 {
		t.Errorf("after %d tiles: %v", runs, err)
	}
	m.sessions.lean.run = m.sessions.lean.run.(counted).runner
}

// Close waits for all tiles of an image.
func TestTilesDuringClose(t *testing.T) {
	m := openSmall(t, "tiles_batch.onnx", 96*96, nil)
	if _, err := m.sessions.large(); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	runs := 0
	m.sessions.lean.run = counted{m.sessions.lean.run, func() {
		if runs++; runs > 1 {
			return
		}
		go func() { closed <- m.Close() }()
		for m.uses.begin() == nil {
			m.uses.end()
			runtime.Gosched()
		}
	}}
	if _, err := m.Translate(t.Context(), scenery(200, 200)); err != nil || runs < 2 {
		t.Fatalf("after %d runs: %v", runs, err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestTilesAfterClose(t *testing.T) {
	m := openSmall(t, "tiles_instance.onnx", 100*100, nil)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Translate(t.Context(), scenery(200, 200)); !errors.Is(err, session.ErrClosed) {
		t.Errorf("%v", err)
	}
}

func TestTilingString(t *testing.T) {
	for want, tiling := range map[string]Tiling{"whole": {}, "12 tiles": {Tiles: 12}, "3 tiles, blended": {Tiles: 3, Blended: true}} {
		if got := fmt.Sprint(tiling); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
