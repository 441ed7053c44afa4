package pipeline

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"cyclegan/cmd/internal/modelcli"
	"cyclegan/infer/batch"
)

func init() {
	register.DoFn3x1[context.Context, Job, func(Letter), error](&convertFn{})
	register.Emitter1[Letter]()
	register.Emitter1[Job]()
	beam.RegisterType(reflect.TypeFor[Job]())
	beam.RegisterType(reflect.TypeFor[Letter]())
}

// Job is an batch.Job on its way to a worker.
type Job struct{ Input, Output string }

// done counts the pictures that this process has come to the end of.
var done atomic.Int64

// Done is how many pictures this process has converted, skipped or given up.
func Done() int64 { return done.Load() }

// convertFn converts pictures, several of a bundle at once, whatever the runner does; a bundle ends when all of them have.
type convertFn struct {
	Options Options

	converter *converter
	group     sync.WaitGroup
	mu        sync.Mutex
	outcomes  []outcome // that are not told yet
}

// outcome is what became of a picture.
type outcome struct {
	batch.Result
	fetch, put time.Duration // reading and writing the file itself
	in, out    int           // its bytes before and after
	// fatal is an error that is not the picture's: the bundle fails, and the runner decides whether it is tried again.
	fatal error
}

// StartBundle forgets a bundle that has failed.
func (f *convertFn) StartBundle(_ context.Context, _ func(Letter)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outcomes = nil
}

// ProcessElement begins with a picture, as soon as there is room for it in memory.
func (f *convertFn) ProcessElement(ctx context.Context, j Job, emit func(Letter)) error {
	if f.converter == nil {
		c, opened, err := converterOf(ctx, &f.Options)
		if err != nil {
			return err
		}
		if opened {
			modelsOpened.Inc(ctx, 1)
		}
		f.converter = c
	}
	if err := f.converter.inFlight.Acquire(ctx, 1); err != nil {
		return err
	}
	bundle := &f.group
	bundle.Add(1)
	go func() {
		defer bundle.Done()
		o := f.convert(ctx, j)
		f.converter.inFlight.Release(1)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.outcomes = append(f.outcomes, o)
	}()
	return f.tell(ctx, emit)
}

// FinishBundle waits for the pictures of the bundle.
func (f *convertFn) FinishBundle(ctx context.Context, emit func(Letter)) error {
	f.group.Wait()
	return f.tell(ctx, emit)
}

// tell brings what has come to an end to the metrics and the dead letters, which are this goroutine's alone.
func (f *convertFn) tell(ctx context.Context, emit func(Letter)) error {
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

// convert makes the file of one picture.
func (f *convertFn) convert(ctx context.Context, j Job) (o outcome) {
	defer func() {
		if r := recover(); r != nil {
			o.fatal = fmt.Errorf("convert %q: %v\n%s", j.Input, r, debug.Stack())
		}
		if o.fatal == nil {
			done.Add(1)
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
		o.Err = fmt.Errorf("read picture %q: %w", j.Input, err)
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
		o.Err = fmt.Errorf("write picture %q: %w", j.Output, err)
		// An object store that does not take one takes none; a file system may refuse a single name.
		if outputErr := batch.AsOutputError(o.Err); outputErr != nil {
			o.fatal = outputErr
		} else if !isLocal(j.Output) {
			o.fatal = o.Err
		}
	}
	return o
}
