// Package batch converts folders of images with a model. A [Converter] carries out a [Plan], which
// says which image goes where:
//
//	plan, err := batch.NewPlan([]string{"photos"}, "winter", "")
//	if err != nil {
//		return err
//	}
//	converter, err := batch.New(model, nil)
//	if err != nil {
//		return err
//	}
//	summary, err := converter.Run(ctx, plan)
//
// One failing image does not end a run: [Summary] lists it. An [OutputError] does, because no
// further image could be written.
package batch

import (
	"context"
	"errors"
	"fmt"
	"image"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/semaphore"

	"cyclegan/infer"
	"cyclegan/infer/pixels"
)

// A Translator converts one image to another. *infer.Model implements it. An implementation that
// wraps a model passes ctx on, through which the model reports how it tiled the image. Images are
// of type *image.NRGBA, or of another type with 16 bits per sample if the files have those.
type Translator interface {
	Translate(ctx context.Context, img image.Image) (image.Image, error)
}

// Options configure a Converter. A nil *Options and the zero value stand for the defaults.
type Options struct {
	// Quality is the quality of JPEG and of lossy WebP, 1 to 100. Default 95.
	Quality int
	// Lossless writes WebP without loss.
	Lossless bool
	// Strip leaves out the metadata of the inputs: EXIF, XMP, IPTC, resolution. Color profiles
	// stay.
	Strip bool
	// SkipExisting skips images whose output exists.
	SkipExisting bool
	// Workers is the number of images that are passed to the Translator concurrently. Default 2:
	// one runs in the model while the other is pre- or post-processed. A Model holds back large
	// images by itself, see infer.Options.Concurrency.
	Workers int
	// Files is the number of images that are read, and the number that are written, concurrently.
	// Default: half the number of processors, at least 1 and at most 8.
	Files int
	// Limits bound the images that are read.
	Limits pixels.Limits
	// Size returns the size in pixels to which an image of w x h is resized before it is
	// translated; the output keeps that size. Default: no image is resized.
	Size func(w, h int) (int, int)
	// Window holds the values of 16-bit results that become black and white in formats with 8 bits,
	// and in animations and videos. Default: the output window of a Translator that is an
	// *infer.Model.
	Window infer.Window
	// Done is called after each image, from the goroutine that called Run.
	Done func(Result)
}

// Validate reports every invalid option with its value.
func (o *Options) Validate() error {
	if o == nil {
		return nil
	}
	var bad []error
	if o.Quality < 0 || o.Quality > 100 {
		bad = append(bad, fmt.Errorf("quality %d is not between 1 and 100, or 0 for 95", o.Quality))
	}
	if o.Workers < 0 {
		bad = append(bad, fmt.Errorf("workers %d is negative", o.Workers))
	}
	if o.Files < 0 {
		bad = append(bad, fmt.Errorf("files %d is negative", o.Files))
	}
	return errors.Join(bad...)
}

// A Result describes the conversion of one image.
type Result struct {
	Job
	// Width and Height are the size of the upright input image, before Options.Size.
	Width, Height int
	// Frames is the number of frames of an animation that were converted. It is 0 for a still
	// image, and for an animation of which the output format stores the first frame only.
	Frames int
	// Skipped is true if the output existed already.
	Skipped bool
	Err     error
	// Notes are sentences about what the output lacks: further frames, more than 8 bits per sample,
	// an ICC profile, metadata, or transparency that its format cannot store.
	Notes []string
	// Tiling tells how the image went through the model. The zero value: the Translator did not
	// report it.
	Tiling infer.Tiling
	// Read, Run and Write are the durations of each part. Run includes the wait for the model.
	Read, Run, Write time.Duration
}

// A Summary counts the outcomes of a run.
type Summary struct {
	Total, Converted, Skipped int
	// Failed lists the images that could not be converted and the folders that could not be read.
	Failed []Failure
	// Left is the number of images that the run did not reach.
	Left    int
	Elapsed time.Duration
}

// Add adds the results of a further plan. An image that failed before and is in that plan counts as
// its last result says.
func (s *Summary) Add(plan *Plan, more *Summary) {
	again := map[string]bool{}
	for _, j := range plan.Jobs {
		again[j.Input] = true
	}
	before := len(s.Failed)
	s.Failed = slices.DeleteFunc(s.Failed, func(f Failure) bool { return again[f.Path] })
	s.Total += more.Total - (before - len(s.Failed))
	s.Converted += more.Converted
	s.Skipped += more.Skipped
	s.Left += more.Left
	s.Failed = append(s.Failed, more.Failed...)
	s.Elapsed += more.Elapsed
}

// A Converter converts images with one Translator. It is safe for concurrent use.
type Converter struct {
	model   Translator
	opt     Options // with defaults
	inModel *semaphore.Weighted
	stopped context.Context
	stop    context.CancelFunc
}

// New returns a Converter. Options may be nil.
func New(model Translator, opt *Options) (*Converter, error) {
	err := opt.Validate()
	if model == nil {
		err = errors.Join(errors.New("batch: the model is nil"), err)
	}
	if err != nil {
		return nil, err
	}
	c := &Converter{model: model}
	if opt != nil {
		c.opt = *opt
	}
	if m, ok := model.(*infer.Model); ok && c.opt.Window == (infer.Window{}) {
		c.opt.Window = m.Info().Output.Window
	}
	if c.opt.Workers == 0 {
		c.opt.Workers = 2
	}
	if c.opt.Files == 0 {
		c.opt.Files = min(max(runtime.GOMAXPROCS(0)/2, 1), 8)
	}
	c.inModel = semaphore.NewWeighted(int64(c.opt.Workers))
	c.stopped, c.stop = context.WithCancel(context.Background())
	return c, nil
}

// MaxInMemory returns the largest number of images that Run holds in memory at once, of which an
// animation in the model counts as Options.Workers + 1.
func (c *Converter) MaxInMemory() int { return c.opt.Workers + 2*c.opt.Files }

// Stop makes Run start no further image, finish those under way and return. It may be called from
// any goroutine and more than once; a stopped Converter cannot run again. To abort instead, cancel
// the context of Run.
func (c *Converter) Stop() { c.stop() }
