package batch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"strings"
	"testing"
	"time"

	"cyclegan/infer/pixels"
)

// stream returns a video of n gray frames of 2x1 pixels, with their numbers as pixels and
// parameters.
func stream(n int) string {
	var b strings.Builder
	b.WriteString("YUV4MPEG2 W2 H1 F25:1 Cmono XCOLORRANGE=FULL\n")
	for i := range n {
		fmt.Fprintf(&b, "FRAME X%d\n%c%c", i, i, i)
	}
	return b.String()
}

func TestVideo(t *testing.T) {
	keep := translator(func(_ context.Context, img image.Image) (image.Image, error) { return img, nil })
	frames := 0
	run := func(model Translator, in io.Reader, out io.Writer, opt *Options) Result {
		c, err := New(model, opt)
		if err != nil {
			t.Fatal(err)
		}
		frames = 0
		return c.Video(t.Context(), Job{"in", "out"}, in, out, func() { frames++ })
	}
	var out bytes.Buffer
	r := run(keep, strings.NewReader(stream(90)), &out, nil)
	if r.Err != nil || r.Frames != 90 || frames != 90 || r.Width != 2 || r.Height != 1 || out.String() != stream(90) {
		t.Errorf("%+v, %d frames, %.80q", r, frames, out.String())
	}
	out.Reset()
	if r := run(keep, strings.NewReader(stream(3)), &out, &Options{Size: func(w, h int) (int, int) { return 2 * w, 2 * h }}); r.Err != nil || !strings.HasPrefix(out.String(), "YUV4MPEG2 W4 H2 F25:1 Cmono XCOLORRANGE=FULL\nFRAME X0\n\x00\x00\x00\x00\x00\x00\x00\x00FRAME X1\n") {
		t.Errorf("%v, %q", r.Err, out.String())
	}
	interlaced := strings.Replace(stream(1), "F25:1", "It", 1)
	if r := run(keep, strings.NewReader(interlaced), io.Discard, nil); r.Err != nil || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "interlaced") {
		t.Errorf("%v, notes %q", r.Err, r.Notes)
	}
	broken := translator(func(context.Context, image.Image) (image.Image, error) { return nil, errors.New("no memory") })
	// Inputs that never end: a reader that closes its end, or a model that fails, must not wait for
	// them.
	endless, feed := io.Pipe()
	go feed.Write([]byte(stream(9)))
	for want, r := range map[string]Result{
		"no frames":    run(keep, strings.NewReader(stream(0)), io.Discard, nil),
		"cut off":      run(keep, strings.NewReader(stream(3)[:70]), io.Discard, nil),
		"disk is full": run(keep, endless, fullDisk{}, nil),
		"no memory":    run(broken, strings.NewReader(stream(3)), io.Discard, nil),
		"the limit":    run(keep, strings.NewReader(stream(3)), io.Discard, &Options{Limits: pixels.Limits{MaxPixels: 1}}),
	} {
		if r.Err == nil || !strings.Contains(r.Err.Error(), want) {
			t.Errorf("%v, want %q", r.Err, want)
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("disk is full") }

// Stop ends a video whose input waits.
func TestVideoStops(t *testing.T) {
	in, feed := io.Pipe()
	c, err := New(inverter, nil)
	if err != nil {
		t.Fatal(err)
	}
	written := make(chan bool, 9)
	done := make(chan Result)
	go func() {
		done <- c.Video(t.Context(), Job{}, in, io.Discard, func() { written <- true })
	}()
	feed.Write([]byte(stream(2)))
	<-written
	<-written
	c.Stop()
	select {
	case r := <-done:
		if r.Err != nil || r.Frames != 2 {
			t.Errorf("%+v", r)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the video did not end")
	}
}
