package infer

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cyclegan/infer/internal/imagetest"
	"cyclegan/infer/onnx"
	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
)

// open opens a fixture, and skips the test if ONNX Runtime is missing.
func open(t testing.TB, name string, opt *Options) *Model {
	t.Helper()
	m, err := Open(fixturePath(name), opt)
	skipWithoutRuntime(t, err)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func skipWithoutRuntime(t testing.TB, err error) {
	t.Helper()
	var missing *session.NotFoundError
	if errors.As(err, &missing) {
		t.Skipf("needs ONNX Runtime: %v", err)
	}
	if errors.Is(err, session.ErrNoCgo) {
		t.Skip("needs cgo")
	}
}

func TestTranslateSizes(t *testing.T) {
	for _, c := range []struct {
		model string
		opt   *Options
	}{
		{"invert.onnx", nil},
		{"multiple8.onnx", nil},
		{"nhwc_unit.onnx", &Options{Range: Range(pixels.Unit)}},
		{"nhwc_unit.onnx", &Options{Range: Range(pixels.Unit), BGR: true, SizeMultiple: 16}},
		{"byte.onnx", &Options{Range: Range(pixels.Byte), MinSize: 30}},
	} {
		t.Run(c.model, func(t *testing.T) {
			m := open(t, c.model, c.opt)
			for _, s := range []image.Point{{1, 1}, {1, 9}, {8, 8}, {16, 24}, {23, 17}, {40, 3}, {64, 65}} {
				img := imagetest.Pattern(s.X, s.Y)
				out, err := m.Translate(t.Context(), img)
				if err != nil {
					t.Fatalf("%v: %v", s, err)
				}
				if err := imagetest.Equal(out, imagetest.Negative(img), 0); err != nil {
					t.Errorf("%v: %v", s, err)
				}
			}
		})
	}
}

// A model that needs sides of multiples of 8 fails if the options tell otherwise, so it is the
// padding that makes it run.
func TestTranslateWithoutPadding(t *testing.T) {
	m := open(t, "multiple8.onnx", &Options{SizeMultiple: 1, MinSize: 1})
	if _, err := m.Translate(t.Context(), imagetest.Pattern(12, 8)); err == nil || !strings.Contains(err.Error(), "translate image of 12x8") {
		t.Errorf("error %v", err)
	}
}

func TestTranslateFixedSize(t *testing.T) {
	m := open(t, "fixed.onnx", nil)
	for _, s := range []image.Point{{24, 16}, {1, 1}, {24, 3}, {10, 16}} {
		img := imagetest.Pattern(s.X, s.Y)
		out, err := m.Translate(t.Context(), img)
		if err != nil {
			t.Fatal(err)
		}
		if err := imagetest.Equal(out, imagetest.Negative(img), 0); err != nil {
			t.Errorf("%v: %v", s, err)
		}
	}
	// Larger images are scaled down, which does not change an image of one color.
	for _, s := range []image.Point{{48, 32}, {25, 16}, {300, 20}, {7, 90}} {
		plain := image.NewNRGBA(image.Rectangle{Max: s})
		draw.Draw(plain, plain.Rect, image.NewUniform(color.NRGBA{200, 100, 50, 255}), image.Point{}, draw.Src)
		out, err := m.Translate(t.Context(), plain)
		if err != nil {
			t.Fatal(err)
		}
		if err := imagetest.Equal(out, imagetest.Negative(plain), 1); err != nil {
			t.Errorf("%v: %v", s, err)
		}
	}
}

func TestTranslateChannels(t *testing.T) {
	img := imagetest.Pattern(6, 5)
	for _, c := range []struct {
		opt  *Options
		keep int
	}{{nil, 0}, {&Options{BGR: true}, 2}} {
		m := open(t, "first.onnx", c.opt)
		out, err := m.Translate(t.Context(), img)
		if err != nil {
			t.Fatal(err)
		}
		want := imagetest.Pattern(6, 5)
		for i := range want.Pix {
			if i%4 != 3 && i%4 != c.keep {
				want.Pix[i] = 0
			}
		}
		if err := imagetest.Equal(out, want, 0); err != nil {
			t.Errorf("%+v: %v", c.opt, err)
		}
	}
	m := open(t, "gray.onnx", nil)
	out, err := m.Translate(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	p := img.NRGBAAt(2, 3)
	l := 255 - pixels.Luma(p.R, p.G, p.B)
	if got := out.At(2, 3); got != (color.Gray{Y: l}) {
		t.Errorf("gray: %v, want %d", got, l)
	}
}

// conv.png was made with ONNX Runtime's Python interface and numpy. Libraries and processors
// add in different orders, which can move a value to the next level.
func TestTranslateAsReference(t *testing.T) {
	want, err := pixels.Load(fixturePath("conv.png"), pixels.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	m := open(t, "conv.onnx", nil)
	out, err := m.Translate(t.Context(), imagetest.Pattern(23, 17))
	if err != nil {
		t.Fatal(err)
	}
	if err := imagetest.Equal(out, want.Image, 1); err != nil {
		t.Error(err)
	}
}

// straightAt returns a pixel without the rounding of alpha.
func straightAt(img image.Image, x, y int) color.NRGBA64 {
	if m, ok := img.(*image.NRGBA64); ok {
		return m.NRGBA64At(x, y)
	}
	c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
	return color.NRGBA64{257 * uint16(c.R), 257 * uint16(c.G), 257 * uint16(c.B), 257 * uint16(c.A)}
}

// Alpha and bounds come from the input, for every type of image.
func TestTranslateAlpha(t *testing.T) {
	m := open(t, "invert.onnx", &Options{SizeMultiple: 8})
	straight := imagetest.Pattern(11, 7)
	for i := range straight.Pix {
		if i%4 == 3 {
			straight.Pix[i] = uint8(255 - i/4)
		}
	}
	inside := straight.SubImage(image.Rect(2, 1, 9, 6)).(*image.NRGBA)
	deep := image.NewNRGBA64(straight.Rect)
	draw.Draw(deep, deep.Rect, straight, image.Point{}, draw.Src)
	paletted := image.NewPaletted(image.Rect(3, 3, 5, 4), color.Palette{color.NRGBA{10, 20, 30, 255}, color.NRGBA{}})
	paletted.Pix[1] = 1
	for _, img := range []image.Image{straight, inside, deep, paletted} {
		out, err := m.Translate(t.Context(), img)
		if err != nil {
			t.Fatal(err)
		}
		if out.Bounds() != img.Bounds() {
			t.Fatalf("%T: bounds %v, want %v", img, out.Bounds(), img.Bounds())
		}
		b := img.Bounds()
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				in, got := straightAt(img, x, y), straightAt(out, x, y)
				if want := (color.NRGBA64{65535 - in.R, 65535 - in.G, 65535 - in.B, in.A}); got != want && in.A > 0 {
					t.Fatalf("%T at %d,%d: %v, want %v", img, x, y, got, want)
				}
				if got.A != in.A {
					t.Fatalf("%T at %d,%d: alpha %d, want %d", img, x, y, got.A, in.A)
				}
			}
		}
	}
	// The alpha of an opaque premultiplied image is not copied.
	rgba := image.NewRGBA(image.Rect(0, 0, 3, 3))
	draw.Draw(rgba, rgba.Rect, imagetest.Pattern(3, 3), image.Point{}, draw.Src)
	out, err := m.Translate(t.Context(), rgba)
	if err != nil {
		t.Fatal(err)
	}
	if err := imagetest.Equal(out, imagetest.Negative(rgba), 0); err != nil {
		t.Error(err)
	}
}

func TestTranslateRefuses(t *testing.T) {
	m := open(t, "double.onnx", nil)
	if _, err := m.Translate(t.Context(), imagetest.Pattern(4, 3)); err == nil || !strings.Contains(err.Error(), "returned 8x6 for 4x3") {
		t.Errorf("a model that doubles: %v", err)
	}
	if _, err := m.Translate(t.Context(), nil); err == nil {
		t.Error("nil was taken for a image")
	}
	if _, err := m.Translate(t.Context(), image.NewNRGBA(image.Rectangle{})); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("an empty image: %v", err)
	}
}

func TestTranslateCancel(t *testing.T) {
	m := open(t, "slow.onnx", nil)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := m.Translate(ctx, imagetest.Pattern(8, 8)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

func TestTranslateConcurrent(t *testing.T) {
	m := open(t, "multiple8.onnx", nil)
	var group sync.WaitGroup
	for g := range 6 {
		group.Go(func() {
			for i := range 5 {
				img := imagetest.Pattern(5+7*g, 40-6*g+i)
				out, err := m.Translate(t.Context(), img)
				if err != nil {
					t.Error(err)
					return
				}
				if err := imagetest.Equal(out, imagetest.Negative(img), 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

func TestOpenAndNew(t *testing.T) {
	m := open(t, "multiple8.onnx", nil)
	info := m.Info()
	if info.SizeMultiple != 8 || info.Runtime == "" || info.Provider != "cpu" || info.Threads < 1 {
		t.Errorf("info %+v", info)
	}
	n, err := New(fixture(t, "multiple8.onnx"), &Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	if n.Info().Threads != 1 {
		t.Errorf("%d threads, want 1", n.Info().Threads)
	}
	for range 2 {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := n.Translate(t.Context(), imagetest.Pattern(8, 8)); !errors.Is(err, session.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// Info names the provider in use and, with auto, those that do not work. A named provider is used
// or is an error.
func TestProviders(t *testing.T) {
	m := open(t, "invert.onnx", &Options{Provider: session.Auto})
	i := m.Info()
	if i.Provider == session.Auto || !slices.Contains(session.Providers(), i.Provider) {
		t.Errorf("auto runs on %q", i.Provider)
	}
	if i.Provider == session.CPU && runtime.GOOS == "linux" && len(i.Refused) != 2 {
		t.Errorf("auto skipped CUDA and OpenVINO, and says %v", i.Refused)
	}
	img := imagetest.Pattern(20, 10)
	out, err := m.Translate(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	if err := imagetest.Equal(out, imagetest.Negative(img), 0); err != nil {
		t.Error(err)
	}
	cpu := open(t, "invert.onnx", nil).Info()
	if cpu.Provider != session.CPU || len(cpu.Refused) > 0 {
		t.Errorf("nobody asked for %q: %v", cpu.Provider, cpu.Refused)
	}
	elsewhere := session.CoreML
	if runtime.GOOS == "darwin" {
		elsewhere = session.DirectML
	}
	if _, err := Open(fixturePath("invert.onnx"), &Options{Provider: elsewhere}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("provider %q", elsewhere)) || !strings.Contains(err.Error(), "Fix: ") {
		t.Errorf("%s: %v", elsewhere, err)
	}
}

// A model is checked before ONNX Runtime is loaded.
func TestOpenRefuses(t *testing.T) {
	if _, err := Open(fixturePath("classify.onnx"), nil); err == nil || !strings.Contains(err.Error(), "classify.onnx") || !strings.Contains(err.Error(), "returns no image") {
		t.Errorf("a classifier: %v", err)
	}
	if _, err := Open(fixturePath("make.py"), nil); err == nil || !strings.Contains(err.Error(), "not an ONNX model") {
		t.Errorf("a script: %v", err)
	}
	if _, err := Open(fixturePath("no.onnx"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
	if _, err := New(fixture(t, "invert.onnx"), &Options{Layout: "HWC"}); err == nil || !strings.Contains(err.Error(), `"HWC"`) {
		t.Errorf("wrong options: %v", err)
	}
}

// echo is a session that returns fixed tensors.
type echo struct{ outputs []session.Tensor }

func (e echo) About() *session.Description {
	return &session.Description{Outputs: make([]onnx.Port, len(e.outputs))}
}

func (e echo) RunInto(_ context.Context, outputs []session.Tensor, _ ...session.Tensor) error {
	copy(outputs, e.outputs)
	return nil
}
func (e echo) Close() error { return nil }

// The output of a model is checked.
func TestTranslateOddOutputs(t *testing.T) {
	spec := Port{Layout: "NCHW", Range: symmetricRange, Channels: 3}
	for _, c := range []struct {
		name    string
		outputs []session.Tensor
	}{
		{"none", nil},
		{"two", make([]session.Tensor, 2)},
		{"no shape", []session.Tensor{{}}},
		{"two images", []session.Tensor{{Shape: []int64{2, 3, 2, 2}, Data: make([]float32, 24)}}},
		{"one channel", []session.Tensor{{Shape: []int64{1, 1, 2, 2}, Data: make([]float32, 4)}}},
		{"other layout", []session.Tensor{{Shape: []int64{1, 2, 2, 3}, Data: make([]float32, 12)}}},
		{"few values", []session.Tensor{{Shape: []int64{1, 3, 2, 2}, Data: make([]float32, 3)}}},
	} {
		m := &Model{engine: newEngine(Info{SizeMultiple: 1, MinSize: 1, Input: spec, Output: spec}),
			sessions: &sessions{main: echo{c.outputs}}, limit: newLimiter(1, arenaPixels)}
		if _, err := m.Translate(t.Context(), imagetest.Pattern(2, 2)); err == nil {
			t.Errorf("%s: accepted", c.name)
		}
	}
}

func BenchmarkTranslate(b *testing.B) {
	for _, size := range []int{256, 250} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			m := open(b, "multiple8.onnx", nil)
			img := imagetest.Pattern(size, size)
			b.SetBytes(int64(len(img.Pix)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Translate(b.Context(), img); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
