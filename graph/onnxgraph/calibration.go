package onnxgraph

import (
	"errors"
	"fmt"
	"strconv"

	"cyclegan/graph"
	"cyclegan/graph/onnxgraph/quantize"
	"cyclegan/infer/onnx"
)

// A Calibration collects the values that a network's tensors take on images. They determine the
// ranges that the 8-bit integers of [MarshalInt8] cover.
//
// It cannot run a network itself: [Calibration.Probes] returns ONNX models whose outputs are the
// tensors, and [Probe.Add] takes their values.
//
//	c, err := onnxgraph.NewCalibration(generator, weights)
//	probes, err := c.Probes(256, 256, 256<<20)
//	for _, p := range probes {
//		model, err := p.Model()
//		... run it on every image, and for each output i:
//		err = p.Add(i, values)
//	}
//	data, err := onnxgraph.MarshalInt8(c, metadata)
type Calibration struct {
	// Images is the number of images, and Source describes them, such as "training images of
	// summer". Both go into the file's metadata.
	Images int
	Source string

	network *graph.Network // without the BatchNorms that could be folded
	weights graph.Weights
	flow    *flow
	seen    map[string][]quantize.Histogram // one, or one for each channel
}

// NewCalibration starts the calibration of a network with its weights.
func NewCalibration(n *graph.Network, w graph.Weights) (*Calibration, error) {
	err := check(n, w)
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	n.Walk(func(l graph.Layer) {
		switch l.(type) {
		case graph.Downsample, graph.Level, graph.Thumbnail:
			err = fmt.Errorf("calibrate: %s: a network with a layer %q has no 8-bit form. Fix: use precision f32 or f16",
				n.Name, graph.Describe(l))
		}
	})
	if err != nil {
		return nil, err
	}
	c := &Calibration{seen: map[string][]quantize.Histogram{}}
	c.network, c.weights = foldNorms(n, w)
	b, err := build(c.network, c.weights)
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	c.flow = newFlow(b.nodes)
	return c, nil
}

// A Probe is a model that returns some of the tensors that a calibration needs.
type Probe struct {
	calibration *Calibration
	sites       []site
	channels    []int
}

// Probes returns the models to run, one after the other, on all images, which have height h and
// width w. The tensors that one model returns for an image take at most budget bytes, unless it
// returns a single tensor.
func (c *Calibration) Probes(h, w int, budget int64) ([]*Probe, error) {
	shapes, err := c.flow.shapes(graph.Shape{H: h, W: w, C: c.network.In})
	if err != nil {
		return nil, fmt.Errorf("calibrate: %s on %dx%d: %w", c.network.Name, w, h, err)
	}
	var probes []*Probe
	room := int64(-1)
	for _, s := range c.flow.sites() {
		shape := shapes[s.value]
		size := 4 * int64(shape.H) * int64(shape.W) * int64(shape.C)
		if size > room {
			probes, room = append(probes, &Probe{calibration: c}), max(budget, size)
		}
		room -= size
		p := probes[len(probes)-1]
		p.sites, p.channels = append(p.sites, s), append(p.channels, shape.C)
		if histograms := 1; c.seen[s.value] == nil {
			if s.perChannel {
				histograms = shape.C
			}
			c.seen[s.value] = make([]quantize.Histogram, histograms)
		}
	}
	return probes, nil
}

// Model returns the ONNX file. Its input is the input of the network.
func (p *Probe) Model() ([]byte, error) {
	b, err := build(p.calibration.network, p.calibration.weights)
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	var outputs []onnx.Port
	for i, s := range p.sites {
		outputs = append(outputs, port(s.value, p.channels[i], fmt.Sprint("height_", i), fmt.Sprint("width_", i)))
	}
	return b.model(outputs...).Encode(), nil
}

// Add counts the values [1, C, H, W] of tensor i for one image. Calls for different tensors may run
// concurrently.
func (p *Probe) Add(i int, values []float32) error {
	if i < 0 || i >= len(p.sites) {
		return fmt.Errorf("calibrate: there is no tensor %d: the probe has %d", i, len(p.sites))
	}
	s := p.sites[i]
	if len(values) == 0 || len(values)%p.channels[i] != 0 {
		return fmt.Errorf("calibrate: tensor %q has %d channels, but got %d values",
			s.value, p.channels[i], len(values))
	}
	histograms := p.calibration.seen[s.value]
	plane := len(values) / len(histograms)
	for c := range histograms {
		if !histograms[c].Add(values[c*plane:][:plane]) {
			return fmt.Errorf("calibrate: tensor %q has a value that is not a finite number", s.value)
		}
	}
	return nil
}

// complete returns an error that names a tensor without values.
func (c *Calibration) complete() error {
	if c == nil {
		return errors.New("there is no calibration")
	}
	for _, s := range c.flow.sites() {
		histograms := c.seen[s.value]
		if len(histograms) == 0 || histograms[0].Empty() {
			return fmt.Errorf("the calibration has seen no values of %q. Fix: run all its probes", s.value)
		}
	}
	return nil
}

func (c *Calibration) properties() []onnx.Property {
	images := ""
	if c.Images > 0 {
		images = strconv.Itoa(c.Images)
	}
	return []onnx.Property{
		{Key: "calibration_images", Value: images},
		{Key: "calibration_source", Value: c.Source},
	}
}
