//go:build tensorflow

package train

import (
	tf "github.com/wamuir/graft/tensorflow"

	"cyclegan/graph/tfgraph"
	"cyclegan/train/profile"
)

// TraceNext has TensorFlow keep a record of the next step, which takes some per
// cent longer for it.
func (t *Trainer) TraceNext() { t.tracing = true }

// Trace is the record of the newest step that TraceNext asked for, nil before
// there is one.
func (t *Trainer) Trace() *profile.Step { return t.traced }

// runPart runs a part of a training step.
func (t *Trainer) runPart(name string, p *tfgraph.Part, feeds map[tf.Output]*tf.Tensor) ([]*tf.Tensor, error) {
	if !t.tracing {
		return p.Run(t.session, feeds)
	}
	out, record, err := p.RunTraced(t.session, feeds)
	if err != nil {
		return nil, err
	}
	t.traced.Runs = append(t.traced.Runs, profile.Run{Name: name, Stats: record.StepStats})
	return out, nil
}
