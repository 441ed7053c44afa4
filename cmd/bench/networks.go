package main

import (
	"io"
	"math/rand/v2"
	"path/filepath"

	"cyclegan/graph"
	"cyclegan/graph/onnxgraph"
	"cyclegan/graph/pytorch"
	"cyclegan/infer/pixels/atomicfile"
	"cyclegan/train"
)

// options are those of the training that a setting is a step of.
func (s setting) options() (train.Options, error) {
	o, err := train.Preset("paper")
	o.NetG, o.NGF, o.NDF, o.BatchSize = s.NetG, s.NGF, s.NDF, s.Batch
	o.LoadSize, o.CropSize, o.NoFlip = s.Size, s.Size, true
	o.Precision, o.Threads, o.GPUIDs, o.Seed = s.Precision, s.Threads, "-1", 1
	return o, err
}

// writeNetworks draws weights and writes them with the official names, and our
// model of G_AB.
func writeNetworks(s *spec, o train.Options, dir string) error {
	write := func(name string, content func(io.Writer) error) error {
		path := filepath.Join(dir, name+".safetensors")
		s.Weights[name] = path
		return atomicfile.Write(path, content)
	}
	draw := func(n *graph.Network, stream uint64) (graph.Weights, error) {
		return graph.Initialize(n, graph.InitNormal, o.InitGain, rand.New(rand.NewPCG(o.Seed, stream)))
	}
	for i, name := range []string{train.GAB, train.GBA} {
		options := o.Generator(i == 0)
		n, err := graph.NewGenerator(options)
		if err != nil {
			return err
		}
		w, err := draw(n, uint64(i))
		if err != nil {
			return err
		}
		if err := write(name, func(out io.Writer) error { return pytorch.WriteGenerator(out, options, w) }); err != nil {
			return err
		}
		if name == train.GAB && s.Work != workStep {
			s.Model = filepath.Join(dir, "G_AB.onnx")
			m := onnxgraph.Metadata{Direction: "AtoB", TrainWidth: s.Size, TrainHeight: s.Size, Writer: "cyclegan bench"}
			if err := atomicfile.Write(s.Model, func(out io.Writer) error { return onnxgraph.Write(out, n, w, m) }); err != nil {
				return err
			}
		}
		if s.Work != workStep {
			return nil // these run one generator
		}
	}
	for i, name := range []string{train.DA, train.DB} {
		options := o.Discriminator(i == 0)
		n, err := graph.NewDiscriminator(options)
		if err != nil {
			return err
		}
		w, err := draw(n, uint64(2+i))
		if err != nil {
			return err
		}
		if err := write(name, func(out io.Writer) error { return pytorch.WriteDiscriminator(out, options, w) }); err != nil {
			return err
		}
	}
	return nil
}
