package batch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"cyclegan/infer"
	"cyclegan/infer/atomicfile"
	"cyclegan/infer/pixels"
)

// Run converts the images of the plan. Reading, translating and writing overlap. Each output is
// written atomically. An image that fails is listed in the summary and does not end the run.
//
// The error tells why the run ended early: the cause of ctx, or an *[OutputError]. The summary is
// valid in both cases.
func (c *Converter) Run(ctx context.Context, plan *Plan) (*Summary, error) {
	begin := time.Now()
	s := &Summary{Total: len(plan.Jobs)}
	feeding, stopFeeding := context.WithCancel(ctx)
	defer stopFeeding()
	defer context.AfterFunc(c.stopped, stopFeeding)()
	failed := map[string]error{} // by input
	var broken error
	for r := range c.start(ctx, feeding, plan.Jobs) {
		switch {
		case r.Skipped:
			s.Skipped++
		case r.Err == nil:
			s.Converted++
		case ctx.Err() != nil && errors.Is(r.Err, context.Cause(ctx)):
			continue // aborted, which is not a failure of the image
		default:
			failed[r.Input] = r.Err
			if outputErr := AsOutputError(r.Err); outputErr != nil && broken == nil {
				broken = outputErr
				stopFeeding()
			}
		}
		if c.opt.Done != nil {
			c.opt.Done(r)
		}
	}
	s.Left = s.Total - s.Converted - s.Skipped - len(failed)
	for _, j := range plan.Jobs {
		if err := failed[j.Input]; err != nil {
			s.Failed = append(s.Failed, Failure{j.Input, err})
		}
	}
	s.Failed = append(s.Failed, plan.Unread...)
	s.Elapsed = time.Since(begin)
	if s.Left > 0 && ctx.Err() != nil {
		broken = errors.Join(broken, context.Cause(ctx))
	}
	return s, broken
}

// Convert converts one image that is stored elsewhere than in a file: it decodes file, and returns
// the bytes of the output in the format of the extension of j.Output. The names in j are used in
// messages only. While Options.Workers images are in the model, Convert waits. Read and Write of
// the result are the durations of decoding and encoding.
func (c *Converter) Convert(ctx context.Context, j Job, file []byte) ([]byte, Result) {
	w := &work{Result: Result{Job: j}}
	begin := time.Now()
	pic, err := pixels.Decode(file, c.opt.Limits)
	w.Read = time.Since(begin)
	if err != nil {
		w.Err = fmt.Errorf("read image %q: %w", j.Input, err)
		return nil, w.Result
	}
	if !c.prepare(w, pic) {
		return nil, w.Result
	}
	if !c.translate(ctx, w) {
		return nil, w.Result
	}
	begin = time.Now()
	var out bytes.Buffer
	err = w.encode(&out)
	w.Write = time.Since(begin)
	if err != nil {
		w.Err = fmt.Errorf("write image %q: %w", j.Output, err)
		return nil, w.Result
	}
	return out.Bytes(), w.Result
}

// work is an image on its way through the stages. img is the output of the stage before.
type work struct {
	Result
	img    image.Image
	save   pixels.SaveOptions
	resize func(image.Image) image.Image
	// Of an animation that the output format can store, the frames before and after they are
	// translated.
	animation *pixels.Animation
	frames    *pixels.FrameWriter
}

// start returns the results as they come, and closes the channel after the last. It starts no image
// after feeding has ended. The channels between the stages are unbuffered, so that no more images
// are in memory than there are goroutines.
func (c *Converter) start(ctx, feeding context.Context, jobs []Job) <-chan Result {
	results := make(chan Result)
	ended := func() bool { return feeding.Err() != nil || c.stopped.Err() != nil }
	feed := make(chan *work)
	go func() {
		defer close(feed)
		for _, j := range jobs {
			if ended() {
				return
			}
			select {
			case feed <- &work{Result: Result{Job: j}}:
			case <-feeding.Done():
			}
		}
	}()
	read := stage(c.opt.Files, feed, results, c.read)
	translated := stage(c.opt.Workers, read, results, func(w *work) bool { return !ended() && c.translate(ctx, w) })
	written := stage(c.opt.Files, translated, results, c.write)
	go func() {
		for w := range written {
			results <- w.Result
		}
		close(results)
	}()
	return results
}

// stage calls do for everything that comes in, n at a time. Where do returns true, the work goes
// out. Otherwise it is a result if it has failed or was skipped, and dropped if not.
func stage(n int, in <-chan *work, results chan<- Result, do func(*work) bool) <-chan *work {
	out := make(chan *work)
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			for w := range in {
				if do(w) {
					out <- w
				} else if w.Err != nil || w.Skipped {
					results <- w.Result
				}
			}
		})
	}
	go func() {
		group.Wait()
		close(out)
	}()
	return out
}

func (c *Converter) read(w *work) bool {
	if c.opt.SkipExisting {
		if info, err := os.Stat(w.Output); err == nil && !info.IsDir() {
			w.Skipped = true
			return false
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.Err = err
			return false
		}
	}
	begin := time.Now()
	pic, err := pixels.Load(w.Input, c.opt.Limits)
	w.Read = time.Since(begin)
	if err != nil {
		w.Err = err
		return false
	}
	return c.prepare(w, pic)
}

// prepare resizes an image that has been read and notes what its output format cannot store.
func (c *Converter) prepare(w *work, pic *pixels.Picture) bool {
	w.img, w.Notes = pic.Image, pic.Notes
	w.save = pixels.SaveOptions{Format: filepath.Ext(w.Output), Quality: c.opt.Quality, Lossless: c.opt.Lossless, Profile: pic.Profile}
	w.Width, w.Height = pic.Image.Rect.Dx(), pic.Image.Rect.Dy()
	format := canonical(filepath.Ext(w.Output))
	if !pic.Profile.SRGB() && !pixels.KeepsProfile(format) {
		w.Notes = append(w.Notes, fmt.Sprintf("%s cannot store its ICC profile %q", format, pic.Profile.Name()))
	}
	if pic.Alpha && (format == "jpg" || format == "bmp") {
		w.Notes = append(w.Notes, format+" cannot store its transparency: it is blended onto white")
	}
	if pic.Deep != nil {
		w.img = pic.Deep
	}
	if !c.opt.Strip {
		w.save.Metadata = pic.Metadata
		w.Notes = append(w.Notes, pic.Metadata.Lost(format)...)
	}
	w.resize = func(img image.Image) image.Image { return img }
	c.keepFrames(w, pic.Animation)
	if c.opt.Size == nil {
		return true
	}
	width, height := c.opt.Size(w.Width, w.Height)
	if err := c.opt.Limits.Check(width, height); err != nil {
		w.Err = fmt.Errorf("resize %q: %w", w.Input, err)
		return false
	}
	w.resize = func(img image.Image) image.Image { return pixels.Scale(img, width, height) }
	w.img = w.resize(w.img)
	return true
}

// keepFrames makes the work an animation if there is one that the output format can store.
func (c *Converter) keepFrames(w *work, a *pixels.Animation) {
	if a == nil || !pixels.KeepsFrames(w.save.Format) {
		return
	}
	w.Notes = slices.DeleteFunc(w.Notes, func(note string) bool { return note == pixels.NoteFrames })
	if err := a.TooLong(); err != nil {
		w.Notes = append(w.Notes, pixels.NoteFrames+": "+err.Error())
		return
	}
	w.animation = a
}

func (c *Converter) translate(ctx context.Context, w *work) bool {
	begin := time.Now()
	var err error
	if w.animation != nil {
		err = c.animate(ctx, w)
	} else if w.img, w.Tiling, err = c.apply(ctx, w.img); err == nil {
		c.fitFormat(w)
	}
	w.Run = time.Since(begin)
	if w.Tiling.Blended {
		w.Notes = append(w.Notes, "it is converted in tiles whose edges are blended: "+w.Tiling.Reason)
	}
	if err != nil {
		w.Err = fmt.Errorf("convert %q: %w", w.Input, err)
		return false
	}
	return true
}

// fitFormat reduces a result to what its format stores, and corrects the notes. Frames have 8 bits.
func (c *Converter) fitFormat(w *work) {
	if w.frames != nil {
		c.toBytes(w, "an animation")
		return
	}
	format := canonical(filepath.Ext(w.Output))
	if pixels.Deep(w.img) && pixels.KeepsDeep(format) {
		w.Notes = slices.DeleteFunc(w.Notes, func(note string) bool { return note == pixels.NoteDeep })
	} else {
		c.toBytes(w, format)
	}
	if gray := w.img.ColorModel(); w.save.Profile != nil && (gray == color.GrayModel || gray == color.Gray16Model) {
		w.Notes = append(w.Notes, fmt.Sprintf("the result is gray, which the ICC profile %q does not suit", w.save.Profile.Name()))
		w.save.Profile = nil
	}
}

// toBytes reduces a result to 8 bits per sample, which is what the named format or file stores.
func (c *Converter) toBytes(w *work, name string) {
	if !pixels.Deep(w.img) {
		return
	}
	w.img, _ = c.opt.Window.Stretch(w.img)
	w.img = pixels.Shallow(w.img)
	note := fmt.Sprintf("%s stores 8 bits: the values %d to %d become 0 to 255; still png and tiff images keep them", name, c.opt.Window.Lo, c.opt.Window.Hi)
	if c.opt.Window != (infer.Window{}) && !slices.Contains(w.Notes, note) {
		w.Notes = append(w.Notes, note)
	}
}

func (c *Converter) write(w *work) bool {
	begin := time.Now()
	if w.Err = os.MkdirAll(filepath.Dir(w.Output), 0o777); w.Err == nil {
		if err := atomicfile.Write(w.Output, w.encode); err != nil {
			w.Err = fmt.Errorf("write image: %w", err)
		}
	}
	w.Write = time.Since(begin)
	*w = work{Result: w.Result} // the rest can be freed
	return true
}
