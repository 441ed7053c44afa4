//go:build tensorflow

package train

import (
	"fmt"
	"slices"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"
	"golang.org/x/sync/errgroup"

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
	ran  bool
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
	if !t.device.halves() || n < 2 || n%2 != 0 {
		return t.translate(translatorKey{generator, weights, shape, n}, pictures)
	}
	// Where an operation has one thread, two runs take both.
	key := translatorKey{generator, weights, shape, n / 2}
	mid := len(pictures) / 2
	if tr := t.translators[key]; tr == nil || !tr.ran {
		first, err := t.translate(key, pictures[:mid])
		if err != nil {
			return nil, err
		}
		second, err := t.translate(key, pictures[mid:])
		return append(first, second...), err
	}
	var parts [2][]float32
	var group errgroup.Group
	for i, half := range [][]float32{pictures[:mid], pictures[mid:]} {
		group.Go(func() (err error) {
			parts[i], err = t.translate(key, half)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return append(parts[0], parts[1]...), nil
}

// translate runs as many pictures as key says. Once it has, it can be called by
// several at a time.
func (t *Trainer) translate(key translatorKey, pictures []float32) ([]float32, error) {
	tr, err := t.translator(key)
	if err != nil {
		return nil, err
	}
	in, err := tfgraph.NewTensor(pictures, key.n, key.shape.H, key.shape.W, key.shape.C)
	if err != nil {
		return nil, fmt.Errorf("translate with %s: %w", key.generator, err)
	}
	var out []*tf.Tensor
	err = t.watched(func() (err error) {
		out, err = tr.part.Run(t.session, feeds{tr.in: in})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("translate with %s: %w", key.generator, err)
	}
	if !tr.ran {
		tr.ran = true
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
	tr := &translator{in: in, part: tfgraph.Part{Fetches: []tf.Output{y}}}
	t.translators[key] = tr
	return tr, nil
}
