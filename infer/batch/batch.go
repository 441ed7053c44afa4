// Package batch converts folders of images through a model. A [Batch] reads, translates and writes them concurrently.
package batch

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"cyclegan/infer"
	"cyclegan/infer/pixels"
)

// A Batch converts the pictures of files and folders. Reading, translating and writing go on side by side.
//
//	b := batch.Batch{Model: model, Inputs: []string{"photos"}, Output: "winter"}
//	summary, err := b.Run(ctx)
type Batch struct {
	// Model translates the pictures.
	Model infer.Translator
	// Inputs are pictures, folders of pictures and patterns of both, Output the folder to write to; NewPlan tells what goes where.
	Inputs []string
	Output string
	// Format is the one to write: "png", "jpg", "gif", "bmp", "tiff". Empty: each picture keeps its own, and WebP becomes PNG.
	Format string
	// Quality is JPEG's, 1 to 100. 0: 95.
	Quality int
	// SkipExisting leaves out pictures whose output is there already.
	SkipExisting bool
	// Workers is how many pictures are in the model at once. 0: 2, so that one keeps the processors busy while the other is at what only one
	// of them can do; in a batch of 8 and more each has half of the model's threads. A picture of more than 512x512, which takes more memory and
	// keeps the processors busy by itself, goes alone.
	Workers int
	// Files is how many pictures are read, and how many written, at once. 0: half as many as there are processors, up to 8.
	Files int
	// Limits bound what a picture may cost.
	Limits pixels.Limits
	// Size gives the size in pixels that a picture of w x h is brought to before the model; its result keeps that. Nil: none is resized.
	Size func(w, h int) (int, int)

	// Stop, when it is closed, ends the batch early: no further picture is begun, those in the model and after it are finished.
	// (The end of Run's context breaks them off.)
	Stop <-chan struct{}
	// Begin is called once with the plan, Done after each picture, both from Run's own goroutine.
	Begin func(*Plan)
	Done  func(Result)
}

// A Result is what became of one picture.
type Result struct {
	Job
	// Width and Height are the picture's own, upright, before Batch.Size.
	Width, Height int
	Skipped       bool // its output was there already
	Err           error
	// Notes say what the picture had that its result lacks, a sentence each: further frames, more than 8 bits a sample, an ICC profile
	// other than sRGB's or transparency that its format does not hold.
	Notes []string
	// Tiling says how it went through the model; the zero value where the Translator does not say.
	Tiling infer.Tiling
	// Read, Run and Write are how long each part took.
	Read, Run, Write time.Duration
}

// A Summary counts what became of a batch.
type Summary struct {
	Total, Converted, Skipped int
	// Failed are the pictures that could not be converted, and the folders that could not be read.
	Failed []Failure
	// Left counts the pictures that the batch did not come to.
	Left    int
	Elapsed time.Duration
}

// Validate lists every option that makes no sense, with its value.
func (b *Batch) Validate() error {
	var bad []error
	if b.Model == nil {
		bad = append(bad, errors.New("the batch has no model"))
	}
	if b.Quality < 0 || b.Quality > 100 {
		bad = append(bad, fmt.Errorf("quality %d: it is 1 to 100, or 0 for 95", b.Quality))
	}
	if b.Workers < 0 {
		bad = append(bad, fmt.Errorf("workers %d: it is 0 or more", b.Workers))
	}
	if b.Files < 0 {
		bad = append(bad, fmt.Errorf("files %d: it is 0 or more", b.Files))
	}
	return errors.Join(bad...)
}

// Run converts the pictures. One that fails is kept in the summary, and the others go on. A result has its name once it is whole; what
// a killed run left beside it is removed by the next one in the same folder, after an hour.
// The error says why nothing could be begun, or why the batch broke off: its context ended, or the output takes no more.
func (b *Batch) Run(ctx context.Context) (*Summary, error) {
	begin := time.Now()
	if err := b.Validate(); err != nil {
		return nil, err
	}
	plan, err := b.Plan()
	if err != nil {
		return nil, err
	}
	if b.Begin != nil {
		b.Begin(plan)
	}
	s := &Summary{Total: len(plan.Pictures)}
	c := conversion{Batch: b, Converter: newConverter(b), stop: make(chan struct{})}
	var broken error
	for r := range c.start(ctx, plan.Pictures) {
		switch {
		case r.Skipped:
			s.Skipped++
		case r.Err == nil:
			s.Converted++
		case ctx.Err() != nil && errors.Is(r.Err, context.Cause(ctx)):
			continue // broken off rather than failed
		default:
			s.Failed = append(s.Failed, Failure{r.Input, r.Err})
			if why, lost := TargetLost(r.Err); lost {
				broken = fmt.Errorf("stopped, since %s: %w", why, r.Err)
				c.end()
			}
		}
		if b.Done != nil {
			b.Done(r)
		}
	}
	s.Left = s.Total - s.Converted - s.Skipped - len(s.Failed)
	plan.sortFailures(s.Failed)
	s.Failed = append(s.Failed, plan.Unread...)
	s.Elapsed = time.Since(begin)
	if s.Left > 0 && ctx.Err() != nil {
		broken = errors.Join(broken, context.Cause(ctx))
	}
	return s, broken
}

// Plan plans the batch, as [NewPlan] does and by how the output takes names: where A.png is a.png there, no two outputs differ by that alone.
// It makes the output folder where there is none, tries that it takes files, and removes what runs that were killed over an hour ago left in it.
// Run begins with it.
func (b *Batch) Plan() (*Plan, error) {
	plan, err := NewPlan(b.Inputs, b.Output, b.Format)
	if err != nil {
		return nil, err
	}
	fold, err := openTarget(b.Output)
	if err != nil {
		return nil, err
	}
	if fold && !namesFold {
		if plan, err = newPlan(b.Inputs, b.Output, b.Format, fold); err != nil {
			return nil, err
		}
	}
	plan.sweep()
	return plan, nil
}

// files gives Files with its default.
func (b *Batch) files() int {
	if b.Files > 0 {
		return b.Files
	}
	return min(max(runtime.GOMAXPROCS(0)/2, 1), 8)
}

// conversion is the pipeline of one run.
type conversion struct {
	*Batch
	*Converter
	stop chan struct{}
	once sync.Once
}

// end takes in no further pictures.
func (c *conversion) end() { c.once.Do(func() { close(c.stop) }) }

// ended says whether no further picture is to be begun.
func (c *conversion) ended(ctx context.Context) bool {
	select {
	case <-c.stop:
	case <-c.Stop:
	case <-ctx.Done():
	default:
		return false
	}
	return true
}

// work is a picture on its way; img is what the stages before made of it.
type work struct {
	Result
	img     image.Image
	profile pixels.Profile
}

// start gives the results as they come, and closes the channel after the last. The channels between the stages hold nothing,
// so that no more pictures are in memory than there are goroutines.
func (c *conversion) start(ctx context.Context, jobs []Job) <-chan Result {
	results := make(chan Result)
	files := c.files()
	feed := make(chan *work)
	go func() {
		defer close(feed)
		for _, j := range jobs {
			if c.ended(ctx) {
				return
			}
			select {
			case feed <- &work{Result: Result{Job: j}}:
			case <-c.stop:
			case <-c.Stop:
			case <-ctx.Done():
			}
		}
	}()
	read := stage(files, feed, results, func(w *work) bool { return c.read(w) })
	run := stage(c.workers, read, results, func(w *work) bool {
		leave, err := c.enter(ctx, w)
		if err != nil {
			return false
		}
		defer leave()
		return !c.ended(ctx) && c.run(ctx, w)
	})
	written := stage(files, run, results, func(w *work) bool { c.write(w); return true })
	go func() {
		for w := range written {
			results <- w.Result
		}
		close(results)
	}()
	return results
}

// stage runs do on what comes in, n at a time. What do says yes to goes out; the rest is a result if it has come to an end, and dropped if not.
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

func (c *conversion) read(w *work) bool {
	if c.SkipExisting {
		if info, err := os.Stat(w.Output); err == nil && !info.IsDir() {
			w.Skipped = true
			return false
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.Err = err
			return false
		}
	}
	begin := time.Now()
	pic, err := pixels.Load(w.Input, c.Limits)
	w.Read = time.Since(begin)
	if err != nil {
		w.Err = err
		return false
	}
	return c.take(w, pic)
}

func (c *conversion) write(w *work) {
	begin := time.Now()
	if w.Err = os.MkdirAll(filepath.Dir(w.Output), 0o777); w.Err == nil {
		w.Err = pixels.Save(w.Output, w.img, pixels.SaveOptions{Quality: c.Quality, Profile: w.profile})
	}
	w.Write = time.Since(begin)
	w.img, w.profile = nil, nil
}
