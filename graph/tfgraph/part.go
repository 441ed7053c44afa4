//go:build tensorflow

package tfgraph

import tf "github.com/wamuir/graft/tensorflow"

// A Part is a part of a graph that is run as one, again and again.
type Part struct {
	Fetches []tf.Output
	Targets []*tf.Operation
	ran     bool
}

// Run carries the part out and returns what it fetches. The first run, in
// which TensorFlow prepares the part, is made quietly.
func (p *Part) Run(session *tf.Session, feeds map[tf.Output]*tf.Tensor) ([]*tf.Tensor, error) {
	var out []*tf.Tensor
	var err error
	run := func() error {
		out, err = session.Run(feeds, p.Fetches, p.Targets)
		return err
	}
	if p.ran {
		err = run()
	} else {
		err = Quietly(run)
		p.ran = true
	}
	return out, err
}
