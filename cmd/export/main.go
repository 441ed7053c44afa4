//go:build tensorflow

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"cyclegan/cmd/internal/cli"
	"cyclegan/graph"
	"cyclegan/graph/onnxgraph"
	"cyclegan/graph/tfgraph"
	"cyclegan/infer/pixels"
	"cyclegan/train"
	"cyclegan/train/export"
)

// exporter writes generators as ONNX.
var exporter = export.Exporter{Reference: tfgraph.Evaluate, Writer: "cyclegan export"}

func main() {
	c, status, ok := start(os.Args[1:], os.Stdout, os.Stderr)
	if !ok {
		os.Exit(status)
	}
	ctx, stop := cli.Context()
	defer stop()
	c.printNotes(os.Stderr)
	exporter.Force = c.force
	files, err := c.write(ctx)
	switch {
	case err == nil:
		c.report(os.Stdout, os.Stderr, files)
		os.Exit(cli.Done)
	case errors.Is(err, context.Canceled):
		fmt.Fprintf(os.Stderr, "export: interrupted; files written: %d\n", len(files))
		os.Exit(cli.Interrupted)
	}
	fmt.Fprintf(os.Stderr, "export: %v\n", err)
	os.Exit(cli.Failed)
}

func (c *command) write(ctx context.Context) ([]written, error) {
	if c.format == formatSafetensors {
		return c.writeSafetensors()
	}
	if c.pth != "" {
		m := c.metadata
		m.Writer = exporter.Writer
		loss, err := c.writeONNX(ctx, c.output, c.network, c.weights, train.GAB, m)
		if err != nil {
			return nil, err
		}
		return []written{{c.output, loss}}, nil
	}
	extension := ".onnx"
	if c.precision != onnxgraph.F32 {
		extension = fmt.Sprintf(".%s.onnx", c.precision)
	}
	return c.writeRun(extension, func(path, name string, n *graph.Network, w graph.Weights) (*export.Loss, error) {
		return c.writeONNX(ctx, path, n, w, name, exporter.Metadata(c.checkpoint, name, n.Name))
	})
}

func (c *command) writeONNX(ctx context.Context, path string, n *graph.Network, w graph.Weights, name string, m onnxgraph.Metadata) (*export.Loss, error) {
	switch c.precision {
	case onnxgraph.F32:
		return nil, exporter.Write(ctx, path, n, w, m)
	case onnxgraph.F16:
		return exporter.WriteReduced(ctx, path, n, w, m, c.precision, nil, nil)
	}
	calibration, check, err := c.images(n, name, m)
	if err != nil {
		return nil, fmt.Errorf("export %q: calibration: %w", path, err)
	}
	fmt.Fprintf(os.Stderr, "%s: calibrating on %s of %dx%d (%s)\n", path, cli.Count(calibration.Count, "image"), calibration.W, calibration.H, calibration.Source)
	return exporter.WriteReduced(ctx, path, n, w, m, c.precision, calibration, check)
}

const (
	checkCount  = 8   // images that measure the loss of a quantized generator
	defaultSize = 256 // side of images in pixels if the training size is unknown, as in the paper
)

// images reads the images to calibrate a generator on, and others to measure its loss. If there are
// too few for both, some serve both purposes.
func (c *command) images(n *graph.Network, name string, m onnxgraph.Metadata) (calibration, check *export.Images, err error) {
	set := c.data.TrainA()
	if name == train.GBA {
		set = c.data.TrainB()
	}
	if set.Channels() != n.In {
		return nil, nil, fmt.Errorf("the images have %d channels, the generator takes %d", set.Channels(), n.In)
	}
	w, h, err := imageSize(n, m)
	if err != nil {
		return nil, nil, err
	}
	spec := pixels.Spec{Layout: pixels.NHWC, Range: pixels.Symmetric, Channels: n.In}
	read := func(i int) ([]float32, error) {
		img, err := set.Image(i, w, h)
		if err != nil {
			return nil, err
		}
		values := make([]float32, spec.Len(w, h))
		return values, spec.Put(values, img)
	}
	var good []int // readable images
	var unreadable error
	want := min(c.calibrationCount+checkCount, set.Len())
	for k := range want {
		i := k * set.Len() / want // spread evenly: neighbors often show the same place and day
		if _, err := read(i); err != nil {
			unreadable = errors.Join(unreadable, err)
			continue
		}
		good = append(good, i)
	}
	if len(good) == 0 {
		return nil, nil, fmt.Errorf("no image can be read: %w", unreadable)
	}
	source := "training images of " + m.DomainFrom
	if c.calibration != "" {
		source = "images of " + filepath.Base(c.calibration)
	}
	of := func(indices []int) *export.Images {
		return &export.Images{Count: len(indices), H: h, W: w, Source: source, Read: func(i int) ([]float32, error) { return read(indices[i]) }}
	}
	if c.calibrationCount < len(good) {
		return of(good[:c.calibrationCount]), of(good[c.calibrationCount:]), nil
	}
	return of(good), of(good[max(0, len(good)-checkCount):]), nil
}

// imageSize returns the training size, or the default, rounded up to what the generator takes.
func imageSize(n *graph.Network, m onnxgraph.Metadata) (w, h int, err error) {
	least, err := n.MinSize()
	if err != nil {
		return 0, 0, err
	}
	fit := func(side int) int {
		if side == 0 {
			side = defaultSize
		}
		unit := n.SizeMultiple()
		return max(least, (side+unit-1)/unit*unit)
	}
	return fit(m.TrainWidth), fit(m.TrainHeight), nil
}
