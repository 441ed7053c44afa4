//go:build tensorflow

package train

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"
	"golang.org/x/sync/errgroup"

	"cyclegan/graph"
	"cyclegan/graph/tfgraph"
	"cyclegan/train/checkpoint"
	"cyclegan/train/dataset"
	"cyclegan/train/step"
)

// savedPool is an image pool with its place in checkpoints.
type savedPool struct {
	imagePool
	name  string      // of its tensors
	shape graph.Shape // of an image
}

func (p *savedPool) tensor(i int) string { return fmt.Sprintf("%s/%04d", p.name, i) }

// Checkpoint copies the whole state out. Data is what the run trains on.
func (t *Trainer) Checkpoint(data *dataset.Dataset) (*checkpoint.Checkpoint, error) {
	a, b := data.Domains()
	p := t.in(data.Batches(), t.opts)
	c := &checkpoint.Checkpoint{
		Step: p.step, Seen: p.seen, WarmUp: t.warm, Used: p.used, Batches: p.batches, Passed: p.passed, Device: t.Device(),
		DomainA: a, DomainB: b, ImagesA: data.TrainA().Len(), ImagesB: data.TrainB().Len(),
		WindowA: data.Options().WindowA, WindowB: data.Options().WindowB,
		WidthA: t.shapeA.W, HeightA: t.shapeA.H, WidthB: t.shapeB.W, HeightB: t.shapeB.H,
		Tensors: map[string]checkpoint.Tensor{},
	}
	if t.timer != nil {
		c.Spent = t.timer()
	}
	for _, n := range t.graph.Networks {
		shapes := paramShapes(n)
		for prefix, vars := range n.Variables() {
			var w graph.Weights
			err := t.watched(func() (err error) {
				w, err = vars.Save(t.session)
				return err
			})
			if err != nil {
				return nil, err
			}
			for name, values := range w {
				c.Tensors[prefix+"/"+name] = checkpoint.Tensor{Shape: shapes[name], Values: values}
			}
		}
	}
	for _, p := range []*savedPool{t.poolA, t.poolB} {
		for i, image := range p.images {
			c.Tensors[p.tensor(i)] = checkpoint.Tensor{Shape: []int{p.shape.H, p.shape.W, p.shape.C}, Values: slices.Clone(image)}
		}
	}
	return c, nil
}

func paramShapes(n *step.Network) map[string][]int {
	shapes := map[string][]int{}
	for _, p := range n.Net.Params() {
		shapes[p.Name] = p.Shape
	}
	return shapes
}

// Restore loads the state of a checkpoint. If the checkpoint is of other networks it fails and
// changes nothing.
func (t *Trainer) Restore(c *checkpoint.Checkpoint) error {
	loads := map[*tfgraph.Variables]graph.Weights{}
	for _, n := range t.graph.Networks {
		shapes := paramShapes(n)
		for prefix, vars := range n.Variables() {
			w := graph.Weights{}
			for _, name := range vars.Names() {
				tensor, ok := c.Tensors[prefix+"/"+name]
				if !ok && vars == n.Average {
					// An average that is new in this run starts from the weights.
					tensor, ok = c.Tensors[n.Name+"/"+name]
				}
				if !ok {
					return fmt.Errorf("restore checkpoint: it has no tensor %q of %s", prefix+"/"+name, n.Name)
				}
				if !slices.Equal(tensor.Shape, shapes[name]) {
					return fmt.Errorf("restore checkpoint: %q has shape %v, the network needs %v", prefix+"/"+name, tensor.Shape, shapes[name])
				}
				w[name] = tensor.Values
			}
			loads[vars] = w
		}
	}
	images := map[*savedPool][][]float32{t.poolA: nil, t.poolB: nil}
	for p := range images {
		for i := range p.capacity {
			tensor, ok := c.Tensors[p.tensor(i)]
			if !ok {
				break
			}
			if len(tensor.Values) != p.shape.H*p.shape.W*p.shape.C {
				return fmt.Errorf("restore checkpoint: an image of %s has shape %v, the run needs %v", p.name, tensor.Shape, p.shape)
			}
			images[p] = append(images[p], slices.Clone(tensor.Values))
		}
	}
	for vars, w := range loads {
		if err := t.watched(func() error { return vars.Load(t.session, w) }); err != nil {
			return fmt.Errorf("restore checkpoint: %w", err)
		}
	}
	for p, stored := range images {
		p.images = stored
	}
	t.place, t.pace = place{c.Step, c.Seen, c.Used, c.Batches, c.Passed}, 1
	if c.Seen == 0 { // of an older version
		t.seen = c.Step * int64(t.opts.BatchSize)
	}
	t.warm, t.unset = c.WarmUp, false
	return nil
}

// A Saver writes a run's checkpoints. Its Hook follows save_latest_freq, save_epoch_freq and
// save_by_iter.
type Saver struct {
	*checkpoint.Saver
	opts Options
}

// NewSaver returns a Saver of the state of t, which trains on data.
func NewSaver(t *Trainer, data *dataset.Dataset) *Saver {
	take := func() (*checkpoint.Checkpoint, error) { return t.Checkpoint(data) }
	return &Saver{checkpoint.NewSaver(t.opts.Checkpoints(), t.opts.KeepLast, take), t.opts}
}

// Hook must be called after each step, before hooks that may fail. An error means that a checkpoint
// could not be written. Older checkpoints and the trainer are intact, so the caller may continue.
func (s *Saver) Hook(p Progress) error {
	err := s.Flush()
	due := p.Crossed(s.opts.SaveLatestFreq)
	epochDue := s.opts.SaveEpochFreq > 0 && p.EpochEnd() && p.Epoch%s.opts.SaveEpochFreq == 0
	if epochDue {
		s.KeepEpoch(p.Epoch)
	}
	if s.opts.SaveByIter && due {
		s.KeepIteration(p.Seen())
	}
	if due || epochDue {
		err = errors.Join(err, s.Take())
	}
	return err
}

type translatorKey struct {
	generator string
	weights   string
	shape     graph.Shape
	n         int
}

type translator struct {
	in   tfgraph.Name
	part tfgraph.Part
}

// Translate runs n images [n, H, W, C] in [-1, 1] through a generator as it will be exported:
// without dropout, with BatchNorm's running statistics, and with the moving average of the weights
// if the run keeps one. Generator is GAB or GBA and shape is the shape of one image. It returns
// [n, H', W', C'].
func (t *Trainer) Translate(generator string, images []float32, n int, shape graph.Shape) ([]float32, error) {
	return t.TranslateWith(t.opts.Weights()[0], generator, images, n, shape)
}

// TranslateWith is Translate with the given weights, one of Options.Weights.
func (t *Trainer) TranslateWith(weights, generator string, images []float32, n int, shape graph.Shape) ([]float32, error) {
	runs := 1
	if t.device.oneThreadEach() && n >= 2 && n%2 == 0 {
		runs = 2 // each on a thread of its own
	}
	key := translatorKey{generator, weights, shape, n / runs}
	tr, err := t.translator(key)
	if err != nil {
		return nil, fmt.Errorf("translate with %s: %w", generator, err)
	}
	results := make([][]float32, runs)
	var group errgroup.Group
	for i := range results {
		group.Go(func() error {
			size := len(images) / runs
			in, err := tfgraph.NewTensor(images[i*size:(i+1)*size], key.n, shape.H, shape.W, shape.C)
			if err != nil {
				return err
			}
			var out []*tf.Tensor
			err = t.watched(func() (err error) {
				out, err = t.session.Run(tr.part, tfgraph.Feeds{tr.in: in})
				return err
			})
			if err != nil {
				return err
			}
			results[i], err = tfgraph.Floats(nil, out[0])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("translate with %s: %w", generator, err)
	}
	return slices.Concat(results...), nil
}

// translator returns the inference graph of a key, which it adds if it is new.
func (t *Trainer) translator(key translatorKey) (*translator, error) {
	if tr, ok := t.translators[key]; ok {
		return tr, nil
	}
	generators := t.graph.Networks[:2]
	i := slices.IndexFunc(generators, func(n *step.Network) bool { return n.Name == key.generator })
	if i < 0 {
		return nil, fmt.Errorf("unknown generator %q; the generators are %s and %s", key.generator, GAB, GBA)
	}
	n := generators[i]
	if !slices.Contains(t.opts.Weights(), key.weights) {
		return nil, fmt.Errorf("the run does not keep weights %q", key.weights)
	}
	if _, err := n.Net.OutputShape(key.shape.H, key.shape.W); err != nil {
		return nil, err
	}
	values := n.Weights.Values(t.session.Graph())
	if key.weights == WeightsEMA {
		maps.Copy(values, n.Average.Values(t.session.Graph()))
	}
	s := t.scope.SubScope("translate")
	in := op.Placeholder(s, tf.Float, op.PlaceholderShape(tf.MakeShape(int64(key.n), int64(key.shape.H), int64(key.shape.W), int64(key.shape.C))))
	y, _ := tfgraph.Apply(s, n.Net, values, in, tfgraph.Mode{Winograd: t.opts.winogradOn(t.device)})
	if err := s.Err(); err != nil {
		return nil, err
	}
	tr := &translator{in: tfgraph.NameOf(in), part: tfgraph.NewPart([]tf.Output{y})}
	t.translators[key] = tr
	return tr, nil
}
