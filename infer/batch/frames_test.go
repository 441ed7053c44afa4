package batch

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cyclegan/infer"
	"cyclegan/infer/internal/imagetest"
	"cyclegan/infer/pixels"
)

// Every frame of an animation is translated; formats without frames take the first, with a note.
func TestAnimations(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name, format string
		frames       int
	}{
		{"parts.gif", "", 5}, {"parts.png", "", 5}, {"parts.webp", "", 5}, {"parts.webp", "gif", 5}, {"parts.gif", "png", 5}, {"parts.gif", "jpg", 0},
	} {
		in := filepath.Join("../pixels/testdata", c.name)
		source, err := pixels.Load(in, pixels.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var result Result
		opt := &Options{Lossless: true, Done: func(r Result) { result = r }}
		out := filepath.Join(dir, c.name+c.format)
		if s, err := convert(t.Context(), inverter, in, out, c.format, opt); err != nil || s.Converted != 1 {
			t.Fatal(s, err)
		}
		got, err := pixels.Load(result.Output, pixels.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		noted := slices.Contains(result.Notes, pixels.NoteFrames)
		if result.Frames != c.frames || noted != (c.frames == 0) || (got.Animation != nil) != (c.frames > 0) {
			t.Fatalf("%s as %q: %d frames, notes %q", c.name, c.format, result.Frames, result.Notes)
		}
		if c.frames == 0 {
			continue
		}
		if got.Animation.Plays != 5 || got.Animation.Frames != 5 {
			t.Errorf("%s as %q: %d frames, shown %d times", c.name, c.format, got.Animation.Frames, got.Animation.Plays)
		}
		want := pull(source.Animation)
		for i, f := range pull(got.Animation) {
			negative := imagetest.Negative(want[i].Image)
			for p := 0; p < len(negative.Pix); p += 4 {
				a, w := f.Image.Pix[p+3], negative.Pix[p+3]
				if filepath.Ext(result.Output) == ".gif" {
					w = 255 * (w >> 7)
				}
				if a != w || a > 0 && !bytes.Equal(f.Image.Pix[p:p+3], negative.Pix[p:p+3]) || f.Delay != want[i].Delay {
					t.Fatalf("%s as %q: frame %d, pixel %d is %v for %v, want %v for %v", c.name, c.format, i, p/4, f.Image.Pix[p:p+4], f.Delay, negative.Pix[p:p+4], want[i].Delay)
				}
			}
		}
		file, err := os.ReadFile(in)
		if err != nil {
			t.Fatal(err)
		}
		converter, err := New(inverter, opt)
		if err != nil {
			t.Fatal(err)
		}
		written, err := os.ReadFile(result.Output)
		if converted, _ := converter.Convert(t.Context(), result.Job, file); err != nil || !bytes.Equal(converted, written) {
			t.Errorf("%s: the bytes differ from the file", c.name)
		}
	}
	entries, err := os.ReadDir(filepath.Join(dir, "parts.gif"))
	if err != nil || len(entries) != 1 {
		t.Errorf("left %v, %v", entries, err)
	}
}

func pull(a *pixels.Animation) (frames []pixels.Frame) {
	for f := range a.All() {
		frames = append(frames, f)
	}
	return frames
}

// numbered returns n frames whose first pixel is their number, and then an error if there is one.
func numbered(n int, err error) iter.Seq2[image.Image, error] {
	return func(yield func(image.Image, error) bool) {
		for i := range n {
			img := image.NewNRGBA(image.Rect(0, 0, 1, 1))
			img.SetNRGBA(0, 0, color.NRGBA{uint8(i), 0, 0, 255})
			if !yield(img, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// Frames come in order, are translated concurrently, and end with the first error.
func TestFrames(t *testing.T) {
	var inModel, most atomic.Int32
	slow := translator(func(ctx context.Context, img image.Image) (image.Image, error) {
		now := inModel.Add(1)
		defer inModel.Add(-1)
		most.Store(max(most.Load(), now))
		number := img.(*image.NRGBA).Pix[0]
		time.Sleep(time.Duration(3-number%3) * 2 * time.Millisecond)
		if number == 30 {
			return nil, errors.New("frame 30")
		}
		return img, ctx.Err()
	})
	c, err := New(slow, &Options{Workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		n, stop, got int
		in           error
		err          string
	}{
		{n: 20, stop: -1, got: 20}, {n: 0, stop: -1}, {n: 40, stop: -1, got: 30, err: "frame 30"},
		{n: 5, stop: -1, got: 5, in: errors.New("cut off"), err: "cut off"}, {n: 20, stop: 4, got: 5},
	} {
		got, failed := 0, ""
		for r := range c.results(t.Context(), numbered(want.n, want.in)) {
			if r.err != nil {
				failed = r.err.Error()
				continue
			}
			if number := r.img.(*image.NRGBA).Pix[0]; int(number) != got {
				t.Fatalf("frame %d is number %d", got, number)
			}
			if got++; got-1 == want.stop {
				break
			}
		}
		if got != want.got || failed != want.err || inModel.Load() != 0 {
			t.Errorf("%+v: %d frames, error %q, %d in the model", want, got, failed, inModel.Load())
		}
	}
	if most.Load() != 3 {
		t.Errorf("%d frames at once, want 3", most.Load())
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupted"))
	for r := range c.results(ctx, numbered(9, nil)) {
		if r.err == nil || !strings.Contains(r.err.Error(), "interrupted") {
			t.Errorf("a canceled context: %v", r.err)
		}
	}
}

// Frames that a file does not announce make no animation, and no program panic.
func TestFramesWithoutAnnouncement(t *testing.T) {
	for name, announced := range map[string]string{"parts.png": "acTL", "parts.webp": "VP8X"} {
		file, err := os.ReadFile(filepath.Join("../pixels/testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(file, []byte(announced))
		if name == "parts.webp" {
			file[at+8] &^= 2 // the flag for animations
		} else {
			copy(file[at:], "abCd")
			binary.BigEndian.PutUint32(file[at+12:], crc32.ChecksumIEEE(file[at:at+12]))
		}
		c, err := New(inverter, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, r := c.Convert(t.Context(), Job{name, name}, file); r.Frames != 0 || (r.Err == nil) != (name == "parts.png") {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// All frames of a model with an output window fill 8 bits, not the first alone.
func TestWindowInFrames(t *testing.T) {
	half := translator(func(_ context.Context, img image.Image) (image.Image, error) {
		out := image.NewNRGBA64(img.Bounds())
		draw.Draw(out, out.Rect, image.NewUniform(color.NRGBA64{2048, 2048, 2048, 65535}), image.Point{}, draw.Src)
		return out, nil
	})
	c, err := New(half, &Options{Window: infer.Window{Lo: 0, Hi: 4095}})
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("../pixels/testdata/parts.gif")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"out.png", "out.gif"} {
		data, r := c.Convert(t.Context(), Job{"in", name}, file)
		if r.Err != nil || r.Frames != 5 || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "0 to 4095 become 0 to 255") {
			t.Fatalf("%s: %+v", name, r)
		}
		got, err := pixels.Decode(data, pixels.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range pull(got.Animation) {
			if p := f.Image.NRGBAAt(1, 1); p != (color.NRGBA{128, 128, 128, 255}) {
				t.Errorf("%s: frame %d has %v", name, i+1, p)
			}
		}
	}
	var out bytes.Buffer
	if r := c.Video(t.Context(), Job{"in", "out"}, strings.NewReader(stream(2)), &out, func() {}); r.Err != nil || !strings.HasSuffix(out.String(), "FRAME X1\n\x80\x80") {
		t.Errorf("%v, %q", r.Err, out.String())
	}
}
