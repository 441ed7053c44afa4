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

// runPart runs a part of a training step, wherever that is, and before it what
// prepares it, if there is anything.
func (t *Trainer) runPart(name string, before, p *tfgraph.Part, in feeds) ([]*tf.Tensor, error) {
	var out []*tf.Tensor
	both := func() (err error) {
		if len(before.Targets) > 0 {
			if _, err := t.runTraced("before "+name, before, in); err != nil {
				return err
			}
		}
		out, err = t.runTraced(name, p, in)
		return err
	}
	if err := t.watched(both); err != nil {
		return nil, err
	}
	return out, nil
}

// watched makes a call that runs the session. A *worker.LostError is the end of
// the session: every call from there on gives it again.
func (t *Trainer) watched(call func() error) error {
	if len(t.device.workers) == 0 {
		return call()
	}
	if t.lost != nil {
		return t.lost
	}
	err := worker.Watched(t.device.workers, call)
	if lost := (*worker.LostError)(nil); errors.As(err, &lost) {
		t.lost = err
		tfgraph.Unquiet() // the call may hang in Quietly
	}
	return err
}

// runTraced runs a part, with TensorFlow's record of it if this step is to have one.
func (t *Trainer) runTraced(name string, p *tfgraph.Part, in feeds) ([]*tf.Tensor, error) {
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
