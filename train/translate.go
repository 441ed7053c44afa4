//go:build tensorflow

package train

import (
	"fmt"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
	"cyclegan/graph/tfgraph"
)

// translatorKey tells one inference graph from another.
type translatorKey struct {
	generator string
	shape     graph.Shape
	n         int
}

type translator struct {
	in, out tf.Output
	shape   graph.Shape
}

// Translate runs n pictures [n, H, W, C] in [-1, 1] through a generator as it
// will be exported: no dropout, BatchNorm's running statistics, and the moving
// average of the weights where the run keeps one. Generator is GAB or GBA;
// shape is that of one picture. It returns [n, H', W', C'].
func (t *Trainer) Translate(generator string, pictures []float32, n int, shape graph.Shape) ([]float32, error) {
	tr, err := t.translator(translatorKey{generator, shape, n})
	if err != nil {
		return nil, err
	}
	in, err := tfgraph.NewTensor(pictures, n, shape.H, shape.W, shape.C)
	if err != nil {
		return nil, fmt.Errorf("translate with %s: %w", generator, err)
	}
	out, err := t.session.Run(map[tf.Output]*tf.Tensor{tr.in: in}, []tf.Output{tr.out}, nil)
	if err != nil {
		return nil, fmt.Errorf("translate with %s: %w", generator, err)
	}
	return tfgraph.Floats(nil, out[0])
}

func (t *Trainer) translator(key translatorKey) (*translator, error) {
	if tr, ok := t.translators[key]; ok {
		return tr, nil
	}
	p, err := t.generator(key.generator)
	if err != nil {
		return nil, err
	}
	out, err := p.net.OutputShape(key.shape.H, key.shape.W)
	if err != nil {
		return nil, fmt.Errorf("translate with %s: %w", key.generator, err)
	}
	values := p.weights.Values()
	if p.average != nil {
		mixed := map[string]tf.Output{}
		for name, v := range values {
			mixed[name] = v
		}
		for name, v := range p.average.Values() {
			mixed[name] = v
		}
		values = mixed
	}
	s := t.scope.SubScope("translate")
	in := op.Placeholder(s, tf.Float, op.PlaceholderShape(tf.MakeShape(int64(key.n), int64(key.shape.H), int64(key.shape.W), int64(key.shape.C))))
	y, _ := tfgraph.Apply(s, p.net, values, in, tfgraph.Mode{})
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("translate with %s: %w", key.generator, err)
	}
	tr := &translator{in, y, out}
	t.translators[key] = tr
	return tr, nil
}
