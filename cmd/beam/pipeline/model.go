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

// models holds the models that this process has opened, each once, by path and options. They stay open
// from bundle to bundle.
var models struct {
	sync.Mutex
	byKey  map[string]*model
	opened atomic.Int64
}

// model is an entry of models. Its lock is held while it is opened, so that other models can be opened
// meanwhile.
type model struct {
	sync.Mutex
	infer      *infer.Model
	converters map[string]*converter
}

// converter converts the images of all bundles of a process.
type converter struct {
	*batch.Converter
	// inFlight bounds the images in memory: those being read, converted and written.
	inFlight *semaphore.Weighted
}

// Opened returns the number of models that this process has opened.
func Opened() int64 { return models.opened.Load() }

// CloseModels closes the models of this process, in which no pipeline may be running.
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

// OpenModel opens the model for runners that work in this process, and describes it. If ONNX Runtime is
// missing, it is fetched, which is reported to log.
func OpenModel(ctx context.Context, o *Options, log io.Writer) (infer.Info, error) {
	m, err := modelOf(o)
	if err != nil {
		return infer.Info{}, err
	}
	m.Lock()
	defer m.Unlock()
	if m.infer == nil {
		opened, err := modelcli.Open(ctx, &o.ModelOptions, log, func() (*infer.Model, error) { return open(ctx, o) })
		if err != nil {
			return infer.Info{}, err
		}
		m.infer = opened
		models.opened.Add(1)
	}
	return m.infer.Info(), nil
}

// converterOf returns the converter for the options. Opened reports whether this call opened the model.
func converterOf(ctx context.Context, o *Options) (c *converter, opened bool, err error) {
	m, err := modelOf(o)
	if err != nil {
		return nil, false, err
	}
	m.Lock()
	defer m.Unlock()
	if m.infer == nil {
		if m.infer, err = open(ctx, o); err != nil {
			return nil, false, modelcli.WithFlagNames(err, &o.ModelOptions)
		}
		models.opened.Add(1)
		opened = true
	}
	c, err = m.converter(o)
	return c, opened, err
}

// modelOf returns the entry of the model, which may not be open yet.
func modelOf(o *Options) (*model, error) {
	options := o.ModelOptions
	options.Library = "" // differs between processes
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

// largestModel bounds the size of a model that is not a local file, in bytes.
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

// converter returns the only converter for the options.
func (m *model) converter(o *Options) (*converter, error) {
	key := fmt.Sprint(o.Quality, o.Limits, o.Resize, o.Workers)
	if c := m.converters[key]; c != nil {
		return c, nil
	}
	opt := &batch.Options{Quality: o.Quality, Limits: o.Limits, Workers: o.Workers}
	var err error
	if opt.Size, err = modelcli.Sizes(o.Resize, m.infer.Info()); err != nil {
		return nil, err
	}
	c, err := batch.New(m.infer, opt)
	if err != nil {
		return nil, err
	}
	shared := &converter{c, semaphore.NewWeighted(int64(c.MaxInMemory()))}
	m.converters[key] = shared
	return shared, nil
}
