//go:build tensorflow

package tfgraph

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
)

// bench is a network of one layer in a session, ready to be run in training
// mode on a batch of 2.
type bench struct {
	net     *graph.Network
	shape   graph.Shape
	weights graph.Weights
	session *Session
	vars    *Variables
	in      tf.Output
	seed    tf.Output
	out     tf.Output
	stats   []BatchStatistic
	scope   *op.Scope
}

func newBench(t *testing.T, l graph.Layer, shape graph.Shape) *bench {
	t.Helper()
	out, err := graph.LayerShape(l, shape)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{net: &graph.Network{Name: "one", In: shape.C, Out: out.C, Layers: []graph.Layer{l}}, shape: shape}
	if err := b.net.Validate(); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	b.weights = graph.Weights{}
	for _, p := range b.net.Params() {
		values := make([]float32, p.Size())
		for i := range values {
			values[i] = float32(rng.NormFloat64())
		}
		b.weights[p.Name] = values
	}
	g := tf.NewGraph()
	b.scope = op.NewScopeWithGraph(g)
	b.vars = NewVariables(b.scope, "vars", b.net, nil)
	b.in = op.Placeholder(b.scope.SubScope("in"), tf.Float, op.PlaceholderShape(tf.MakeShape(2, int64(shape.H), int64(shape.W), int64(shape.C))))
	b.seed = op.Placeholder(b.scope.SubScope("seed"), tf.Int64, op.PlaceholderShape(tf.MakeShape(2)))
	b.out, b.stats = Apply(b.scope, b.net, b.vars.Values(g), b.in, Mode{Training: true, Seed: b.seed})
	if err := b.scope.Err(); err != nil {
		t.Fatal(err)
	}
	if b.session, err = NewSession(g, "", nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.session.Close() })
	if err := b.vars.Load(b.session, b.weights); err != nil {
		t.Fatal(err)
	}
	return b
}

// run fetches outputs for a batch of 2 images.
func (b *bench) run(t *testing.T, images []float32, seed int64, fetches ...tf.Output) [][]float32 {
	t.Helper()
	feed, err := NewTensor(images, 2, b.shape.H, b.shape.W, b.shape.C)
	if err != nil {
		t.Fatal(err)
	}
	seeds, err := tf.NewTensor([]int64{seed, 5})
	if err != nil {
		t.Fatal(err)
	}
	fetched, err := b.session.Run(NewPart(fetches), Feeds{NameOf(b.in): feed, NameOf(b.seed): seeds})
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

func randomInput(seed uint64, shape graph.Shape) []float32 {
	rng := rand.New(rand.NewPCG(seed, 3))
	x := make([]float32, 2*shape.H*shape.W*shape.C)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// Every layer kind has a gradient, for its input and its parameters, and it is
// the one that finite differences give.
func TestGradientsOfEveryLayer(t *testing.T) {
	shape := graph.Shape{H: 5, W: 6, C: 2}
	inner := graph.Conv{Name: "inner", In: 2, Out: 2, Kernel: 3, Stride: 1, Pad: 1, Bias: true}
	for _, l := range []graph.Layer{
		graph.Conv{Name: "c", In: 2, Out: 3, Kernel: 3, Stride: 2, Pad: 1, Bias: true},
		graph.Conv{Name: "c", In: 2, Out: 3, Kernel: 4, Stride: 2, Pad: 1},
		graph.ConvTranspose{Name: "u", In: 2, Out: 3, Kernel: 3, Stride: 2, Pad: 1, OutPad: 1, Bias: true},
		graph.ConvTranspose{Name: "u", In: 2, Out: 3, Kernel: 4, Stride: 2, Pad: 1},
		graph.DepthwiseConv{Name: "d", Channels: 2, Kernel: 5, Stride: 1, Pad: 2, Bias: true},
		graph.DepthwiseConv{Name: "d", Channels: 2, Kernel: 3, Stride: 2, Pad: 1},
		graph.ZeroPad{Before: 1, After: 2},
		graph.ReflectPad{Pad: 3},
		graph.Upsample{Scale: 2, Mode: graph.Nearest}, graph.Upsample{Scale: 2, Mode: graph.Bilinear},
		graph.InstanceNorm{Channels: 2, Epsilon: 1e-5},
		graph.BatchNorm{Name: "n", Channels: 2, Epsilon: 1e-5, Momentum: 0.1},
		graph.ReLU{}, graph.LeakyReLU{Slope: 0.2}, graph.Tanh{}, graph.Clamp{Min: -1, Max: 0.5}, graph.Clamp{Min: 0, Max: 6},
		graph.Dropout{Rate: 0.5}, graph.GlobalMean{},
		graph.Residual{Body: []graph.Layer{inner, graph.Tanh{}}},
		graph.Concat{Body: []graph.Layer{inner, graph.Tanh{}}},
		graph.Fork{Branches: [][]graph.Layer{{inner, graph.Tanh{}}, {graph.ReLU{}}}},
		graph.Downsample{Channels: 2},
		graph.Level{Channels: 2, Body: []graph.Layer{inner}, Mask: []graph.Layer{
			graph.Conv{Name: "mask", In: 6, Out: 1, Kernel: 3, Stride: 1, Pad: 1, Bias: true}, graph.Tanh{},
		}},
		graph.Thumbnail{Size: 4, Multiple: 2, Body: []graph.Layer{inner, graph.Tanh{}}},
	} {
		t.Run(graph.Describe(l), func(t *testing.T) {
			shape := shape
			switch l.(type) {
			case graph.Downsample, graph.Level, graph.Thumbnail:
				shape.H = 8
			}
			b := newBench(t, l, shape)
			images := randomInput(1, shape)
			// L = sum(y * r) for random r.
			y := b.run(t, images, 9, b.out)[0]
			r := make([]float32, len(y))
			rng := rand.New(rand.NewPCG(4, 4))
			for i := range r {
				r[i] = float32(rng.NormFloat64())
			}
			outShape, _ := b.net.OutputShape(shape.H, shape.W)
			rTensor, err := NewTensor(r, 2, outShape.H, outShape.W, outShape.C)
			if err != nil {
				t.Fatal(err)
			}
			targets := []tf.Output{b.in}
			var names []string
			for _, p := range b.net.Params() {
				if p.Trainable() {
					targets, names = append(targets, b.vars.Values(b.session.Graph())[p.Name]), append(names, p.Name)
				}
			}
			gradients := op.Gradients(b.scope, []tf.Output{b.out}, targets, op.Const(b.scope.SubScope("r"), rTensor))
			if err := b.scope.Err(); err != nil {
				t.Fatal(err)
			}
			got := b.run(t, images, 9, gradients...)
			loss := func(images []float32) (sum float64) {
				for i, v := range b.run(t, images, 9, b.out)[0] {
					sum += float64(v) * float64(r[i])
				}
				return sum
			}
			const step = 1e-2
			check := func(what string, values, gradient []float32, eval func() float64) {
				t.Helper()
				bad := 0
				for i := range values {
					old := values[i]
					values[i] = old + step
					up := eval()
					values[i] = old - step
					down := eval()
					values[i] = old
					if want := (up - down) / (2 * step); math.Abs(want-float64(gradient[i])) > 0.02+0.02*math.Abs(want) {
						bad++
						t.Logf("%s[%d]: gradient %g, differences give %g", what, i, gradient[i], want)
					}
				}
				// A difference across a kink of ReLU or of a clamp is no gradient.
				if bad > len(values)/20 {
					t.Errorf("%s: %d of %d gradients are wrong", what, bad, len(values))
				}
			}
			check("input", images, got[0], func() float64 { return loss(images) })
			for i, name := range names {
				check(name, b.weights[name], got[i+1], func() float64 {
					if err := b.vars.Load(b.session, b.weights); err != nil {
						t.Fatal(err)
					}
					return loss(images)
				})
			}
		})
	}
}

func TestInstanceNormIsPerPicture(t *testing.T) {
	shape := graph.Shape{H: 7, W: 4, C: 3}
	b := newBench(t, graph.InstanceNorm{Channels: 3, Epsilon: 1e-5}, shape)
	x := randomInput(2, shape)
	for i := range x[:len(x)/2] {
		x[i] = 40*x[i] + 10 // the first image has other statistics
	}
	y := b.run(t, x, 0, b.out)[0]
	size := shape.H * shape.W * shape.C
	for n := range 2 {
		for c := range shape.C {
			var sum, squares float64
			for i := n*size + c; i < (n+1)*size; i += shape.C {
				sum += float64(y[i])
				squares += float64(y[i]) * float64(y[i])
			}
			pixels := float64(shape.H * shape.W)
			if mean, variance := sum/pixels, squares/pixels; math.Abs(mean) > 1e-5 || math.Abs(variance-1) > 1e-3 {
				t.Errorf("picture %d, channel %d: mean %g, variance %g", n, c, mean, variance)
			}
		}
	}
}

func TestBatchStatisticsAreUnbiased(t *testing.T) {
	shape := graph.Shape{H: 3, W: 5, C: 2}
	b := newBench(t, graph.BatchNorm{Name: "n", Channels: 2, Epsilon: 1e-5, Momentum: 0.1}, shape)
	if len(b.stats) != 1 || b.stats[0].Layer.Name != "n" {
		t.Fatalf("statistics %+v, want those of layer n", b.stats)
	}
	x := randomInput(3, shape)
	got := b.run(t, x, 0, b.stats[0].Mean, b.stats[0].Variance)
	for c := range shape.C {
		var values []float64
		sum := 0.0
		for i := c; i < len(x); i += shape.C {
			values = append(values, float64(x[i]))
			sum += float64(x[i])
		}
		mean, variance := sum/float64(len(values)), 0.0
		for _, v := range values {
			variance += (v - mean) * (v - mean) / float64(len(values)-1)
		}
		if math.Abs(float64(got[0][c])-mean) > 1e-5 || math.Abs(float64(got[1][c])-variance) > 1e-5 {
			t.Errorf("channel %d: mean %g, variance %g; want %g, %g", c, got[0][c], got[1][c], mean, variance)
		}
	}
}

func TestDropoutFollowsItsSeed(t *testing.T) {
	shape := graph.Shape{H: 20, W: 20, C: 5}
	b := newBench(t, graph.Dropout{Rate: 0.25}, shape)
	x := make([]float32, 2*20*20*5)
	for i := range x {
		x[i] = 3
	}
	y := b.run(t, x, 1, b.out)[0]
	zeros := 0
	for _, v := range y {
		switch {
		case v == 0:
			zeros++
		case math.Abs(float64(v)-4) > 1e-5:
			t.Fatalf("a kept 3 became %g, want 4", v)
		}
	}
	if share := float64(zeros) / float64(len(y)); math.Abs(share-0.25) > 0.03 {
		t.Errorf("%.3f of the values were dropped, want 0.25", share)
	}
	same, other := b.run(t, x, 1, b.out)[0], b.run(t, x, 2, b.out)[0]
	differ := false
	for i := range y {
		if same[i] != y[i] {
			t.Fatal("equal seeds give different masks")
		}
		differ = differ || other[i] != y[i]
	}
	if !differ {
		t.Error("different seeds give the same mask")
	}
}

func TestApplyReportsWhatIsMissing(t *testing.T) {
	net := &graph.Network{Name: "n", In: 3, Out: 3, Layers: []graph.Layer{graph.Conv{Name: "c", In: 3, Out: 3, Kernel: 3, Stride: 1}}}
	apply := func(values map[string]tf.Output, shape tf.Shape) error {
		s := op.NewScope()
		x := op.Placeholder(s, tf.Float, op.PlaceholderShape(shape))
		Apply(s, net, values, x, Mode{})
		return s.Err()
	}
	if err := apply(nil, tf.MakeShape(1, 8, 8, 3)); err == nil || !strings.Contains(err.Error(), "c.weight") {
		t.Errorf("no weights: %v", err)
	}
	if err := apply(nil, tf.MakeShape(1, -1, 8, 3)); err == nil || !strings.Contains(err.Error(), "known") {
		t.Errorf("unknown height: %v", err)
	}
	s := op.NewScope()
	x := op.Placeholder(s, tf.Float, op.PlaceholderShape(tf.MakeShape(1, 2, 2, 3)))
	w := op.Placeholder(s.SubScope("w"), tf.Float, op.PlaceholderShape(tf.MakeShape(3, 3, 3, 3)))
	Apply(s, net, map[string]tf.Output{"c.weight": w}, x, Mode{})
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), "kernel") {
		t.Errorf("a map smaller than the kernel: %v", err)
	}
}

func TestNewTensorAndFloats(t *testing.T) {
	values := []float32{1, 2, 3, 4, 5, 6}
	tensor, err := NewTensor(values, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Floats(nil, tensor)
	if err != nil || len(got) != 6 || got[5] != 6 {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := NewTensor(values, 2, 2); err == nil {
		t.Error("six values in a shape of four")
	}
	ints, err := tf.NewTensor([]int32{1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Floats(nil, ints); err == nil {
		t.Error("integers read as floats")
	}
}
