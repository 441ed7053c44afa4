//go:build tensorflow

package train

import (
	"errors"

	tf "github.com/wamuir/graft/tensorflow"

	"cyclegan/graph/tfgraph"
	"cyclegan/train/profile"
	"cyclegan/train/worker"
)

// TraceNext has TensorFlow keep a record of the next step, which takes some per
// cent longer for it.
func (t *Trainer) TraceNext() { t.tracing = true }

// Trace is the record of the newest step that TraceNext asked for, nil before
// there is one.
func (t *Trainer) Trace() *profile.Step { return t.traced }

// runPart runs a part of a training step, wherever that is.
func (t *Trainer) runPart(name string, p *tfgraph.Part, in feeds) (out []*tf.Tensor, err error) {
	if len(t.device.workers) == 0 {
		return t.runHere(name, p, in)
	}
	err = worker.Watched(t.device.workers, func() (err error) {
		out, err = t.runHere(name, p, in)
		return err
	})
	if lost := (*worker.LostError)(nil); errors.As(err, &lost) {
		t.lost = true
		return nil, err
	}
	return out, err
}

func (t *Trainer) runHere(name string, p *tfgraph.Part, in feeds) ([]*tf.Tensor, error) {
	if !t.tracing {
		return p.Run(t.session, in)
	}
	out, record, err := p.RunTraced(t.session, in)
	if err != nil {
		return nil, err
	}
	t.traced.Runs = append(t.traced.Runs, profile.Run{Name: name, Stats: record.StepStats})
	return out, nil
}
