package infer

import (
	"cyclegan/infer/internal/fastconv"
	"cyclegan/infer/onnx"
	"cyclegan/infer/session"
)

// fast opens the sessions of one model, on the processor with its convolutions in forms that are faster there; for other devices the libraries of
// their makers choose such forms themselves. What the sessions have in common is in memory once.
type fast struct {
	filters fastconv.Filters
}

// open opens a session of a model. One that keeps its weights in files of their own is not rewritten.
func (f *fast) open(model *onnx.Model, o *session.Options) (*session.Session, error) {
	if o.Provider == "" || o.Provider == session.CPU {
		return f.openRewritten(model, o)
	}
	s, err := session.OpenModel(model, o)
	if err != nil || s.Options().Provider != session.CPU {
		return s, err
	}
	// Auto found nothing better than the processor.
	defer s.Close()
	return f.openRewritten(model, o)
}

func (f *fast) openRewritten(model *onnx.Model, o *session.Options) (*session.Session, error) {
	if model.External() {
		return session.OpenModel(model, o)
	}
	r := fastconv.Rewrite(model, &f.filters)
	if r == nil {
		return session.OpenModel(model, o)
	}
	with := *o
	with.Constants = r.Inputs()
	// ONNX Runtime does not look at the filters before the first run.
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Transform()
	}()
	s, err := session.OpenModel(r.Model, &with)
	<-done
	return s, err
}

// close frees what the sessions share, which have to be closed before.
func (f *fast) close() error { return f.filters.Close() }
