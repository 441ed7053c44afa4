//go:build tensorflow

package tfgraph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
)

// slope is a network with its input gradient in a session, for batches of 2.
type slope struct {
	net      *graph.Network
	shape    graph.Shape
	weights  graph.Weights
	scope    *op.Scope
	session  *Session
	vars     *Variables
	in       tf.Output
	out      tf.Output
	gradient tf.Output
	stats    []BatchStatistic
}

func newSlope(t *testing.T, net *graph.Network, shape graph.Shape) *slope {
	t.Helper()
	b := &slope{net: net, shape: shape, weights: graph.Weights{}}
	rng := rand.New(rand.NewPCG(5, 6))
	for _, p := range net.Params() {
		values := make([]float32, p.Size())
		for i := range values {
			values[i] = 0.3 * float32(rng.NormFloat64())
			switch p.Role {
			case graph.Weight:
				values[i] *= 4 / float32(math.Sqrt(float64(p.Shape[0]*p.Shape[1]*p.Shape[2])))
			case graph.Gamma:
				values[i] += 1
			}
		}
		b.weights[p.Name] = values
	}
	g := tf.NewGraph()
	b.scope = op.NewScopeWithGraph(g)
	b.vars = NewVariables(b.scope, "vars", net, nil)
	b.in = op.Placeholder(b.scope.SubScope("in"), tf.Float, op.PlaceholderShape(tf.MakeShape(2, int64(shape.H), int64(shape.W), int64(shape.C))))
	b.out, b.gradient, b.stats = InputGradient(b.scope, net, b.vars.Values(g), b.in)
	if err := b.scope.Err(); err != nil {
		t.Fatal(err)
	}
	var err error
	if b.session, err = NewSession(g, "", nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.session.Close() })
	b.load(t)
	return b
}

func (b *slope) load(t *testing.T) {
	t.Helper()
	if err := b.vars.Load(b.session, b.weights); err != nil {
		t.Fatal(err)
	}
}

func (b *slope) run(t *testing.T, images []float32, fetches ...tf.Output) [][]float32 {
	t.Helper()
	if err := b.scope.Err(); err != nil {
		t.Fatal(err)
	}
	feed, err := NewTensor(images, 2, b.shape.H, b.shape.W, b.shape.C)
	if err != nil {
		t.Fatal(err)
	}
	fetched, err := b.session.Run(NewPart(fetches), Feeds{NameOf(b.in): feed})
	if err != nil {
		t.Fatal(err)
	}
	out := make([][]float32, len(fetched))
	for i, f := range fetched {
		if out[i], err = Floats(nil, f); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// discriminators are all architectures with each norm.
func discriminators(t *testing.T) map[string]*graph.Network {
	t.Helper()
	nets := map[string]*graph.Network{}
	for _, arch := range graph.Discriminators {
		if arch == graph.Projected { // has no input gradient: train.Options refuses a penalty
			continue
		}
		for _, norm := range []graph.Norm{graph.NormInstance, graph.NormBatch, graph.NormNone} {
			net, err := graph.NewDiscriminator(graph.DiscriminatorOptions{Architecture: arch, In: 3, Filters: 4, Layers: 2, Norm: norm})
			if err != nil {
				t.Fatal(err)
			}
			nets[fmt.Sprintf("%s/%s", arch, norm)] = net
		}
	}
	return nets
}

// smooth is a network of layers that have no kink.
func smooth() *graph.Network {
	return &graph.Network{Name: "smooth", In: 3, Out: 2, Layers: []graph.Layer{
		graph.Conv{Name: "first", In: 3, Out: 4, Kernel: 4, Stride: 2, Pad: 1, Bias: true}, graph.Tanh{},
		graph.Conv{Name: "inner", In: 4, Out: 4, Kernel: 3, Stride: 1, Pad: 1}, graph.InstanceNorm{Channels: 4, Epsilon: 1e-5}, graph.Tanh{},
		graph.Conv{Name: "second", In: 4, Out: 6, Kernel: 3, Stride: 3, Pad: 2, Bias: true},
		graph.BatchNorm{Name: "second.norm", Channels: 6, Epsilon: 1e-5, Momentum: 0.1}, graph.Tanh{},
		graph.Conv{Name: "score", In: 6, Out: 2, Kernel: 1, Stride: 1, Bias: true}, graph.Tanh{}, graph.GlobalMean{},
	}}
}

// The network and its first gradient against what Apply and TensorFlow's own
// gradients give, on sides that the strides do not divide.
func TestInputGradient(t *testing.T) {
	nets := discriminators(t)
	nets["smooth"] = smooth()
	worst := 0.0
	for name, net := range nets {
		t.Run(name, func(t *testing.T) {
			b := newSlope(t, net, graph.Shape{H: 33, W: 39, C: 3})
			y, stats := Apply(b.scope, net, b.vars.Values(b.session.Graph()), b.in, Mode{Training: true})
			want := append([]tf.Output{y}, op.Gradients(b.scope, []tf.Output{y}, []tf.Output{b.in})...)
			got := []tf.Output{b.out, b.gradient}
			if len(stats) != len(b.stats) {
				t.Fatalf("%d layers of statistics, want %d", len(b.stats), len(stats))
			}
			for i := range stats {
				if b.stats[i].Layer != stats[i].Layer {
					t.Errorf("statistics of %v, want %v", b.stats[i].Layer, stats[i].Layer)
				}
				want = append(want, stats[i].Mean, stats[i].Variance)
				got = append(got, b.stats[i].Mean, b.stats[i].Variance)
			}
			images := randomInput(8, b.shape)
			wants, gots := b.run(t, images, want...), b.run(t, images, got...)
			for i := range wants {
				if got[i].Shape().String() != want[i].Shape().String() {
					t.Errorf("tensor %d has shape %v, want %v", i, got[i].Shape(), want[i].Shape())
				}
				d := relative(t, gots[i], wants[i])
				worst = math.Max(worst, d)
				if !(d < 1e-4) {
					t.Errorf("tensor %d differs by %.2g of its largest value", i, d)
				}
			}
		})
	}
	t.Logf("largest difference: %.2g of a tensor's largest value", worst)
}

// relative is the largest difference in terms of the largest value.
func relative(t *testing.T, got, want []float32) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	var worst, size float64
	for i, w := range want {
		worst = math.Max(worst, math.Abs(float64(got[i])-float64(w)))
		size = math.Max(size, math.Abs(float64(w)))
	}
	if size == 0 {
		t.Fatal("all values are 0")
	}
	return worst / size
}

// What is made of the input gradient has gradients with respect to the
// parameters, and they are those that differences give: along the gradient of
// each parameter, the loss changes by the gradient's length.
func TestInputGradientHasGradients(t *testing.T) {
	nets := discriminators(t)
	nets["smooth"] = smooth()
	for _, name := range []string{"smooth", "basic/instance", "n_layers/batch", "pixel/instance", "yosemite/batch", "yosemite/none"} {
		t.Run(name, func(t *testing.T) {
			b := newSlope(t, nets[name], graph.Shape{H: 32, W: 32, C: 3})
			images := randomInput(8, b.shape)
			// L = sum(tanh(g/size) r) for random r, and the mean of the output,
			// or the last bias would have no gradient at all.
			size := rms(b.run(t, images, b.gradient)[0])
			r, err := NewTensor(randomInput(9, b.shape), 2, b.shape.H, b.shape.W, b.shape.C)
			if err != nil {
				t.Fatal(err)
			}
			s := b.scope.SubScope("loss")
			all := op.Const(s.SubScope("axes"), []int32{0, 1, 2, 3})
			bent := op.Tanh(s, op.Mul(s.SubScope("scaled"), b.gradient, op.Const(s.SubScope("scale"), float32(1/size))))
			loss := op.Sum(s, op.Mul(s, bent, op.Const(s.SubScope("r"), r)), all)
			loss = op.AddV2(s, loss, op.Mean(s.SubScope("out"), b.out, all))
			var names []string
			var targets []tf.Output
			for _, p := range b.net.Params() {
				if p.Trainable() {
					names, targets = append(names, p.Name), append(targets, b.vars.Values(b.session.Graph())[p.Name])
				}
			}
			gradients := b.run(t, images, op.Gradients(s, []tf.Output{loss}, targets)...)
			for i, name := range names {
				length := rms(gradients[i]) * math.Sqrt(float64(len(gradients[i])))
				values := b.weights[name]
				along := func(step float64) float64 {
					moved := make([]float32, len(values))
					for j, v := range values {
						moved[j] = v + float32(step/length*float64(gradients[i][j]))
					}
					b.weights[name] = moved
					b.load(t)
					return float64(b.run(t, images, loss)[0][0])
				}
				// A difference across a rectifier's kink is no gradient, where
				// the loss jumps; one of a shorter step hardly meets any, but is
				// less exact.
				least := math.Inf(1)
				for _, part := range []float64{1e-3, 1e-4, 1e-5} {
					step := part * rms(values) * math.Sqrt(float64(len(values)))
					change := (along(step) - along(-step)) / (2 * step)
					least = min(least, math.Abs(change-length))
				}
				b.weights[name] = values
				b.load(t)
				t.Logf("%s: length %.4g, off by %.2g", name, length, least)
				if !(least < 0.1+0.03*length) {
					t.Errorf("%s: a gradient of length %g is off by at least %g", name, length, least)
				}
			}
		})
	}
}

func rms(values []float32) float64 {
	sum := 0.0
	for _, v := range values {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(values)))
}

func TestInputGradientNamesWhatItCannotDo(t *testing.T) {
	for _, l := range []graph.Layer{
		graph.Concat{Body: []graph.Layer{graph.Tanh{}}}, graph.Upsample{Scale: 2, Mode: graph.Nearest}, graph.Clamp{Min: -1, Max: 1}, graph.Dropout{Rate: 0.5},
	} {
		s := op.NewScope()
		x := op.Placeholder(s, tf.Float, op.PlaceholderShape(tf.MakeShape(1, 8, 8, 3)))
		InputGradient(s, &graph.Network{Name: "n", In: 3, Out: 3, Layers: []graph.Layer{graph.Tanh{}, l}}, nil, x)
		if err := s.Err(); err == nil || !strings.Contains(err.Error(), graph.Describe(l)) {
			t.Errorf("%s: %v", graph.Describe(l), err)
		}
	}
	s := op.NewScope()
	x := op.Placeholder(s, tf.Float, op.PlaceholderShape(tf.MakeShape(1, -1, 8, 3)))
	InputGradient(s, &graph.Network{Name: "n", In: 3, Out: 3, Layers: []graph.Layer{graph.Tanh{}}}, nil, x)
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), "known") {
		t.Errorf("unknown height: %v", err)
	}
}
