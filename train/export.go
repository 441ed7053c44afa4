//go:build tensorflow

package train

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"

	"cyclegan/graph"
	"cyclegan/graph/onnxgraph"
	"cyclegan/graph/tfgraph"
	"cyclegan/infer/session"
)

// exportTolerance is how far an exported generator may be from the trained
// one, in output values of [-1, 1]. One level of an 8-bit picture is 0.0078.
const exportTolerance = 1e-4

// Export writes a generator as ONNX under path, once ONNX Runtime has given the
// same pictures with it as TensorFlow does with the network itself. Otherwise
// it leaves no file. The check is made on random pictures of the training size
// and on a batch of others that are not square.
func Export(ctx context.Context, path string, n *graph.Network, w graph.Weights, m onnxgraph.Metadata) error {
	model, err := checked(ctx, n, w, m)
	if err != nil {
		return fmt.Errorf("export %q: %w", path, err)
	}
	return writeFile(path, model)
}

// ExportReduced writes a generator with fewer bits than it was trained with,
// once the model in f32 has passed the check of [Export] and the one in f16 or
// int8 gives much the same pictures. It returns what was lost. Pictures for
// int8 are calibrated on, and compared on those of check; both must be of a
// size that the generator takes. f16 needs none: check may be nil, and random
// pictures of the training size are compared.
func ExportReduced(ctx context.Context, path string, n *graph.Network, w graph.Weights, m onnxgraph.Metadata, p onnxgraph.Precision, calibration, check *Pictures) (*Loss, error) {
	full, err := checked(ctx, n, w, m)
	if err != nil {
		return nil, fmt.Errorf("export %q: %w", path, err)
	}
	if check == nil && p == onnxgraph.F16 {
		if check, err = someRandom(n, m); err != nil {
			return nil, fmt.Errorf("export %q: %w", path, err)
		}
	}
	model, loss, err := reduce(ctx, n, w, m, p, full, calibration, check)
	if err != nil {
		return nil, fmt.Errorf("export %q: %w", path, err)
	}
	return loss, writeFile(path, model)
}

// someRandom are random pictures of the training size or, where that is
// unknown, of the smallest.
func someRandom(n *graph.Network, m onnxgraph.Metadata) (*Pictures, error) {
	p := &Pictures{Count: 4, H: m.TrainHeight, W: m.TrainWidth}
	if p.H == 0 || p.W == 0 {
		least, err := n.MinSize()
		if err != nil {
			return nil, err
		}
		p.H, p.W = least, least
	}
	p.Read = func(i int) ([]float32, error) { return randomPictures(uint64(2+i), p.H*p.W*n.In), nil }
	return p, nil
}

// checked returns the model in f32 once it agrees with TensorFlow.
func checked(ctx context.Context, n *graph.Network, w graph.Weights, m onnxgraph.Metadata) ([]byte, error) {
	model, err := onnxgraph.Marshal(n, w, m)
	if err != nil {
		return nil, err
	}
	least, err := n.MinSize()
	if err != nil {
		return nil, err
	}
	type size struct{ n, h, w int }
	sizes := []size{{2, least, least + n.SizeMultiple()}}
	if m.TrainWidth > 0 && m.TrainHeight > 0 {
		sizes = append(sizes, size{1, m.TrainHeight, m.TrainWidth})
	}
	for i, s := range sizes {
		worst, err := Parity(ctx, n, w, model, randomPictures(uint64(i), s.n*s.h*s.w*n.In), s.n, graph.Shape{H: s.h, W: s.w, C: n.In})
		if err != nil {
			return nil, fmt.Errorf("check against ONNX Runtime: %w", err)
		}
		if !(worst <= exportTolerance) {
			return nil, fmt.Errorf("ONNX Runtime's picture of %dx%d differs from TensorFlow's by up to %g, more than %g; nothing was written", s.w, s.h, worst, exportTolerance)
		}
	}
	return model, nil
}

// ExportGenerators writes G_AB.onnx and G_BA.onnx of a checkpoint into dir,
// each checked as Export does, and returns their paths. Writer names the
// program for the files' metadata.
func ExportGenerators(ctx context.Context, c *Checkpoint, o Options, dir, writer string) ([]string, error) {
	var paths []string
	for _, name := range []string{GAB, GBA} {
		n, w, err := c.Generator(o, name)
		if err != nil {
			return paths, fmt.Errorf("export %s: %w", name, err)
		}
		path := filepath.Join(dir, name+".onnx")
		if err := Export(ctx, path, n, w, c.Metadata(name, n.Name, writer)); err != nil {
			return paths, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// Metadata is what an exported file of the checkpoint's generator GAB or GBA
// says about itself.
func (c *Checkpoint) Metadata(name, architecture, writer string) onnxgraph.Metadata {
	m := onnxgraph.Metadata{
		Direction: "AtoB", DomainFrom: c.DomainA, DomainTo: c.DomainB,
		Architecture: architecture, TrainWidth: c.WidthA, TrainHeight: c.HeightA,
		Step: c.Step, Writer: writer,
	}
	if name == GBA {
		m.Direction, m.DomainFrom, m.DomainTo = "BtoA", c.DomainB, c.DomainA
		m.TrainWidth, m.TrainHeight = c.WidthB, c.HeightB
	}
	return m
}

// Parity runs pictures [count, H, W, C] through a network with TensorFlow and
// through the model that was written of it with ONNX Runtime, and returns the
// largest difference of their outputs.
func Parity(ctx context.Context, n *graph.Network, w graph.Weights, model []byte, pictures []float32, count int, shape graph.Shape) (float64, error) {
	want, err := tfgraph.Evaluate(n, w, pictures, count, shape)
	if err != nil {
		return 0, err
	}
	out, err := n.OutputShape(shape.H, shape.W)
	if err != nil {
		return 0, err
	}
	s, err := session.New(model, nil)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	got, err := s.Run(ctx, session.Tensor{
		Shape: []int64{int64(count), int64(shape.C), int64(shape.H), int64(shape.W)},
		Data:  onnxgraph.NCHW(pictures, count, shape.H, shape.W, shape.C),
	})
	if err != nil {
		return 0, err
	}
	if len(got) != 1 || len(got[0].Data) != len(want) {
		return 0, fmt.Errorf("ONNX Runtime gives %d tensors, the first of shape %v; expected one of %d pictures of %v", len(got), got[0].Shape, count, out)
	}
	worst := 0.0
	for i, v := range onnxgraph.NHWC(got[0].Data, count, out.H, out.W, out.C) {
		d := math.Abs(float64(v) - float64(want[i]))
		if math.IsNaN(d) {
			return math.NaN(), nil
		}
		worst = max(worst, d)
	}
	return worst, nil
}

func randomPictures(seed uint64, size int) []float32 {
	rng := rand.New(rand.NewPCG(seed, 1))
	values := make([]float32, size)
	for i := range values {
		values[i] = 2*rng.Float32() - 1
	}
	return values
}
