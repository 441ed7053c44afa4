package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/semaphore"

	"cyclegan/cmd/internal/modelcli"
	"cyclegan/infer"
	"cyclegan/infer/batch"
)

// models are those that this process has opened, each once, by what they are and how they run. They stay open from bundle to bundle.
var models struct {
	sync.Mutex
	byKey  map[string]*model
	opened atomic.Int64
}

// model is an entry of models. Its lock is held while it is opened, so that other models are not waited for.
type model struct {
	sync.Mutex
	infer      *infer.Model
	converters map[string]*converter
}

// converter converts for all bundles of a process.
type converter struct {
	*batch.Converter
	// inFlight bounds the pictures that are in memory, those that are read and written beside those in the model.
	inFlight *semaphore.Weighted
}

// Opened is how many models this process has opened.
func Opened() int64 { return models.opened.Load() }

// CloseModels closes the models of this process. No pipeline may be running in it.
func CloseModels() {
	models.Lock()
	defer models.Unlock()
	for _, m := range models.byKey {
		if m.infer != nil {
			m.infer.Close()
		}
	}
	models.byKey = nil
}

// OpenModel opens the model in this process, where a runner that has no other uses it, and says what is known of it. Where ONNX Runtime is nowhere
// to be found it is fetched, which is said to log.
func OpenModel(ctx context.Context, o *Options, log io.Writer) (infer.Info, error) {
	m, err := modelOf(o)
	if err != nil {
		return infer.Info{}, err
	}
	m.Lock()
	defer m.Unlock()
	if m.infer == nil {
		opened, err := modelcli.OpenWith(ctx, &o.ModelOptions, log, func() (*infer.Model, error) { return open(ctx, o) })
		if err != nil {
			return infer.Info{}, err
		}
		m.infer = opened
		models.opened.Add(1)
	}
	return m.infer.Info(), nil
}

// converterOf gives the process's converter for the options. Opened tells whether this call has opened its model.
func converterOf(ctx context.Context, o *Options) (c *converter, opened bool, err error) {
	m, err := modelOf(o)
	if err != nil {
		return nil, false, err
	}
	m.Lock()
	defer m.Unlock()
	if m.infer == nil {
		if m.infer, err = open(ctx, o); err != nil {
			return nil, false, modelcli.InFlags(err, &o.ModelOptions)
		}
		models.opened.Add(1)
		opened = true
	}
	c, err = m.converter(o)
	return c, opened, err
}

// modelOf gives the entry of the model, opened or not.
func modelOf(o *Options) (*model, error) {
	options := o.ModelOptions
	options.Library = "" // each process has its own place for it, and one alone
	key, err := json.Marshal(struct {
		Path    string
		Options infer.Options
	}{o.Model, options})
	if err != nil {
		return nil, err
	}
	models.Lock()
	defer models.Unlock()
	if models.byKey == nil {
		models.byKey = map[string]*model{}
	}
	m := models.byKey[string(key)]
	if m == nil {
		m = &model{converters: map[string]*converter{}}
		models.byKey[string(key)] = m
	}
	return m, nil
}

// largestModel bounds a model that is read into memory, in bytes.
const largestModel = 8 << 30

func open(ctx context.Context, o *Options) (*infer.Model, error) {
	if isLocal(o.Model) {
		return infer.Open(o.Model, &o.ModelOptions)
	}
	data, err := read(ctx, o.Model, largestModel)
	if err != nil {
		return nil, fmt.Errorf("open model %q: %w", o.Model, err)
	}
	m, err := infer.New(data, &o.ModelOptions)
	if err != nil {
		return nil, fmt.Errorf("model %q: %w", o.Model, err)
	}
	return m, nil
}

// converter gives the one for the options, of which there is one as well.
func (m *model) converter(o *Options) (*converter, error) {
	key := fmt.Sprint(o.Quality, o.Limits, o.Resize, o.Workers)
	if c := m.converters[key]; c != nil {
		return c, nil
	}
	opt := &batch.Options{Quality: o.Quality, Limits: o.Limits, Workers: o.Workers}
	if o.Resize != "" {
		resize, err := modelcli.ParseResize(o.Resize)
		if err != nil {
			return nil, err
		}
		if opt.Size, err = resize.Sizes(m.infer.Info()); err != nil {
			return nil, err
		}
	}
	c, err := batch.New(m.infer, opt)
	if err != nil {
		return nil, err
	}
	shared := &converter{c, semaphore.NewWeighted(int64(c.MaxInMemory()))}
	m.converters[key] = shared
	return shared, nil
}
