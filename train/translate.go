//go:build tensorflow

package train

import (
	"fmt"
	"slices"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
	"cyclegan/graph/tfgraph"
)

// translatorKey tells one inference graph from another.
type translatorKey struct {
	generator string
	weights   string
	shape     graph.Shape
	n         int
}

type translator struct {
	in   tf.Output
	part tfgraph.Part
}

// Translate runs n pictures [n, H, W, C] in [-1, 1] through a generator as it
// will be exported: no dropout, BatchNorm's running statistics, and the moving
// average of the weights where the run keeps one. Generator is GAB or GBA;
// shape is that of one picture. It returns [n, H', W', C'].
func (t *Trainer) Translate(generator string, pictures []float32, n int, shape graph.Shape) ([]float32, error) {
	return t.TranslateWith(t.opts.Weights()[0], generator, pictures, n, shape)
}

// TranslateWith is Translate with the given weights, one of those that the
// options' Weights lists.
func (t *Trainer) TranslateWith(weights, generator string, pictures []float32, n int, shape graph.Shape) ([]float32, error) {
	tr, err := t.translator(translatorKey{generator, weights, shape, n})
	if err != nil {
		return nil, err
	}
	in, err := tfgraph.NewTensor(pictures, n, shape.H, shape.W, shape.C)
	if err != nil {
		return nil, fmt.Errorf("translate with %s: %w", generator, err)
	}
	out, err := tr.part.Run(t.session, map[tf.Output]*tf.Tensor{tr.in: in})
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
	if !slices.Contains(t.opts.Weights(), key.weights) {
		return nil, fmt.Errorf("translate with %s: the run keeps no weights %q", key.generator, key.weights)
	}
	if _, err := p.net.OutputShape(key.shape.H, key.shape.W); err != nil {
		return nil, fmt.Errorf("translate with %s: %w", key.generator, err)
	}
	values := p.weights.Values()
	if key.weights == WeightsEMA {
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
	y, _ := tfgraph.Apply(s, p.net, values, in, tfgraph.Mode{Winograd: t.model.winograd})
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("translate with %s: %w", key.generator, err)
	}
	tr := &translator{in, tfgraph.Part{Fetches: []tf.Output{y}}}
	t.translators[key] = tr
	return tr, nil
}
