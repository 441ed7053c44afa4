package batch

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"

	"cyclegan/infer/pixels"
	"cyclegan/infer/y4m"
)

// Video translates the frames of a YUV4MPEG2 stream as they come, and writes each as soon as it is
// done. Frame is called after each frame that was written. The stream keeps its parameters; with
// Options.Size, its frames have another size. After [Converter.Stop] the frames in progress are
// written.
//
// The result describes what was written, also if its Err is not nil.
func (c *Converter) Video(ctx context.Context, j Job, in io.Reader, out io.Writer, frame func()) Result {
	result := Result{Job: j}
	result.Err = c.video(ctx, in, out, frame, &result)
	return result
}

func (c *Converter) video(ctx context.Context, in io.Reader, out io.Writer, frame func(), result *Result) error {
	r, err := y4m.NewReader(in, c.opt.Limits)
	if err != nil {
		return err
	}
	h := r.Header()
	result.Width, result.Height = h.Width, h.Height
	resize := func(img image.Image) image.Image { return img }
	if c.opt.Size != nil {
		width, height := c.opt.Size(h.Width, h.Height)
		if err := c.opt.Limits.Check(width, height); err != nil {
			return fmt.Errorf("resize the video: %w", err)
		}
		resize = func(img image.Image) image.Image { return pixels.Scale(img, width, height) }
	}
	if h.Interlaced() {
		result.Notes = append(result.Notes, "the video is interlaced, and the two fields of a frame are translated as one image; with ffmpeg, -vf yadif separates them")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	params := make(chan string, c.MaxInMemory()+2) // of the frames that are read and not yet written
	frames := func(yield func(image.Image, error) bool) {
		for f, err := range c.reads(ctx, r) {
			if err != nil {
				yield(nil, err)
				return
			}
			params <- f.Params
			if !yield(resize(h.Image(f)), nil) {
				return
			}
		}
	}
	w := y4m.NewWriter(out, h)
	for t := range c.results(ctx, frames) {
		if t.err != nil {
			return t.err
		}
		img, _ := c.opt.Window.Stretch(t.img)
		if err := w.Write(img, <-params); err != nil {
			cancel() // the reader of the input, which may wait for a frame
			return fmt.Errorf("write video: %w", err)
		}
		result.Tiling = t.tiling
		result.Frames++
		frame()
	}
	if result.Frames == 0 && c.stopped.Err() == nil {
		return errors.New("read video: the stream has no frames")
	}
	return nil
}

// reads iterates over the frames of a video until ctx ends or the Converter is stopped, even while
// it waits for input.
func (c *Converter) reads(ctx context.Context, r *y4m.Reader) func(func(*y4m.Frame, error) bool) {
	type read struct {
		frame *y4m.Frame
		err   error
	}
	next := make(chan read)
	go func() {
		defer close(next)
		for {
			f, err := r.Next()
			if err == io.EOF {
				return
			}
			select {
			case next <- read{f, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return func(yield func(*y4m.Frame, error) bool) {
		for {
			select {
			case <-ctx.Done():
				return
			case <-c.stopped.Done():
				return
			case got, ok := <-next:
				if !ok || !yield(got.frame, got.err) {
					return
				}
			}
		}
	}
}
