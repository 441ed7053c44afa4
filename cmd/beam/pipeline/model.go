package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sync/semaphore"

	"cyclegan/cmd/internal/modelcli"
	"cyclegan/infer"
	"cyclegan/infer/batch"
)

// models holds what this process converts with, by the options. It stays open from bundle to
// bundle.
var models struct {
	sync.Mutex
	byKey map[string]*converter
}

// converter converts the images of all bundles of a process.
type converter struct {
	*batch.Converter
	model *infer.Model
	// inFlight bounds the images in memory: those being read, converted and written.
	inFlight *semaphore.Weighted
}

// CloseModels closes the models of this process, in which no pipeline may be running.
func CloseModels() {
	models.Lock()
	defer models.Unlock()
	for _, c := range models.byKey {
		c.model.Close()
	}
	models.byKey = nil
}

// OpenModel opens the model for runners that work in this process, and describes it. If ONNX
// Runtime is missing, it is fetched, which is reported to log.
func OpenModel(ctx context.Context, o *Options, log io.Writer) (infer.Info, error) {
	c, _, err := converterOf(o, func() (*infer.Model, error) {
		return modelcli.Open(ctx, &o.ModelOptions, log, func() (*infer.Model, error) { return open(ctx, o) })
	})
	if err != nil {
		return infer.Info{}, err
	}
	return c.model.Info(), nil
}

// converterOf returns the converter for the options. Opened reports whether this call opened the
// model, for which it calls open.
func converterOf(o *Options, open func() (*infer.Model, error)) (c *converter, opened bool, err error) {
	id := *o
	id.ModelOptions.Library = "" // differs between processes
	id.Inputs, id.Output, id.DeadLetters, id.SkipExisting = nil, "", "", false
	key, err := json.Marshal(id)
	if err != nil {
		return nil, false, err
	}
	models.Lock()
	defer models.Unlock()
	if c := models.byKey[string(key)]; c != nil {
		return c, false, nil
	}
	model, err := open()
	if err != nil {
		return nil, false, modelcli.FlagError{Err: err}
	}
	opt := &batch.Options{Quality: o.Quality, Lossless: o.Lossless, Strip: o.Strip, Limits: o.Limits, Workers: o.Workers}
	c = &converter{model: model}
	if opt.Size, err = modelcli.Sizes(o.Resize, model.Info()); err == nil {
		c.Converter, err = batch.New(model, opt)
	}
	if err != nil {
		model.Close()
		return nil, false, err
	}
	c.inFlight = semaphore.NewWeighted(int64(c.MaxInMemory()))
	if models.byKey == nil {
		models.byKey = map[string]*converter{}
	}
	models.byKey[string(key)] = c
	return c, true, nil
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
