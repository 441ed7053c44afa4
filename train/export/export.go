// Package export writes generators as ONNX files and checks each of them. An [Exporter] writes a
// file only after ONNX Runtime has computed the same images with it as the training framework.
package export

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"path/filepath"

	"cyclegan/graph"
	"cyclegan/graph/onnxgraph"
	"cyclegan/infer/atomicfile"
	"cyclegan/infer/session"
	"cyclegan/train/checkpoint"
)

// tolerance is the largest allowed difference between an exported generator and the trained one, in
// output values of [-1, 1]. One level of an 8-bit image is 0.0078.
const tolerance = 1e-4

// A Reference runs a trained network on count images [count, H, W, C] and returns [count, H', W',
// C']. tfgraph.Evaluate is one.
type Reference func(n *graph.Network, w graph.Weights, images []float32, count int, shape graph.Shape) ([]float32, error)

// An Exporter writes generators as ONNX files.
type Exporter struct {
	Reference Reference // computes the images that the files must reproduce
	Writer    string    // names the program in the metadata of a checkpoint's generators
	Force     bool      // write a generator in a lower precision also if it loses more than MinPSNR allows
}

// Write writes a generator as ONNX to path if the file reproduces the reference's images; otherwise
// it writes nothing. It compares random images of the training size and a batch of images that are
// not square.
func (e Exporter) Write(ctx context.Context, path string, n *graph.Network, w graph.Weights, m onnxgraph.Metadata) error {
	_, err := e.WriteReduced(ctx, path, n, w, m, onnxgraph.F32, nil, nil)
	return err
}

// WriteReduced writes a generator in f16 or int8 and returns what precision it lost. It checks the
// f32 model as Write does, then compares the reduced one to it on the images of check. int8 is
// calibrated on other images. Both sets must have a size that the generator accepts. f16 needs no
// calibration, and if check is nil it compares random images of the training size.
func (e Exporter) WriteReduced(ctx context.Context, path string, n *graph.Network, w graph.Weights, m onnxgraph.Metadata, p onnxgraph.Precision, calibration, check *Images) (*Loss, error) {
	model, err := e.checked(ctx, n, w, m)
	var loss *Loss
	if err == nil && check == nil && p == onnxgraph.F16 {
		check, err = randomSet(n, m)
	}
	if err == nil && p != onnxgraph.F32 {
		model, loss, err = e.reduce(ctx, n, w, m, p, model, calibration, check)
	}
	if err != nil {
		return nil, fmt.Errorf("export %q: %w", path, err)
	}
	err = atomicfile.WriteDurable(path, func(w io.Writer) error {
		_, err := w.Write(model)
		return err
	})
	if err != nil {
		return nil, err
	}
	return loss, nil
}

// WriteCheckpoint writes G_AB.onnx and G_BA.onnx of a checkpoint to dir and returns their paths.
// The weights are checkpoint.WeightsLatest or WeightsEMA; describe returns the options of G_AB for
// true and of G_BA for false.
func (e Exporter) WriteCheckpoint(ctx context.Context, dir string, c *checkpoint.Checkpoint, weights string, describe func(ab bool) graph.GeneratorOptions) ([]string, error) {
	var paths []string
	for _, name := range []string{checkpoint.GAB, checkpoint.GBA} {
		n, w, err := c.Generator(name, weights, describe)
		if err != nil {
			return paths, fmt.Errorf("export %s: %w", name, err)
		}
		path := filepath.Join(dir, name+".onnx")
		if err := e.Write(ctx, path, n, w, e.Metadata(c, name, n.Name)); err != nil {
			return paths, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// Metadata returns what an exported file says about a checkpoint's generator GAB or GBA.
func (e Exporter) Metadata(c *checkpoint.Checkpoint, name, architecture string) onnxgraph.Metadata {
	m := onnxgraph.Metadata{
		Direction: "AtoB", DomainFrom: c.DomainA, DomainTo: c.DomainB,
		InputWindow: c.WindowA, OutputWindow: c.WindowB,
		Architecture: architecture, TrainWidth: c.WidthA, TrainHeight: c.HeightA,
		Step: c.Step, Writer: e.Writer,
	}
	if name == checkpoint.GBA {
		m.Direction, m.DomainFrom, m.DomainTo = "BtoA", c.DomainB, c.DomainA
		m.InputWindow, m.OutputWindow = c.WindowB, c.WindowA
		m.TrainWidth, m.TrainHeight = c.WidthB, c.HeightB
	}
	return m
}

// checked returns the f32 model after comparing it to the reference.
func (e Exporter) checked(ctx context.Context, n *graph.Network, w graph.Weights, m onnxgraph.Metadata) ([]byte, error) {
	model, err := onnxgraph.Marshal(n, w, m, onnxgraph.F32)
	if err != nil {
		return nil, err
	}
	least, err := n.MinSize()
	if err != nil {
		return nil, err
	}
	shapes := []graph.Shape{{H: least, W: least + n.SizeMultiple(), C: n.In}}
	if m.TrainWidth > 0 && m.TrainHeight > 0 {
		shapes = append(shapes, graph.Shape{H: m.TrainHeight, W: m.TrainWidth, C: n.In})
	}
	for i, s := range shapes {
		count := 2 - i
		worst, err := e.difference(ctx, n, w, model, randomImages(uint64(i), count*s.H*s.W*s.C), count, s)
		if err != nil {
			return nil, fmt.Errorf("compare with ONNX Runtime: %w", err)
		}
		if !(worst <= tolerance) {
			return nil, fmt.Errorf("ONNX Runtime's %dx%d image differs from TensorFlow's by up to %g, more than %g; nothing was written", s.W, s.H, worst, tolerance)
		}
	}
	return model, nil
}

// difference runs images [count, H, W, C] through a network with the reference and through its
// model with ONNX Runtime, and returns the largest difference.
func (e Exporter) difference(ctx context.Context, n *graph.Network, w graph.Weights, model []byte, images []float32, count int, shape graph.Shape) (float64, error) {
	want, err := e.Reference(n, w, images, count, shape)
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
	got, err := s.Run(ctx, input(images, count, shape))
	if err != nil {
		return 0, err
	}
	if len(got[0].Data) != len(want) {
		return 0, fmt.Errorf("ONNX Runtime returned shape %v; want %d images of %v", got[0].Shape, count, out)
	}
	worst := 0.0
	for i, v := range onnxgraph.NHWC(got[0].Data, count, out.H, out.W, out.C) { // from [count, C, H, W]
		d := math.Abs(float64(v) - float64(want[i]))
		if math.IsNaN(d) {
			return d, nil
		}
		worst = max(worst, d)
	}
	return worst, nil
}

// input is the input of an ONNX model for images [count, H, W, C].
func input(images []float32, count int, s graph.Shape) session.Tensor {
	return session.Tensor{
		Shape: []int64{int64(count), int64(s.C), int64(s.H), int64(s.W)},
		Data:  onnxgraph.NCHW(images, count, s.H, s.W, s.C),
	}
}

// randomSet returns random images of the training size or, if that is unknown, of the smallest.
func randomSet(n *graph.Network, m onnxgraph.Metadata) (*Images, error) {
	p := &Images{Count: 4, H: m.TrainHeight, W: m.TrainWidth}
	if p.H == 0 || p.W == 0 {
		least, err := n.MinSize()
		if err != nil {
			return nil, err
		}
		p.H, p.W = least, least
	}
	p.Read = func(i int) ([]float32, error) { return randomImages(uint64(2+i), p.H*p.W*n.In), nil }
	return p, nil
}

func randomImages(seed uint64, size int) []float32 {
	rng := rand.New(rand.NewPCG(seed, 1))
	values := make([]float32, size)
	for i := range values {
		values[i] = 2*rng.Float32() - 1
	}
	return values
}
