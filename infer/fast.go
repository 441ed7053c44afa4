package infer

import (
	"cyclegan/infer/internal/fastconv"
	"cyclegan/infer/internal/onnxfile"
	"cyclegan/infer/session"
)

// An opener opens a model out of its file, or at its path where its weights lie in files of their own.
type opener func(file []byte, o *session.Options) (*session.Session, error)

// fast opens the sessions of one model, on the processor with its convolutions in forms that are faster there; for other devices the libraries of
// their makers choose such forms themselves. What the sessions have in common is in memory once.
type fast struct {
	filters fastconv.Filters
}

// open opens a model; network is what data holds, nil where it is to stay as it is, since weights lie in files of their own.
func (f *fast) open(data []byte, network *onnxfile.Model, o *session.Options, open opener) (*session.Session, error) {
	if o.Provider == "" || o.Provider == session.CPU {
		return f.openRewritten(data, network, o, open)
	}
	s, err := open(data, o)
	if err != nil || s.Options().Provider != session.CPU {
		return s, err
	}
	// Auto found nothing better than the processor.
	defer s.Close()
	return f.openRewritten(data, network, o, open)
}

func (f *fast) openRewritten(data []byte, network *onnxfile.Model, o *session.Options, open opener) (*session.Session, error) {
	if network == nil {
		return open(data, o)
	}
	r := fastconv.Rewrite(network, &f.filters)
	if r == nil {
		return open(data, o)
	}
	with := *o
	with.Constants = r.Inputs()
	// ONNX Runtime does not look at the filters before the first run.
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Transform()
	}()
	s, err := open(r.File, &with)
	<-done
	return s, err
}

// close frees what the sessions share, which have to be closed before.
func (f *fast) close() error { return f.filters.Close() }
