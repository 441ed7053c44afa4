//go:build tensorflow

package tfgraph

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
)

// BenchmarkLayers times single layers of a training at 128 pixels, forward and with all gradients.
// The fastest run says more than the mean while other programs are running:
//
//	go run ./third_party go test ./graph/tfgraph -run - -bench Layers
func BenchmarkLayers(b *testing.B) {
	conv := func(in, out, kernel, stride, pad int) graph.Layer {
		return graph.Conv{Name: "conv", In: in, Out: out, Kernel: kernel, Stride: stride, Pad: pad}
	}
	for _, c := range []struct {
		name           string
		side, channels int
		winograd       bool
		layer          graph.Layer
	}{
		{"block", 32, 256, false, conv(256, 256, 3, 1, 1)},
		{"block_winograd", 32, 256, true, conv(256, 256, 3, 1, 1)},
		{"stem", 128, 3, false, conv(3, 64, 7, 1, 3)},
		{"out", 128, 64, false, conv(64, 3, 7, 1, 3)},
		{"down", 128, 64, false, conv(64, 128, 3, 2, 1)},
		{"up", 64, 128, false, graph.ConvTranspose{Name: "up", In: 128, Out: 64, Kernel: 3, Stride: 2, Pad: 1, OutPad: 1}},
		{"discriminator_first", 128, 3, false, conv(3, 64, 4, 2, 1)},
		{"discriminator_wide", 16, 256, false, conv(256, 512, 4, 1, 1)},
		{"norm", 128, 64, false, graph.InstanceNorm{Channels: 64, Epsilon: 1e-5}},
		{"pad", 128, 64, false, graph.ReflectPad{Pad: 3}},
	} {
		mode := Mode{Winograd: c.winograd}
		n := &graph.Network{Name: "layer", In: c.channels, Layers: []graph.Layer{c.layer, graph.GlobalMean{}}}
		b.Run(c.name, func(b *testing.B) { benchmarkLayer(b, n, c.side, mode) })
	}
}

func benchmarkLayer(b *testing.B, n *graph.Network, side int, mode Mode) {
	g := tf.NewGraph()
	s := op.NewScopeWithGraph(g)
	vars := NewVariables(s, "weights", n, nil)
	in := op.Placeholder(s, tf.Float, op.PlaceholderShape(tf.MakeShape(1, int64(side), int64(side), int64(n.In))))
	out, _ := Apply(s, n, vars.Values(g), in, mode)
	with := []tf.Output{in}
	for _, name := range vars.Names() {
		with = append(with, vars.Values(g)[name])
	}
	gradients := op.Gradients(s, []tf.Output{op.Square(s.SubScope("loss"), out)}, with)
	if err := s.Err(); err != nil {
		b.Fatal(err)
	}
	var targets []*tf.Operation
	for _, y := range gradients {
		targets = append(targets, y.Op)
	}
	session, err := NewSession(g, "", nil)
	if err != nil {
		b.Fatal(err)
	}
	defer session.Close()
	r := rand.New(rand.NewPCG(1, 2))
	weights, err := graph.Initialize(n, graph.InitNormal, 0.02, r)
	if err != nil {
		b.Fatal(err)
	}
	if err := vars.Load(session, weights); err != nil {
		b.Fatal(err)
	}
	values := make([]float32, side*side*n.In)
	for i := range values {
		values[i] = r.Float32()
	}
	feed, err := NewTensor(values, 1, side, side, n.In)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		part Part
	}{{"forward", NewPart([]tf.Output{out})}, {"gradients", NewPart(nil, targets...)}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			best := math.Inf(1)
			for range b.N {
				begin := time.Now()
				if _, err := session.Run(c.part, Feeds{NameOf(in): feed}); err != nil {
					b.Fatal(err)
				}
				best = min(best, time.Since(begin).Seconds())
			}
			b.ReportMetric(1e3*best, "best-ms")
		})
	}
}
