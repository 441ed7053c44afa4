package pipeline

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"sync"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"cyclegan/cmd/internal/modelcli"
	"cyclegan/infer"
	"cyclegan/infer/batch"
)

func init() {
	register.DoFn3x1[context.Context, Job, func(Letter), error](&convertFn{})
	register.Emitter1[Letter]()
	register.Emitter1[Job]()
	beam.RegisterType(reflect.TypeFor[Job]())
	beam.RegisterType(reflect.TypeFor[Letter]())
}

// Job is a [batch.Job] in a form that Beam encodes.
type Job struct{ Input, Output string }

// Finished is called after each image that this process has converted or skipped, or that failed.
// It may be set before a pipeline runs.
var Finished = func() {}

// convertFn converts several images of a bundle concurrently. A bundle ends when all of them have.
type convertFn struct {
	Options Options

	converter *converter
	group     sync.WaitGroup
	mu        sync.Mutex
	outcomes  []outcome // not reported yet
}

type outcome struct {
	batch.Result
	fetch, put time.Duration // durations of reading and writing the file
	in, out    int           // sizes of the files in bytes
	// fatal is an error that concerns more than the image: the bundle fails, and the runner may
	// retry it.
	fatal error
}

// StartBundle drops the outcomes of a bundle that failed.
func (f *convertFn) StartBundle(_ context.Context, _ func(Letter)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outcomes = nil
}

// ProcessElement starts to convert an image when the bound on images in memory allows it.
func (f *convertFn) ProcessElement(ctx context.Context, j Job, emit func(Letter)) error {
	if f.converter == nil {
		c, opened, err := converterOf(&f.Options, func() (*infer.Model, error) { return open(ctx, &f.Options) })
		if err != nil {
			return err
		}
		if opened {
			count(ctx, "models_opened", 1)
		}
		f.converter = c
	}
	if err := f.converter.inFlight.Acquire(ctx, 1); err != nil {
		return err
	}
	f.group.Go(func() {
		o := f.convert(ctx, j)
		f.converter.inFlight.Release(1)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.outcomes = append(f.outcomes, o)
	})
	return f.report(ctx, emit)
}

// FinishBundle waits for the images of the bundle.
func (f *convertFn) FinishBundle(ctx context.Context, emit func(Letter)) error {
	f.group.Wait()
	return f.report(ctx, emit)
}

// report passes outcomes to the metrics and the dead letters, which only this goroutine may use.
func (f *convertFn) report(ctx context.Context, emit func(Letter)) error {
	f.mu.Lock()
	outcomes := f.outcomes
	f.outcomes = nil
	f.mu.Unlock()
	var fatal error
	for _, o := range outcomes {
		if o.fatal != nil {
			fatal = errors.Join(fatal, o.fatal)
			continue
		}
		o.measure(ctx)
		if o.Err != nil {
			emit(Letter{o.Input, modelcli.FlagError{Err: o.Err}.Error()})
		}
	}
	return fatal
}

func (f *convertFn) convert(ctx context.Context, j Job) (o outcome) {
	defer func() {
		if r := recover(); r != nil {
			o.fatal = fmt.Errorf("convert %q: %v\n%s", j.Input, r, debug.Stack())
		}
		if o.fatal == nil {
			Finished()
		}
	}()
	o.Job = batch.Job(j)
	if f.Options.SkipExisting && Exists(ctx, j.Output) {
		o.Skipped = true
		return o
	}
	begin := time.Now()
	file, err := read(ctx, j.Input, f.Options.Limits.WithDefaults().MaxBytes)
	o.fetch, o.in = time.Since(begin), len(file)
	if err != nil {
		o.Err = fmt.Errorf("read image %q: %w", j.Input, err)
		o.fatal = context.Cause(ctx)
		return o
	}
	var content []byte
	content, o.Result = f.converter.Convert(ctx, batch.Job(j), file)
	if o.Err != nil {
		o.fatal = context.Cause(ctx)
		return o
	}
	begin = time.Now()
	err = write(ctx, j.Output, content)
	o.put, o.out = time.Since(begin), len(content)
	if err != nil {
		o.Err = fmt.Errorf("write image %q: %w", j.Output, err)
		// An object store that rejects one file rejects all; a file system may reject a single
		// name.
		if outputErr := batch.AsOutputError(o.Err); outputErr != nil {
			o.fatal = outputErr
		} else if !isLocal(j.Output) {
			o.fatal = o.Err
		}
	}
	return o
}
