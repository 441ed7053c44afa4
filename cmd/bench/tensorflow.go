//go:build tensorflow

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	tf "github.com/wamuir/graft/tensorflow"

	"cyclegan/graph"
	"cyclegan/graph/onnxgraph"
	"cyclegan/graph/pytorch"
	"cyclegan/train"
	"cyclegan/train/dataset"
)

// serveWithTensorFlow is serve for the works that need TensorFlow.
func serveWithTensorFlow() int { return serve(os.Stdin, os.Stdout, os.Stderr) }

// newTensorFlowWorker is our side of the works that need TensorFlow.
func newTensorFlowWorker(ctx context.Context, s spec) (*worker, error) {
	switch s.Work {
	case workStep:
		return newStep(s)
	case workPeak:
		return newTensorFlowPeak(s)
	}
	return newExport(ctx, s)
}

// newStep is a training that goes around in a few batches.
func newStep(s spec) (*worker, error) {
	o, err := s.options()
	if err != nil {
		return nil, err
	}
	o.InitGAB, o.InitGBA, o.InitDA, o.InitDB = s.Weights[train.GAB], s.Weights[train.GBA], s.Weights[train.DA], s.Weights[train.DB]
	var batches []*dataset.Batch
	for _, pair := range s.Batches {
		b := &dataset.Batch{N: s.Batch, HA: s.Size, WA: s.Size, CA: 3, HB: s.Size, WB: s.Size, CB: 3, Epoch: 1}
		if b.A, err = readFloats(pair[0]); err != nil {
			return nil, err
		}
		if b.B, err = readFloats(pair[1]); err != nil {
			return nil, err
		}
		batches = append(batches, b)
	}
	shape := graph.Shape{H: s.Size, W: s.Size, C: 3}
	t, err := train.NewTrainer(o, shape, shape)
	if err != nil {
		return nil, err
	}
	w := &worker{close: t.Close, ready: ready{Versions: tensorFlowVersions()}}
	if err := w.makeStep(t, s, batches); err != nil {
		t.Close()
		return nil, err
	}
	return w, nil
}

// makeStep makes the first steps, and the rounds.
func (w *worker) makeStep(t *train.Trainer, s spec, batches []*dataset.Batch) error {
	if _, err := t.LoadInitial(); err != nil {
		return err
	}
	step := func() (train.Losses, error) { return t.Step(batches[int(t.Steps())%len(batches)]) }
	for range s.CheckSteps {
		losses, err := step()
		if err != nil {
			return err
		}
		var values []float64
		for _, term := range losses.Terms() {
			values = append(values, term.Value)
		}
		w.ready.Losses = append(w.ready.Losses, values)
	}
	w.round = func() error {
		for range s.Steps {
			if _, err := step(); err != nil {
				return err
			}
		}
		return nil
	}
	return nil
}

// newExport writes the generator as cmd/export does, the check included.
func newExport(ctx context.Context, s spec) (*worker, error) {
	path := s.Weights[train.GAB]
	state, err := pytorch.ReadFile(path)
	if err != nil {
		return nil, err
	}
	o, err := pytorch.Recognize(state)
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", path, err)
	}
	n, weights, err := pytorch.Generator(state, o)
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", path, err)
	}
	m := onnxgraph.Metadata{Direction: "AtoB", TrainWidth: s.Size, TrainHeight: s.Size, Writer: "cyclegan bench"}
	w := &worker{ready: ready{Versions: tensorFlowVersions()}, close: func() error { return nil }}
	w.round = func() error {
		return train.Export(ctx, filepath.Join(filepath.Dir(s.Model), "exported.onnx"), n, weights, m)
	}
	return w, w.round()
}

func tensorFlowVersions() map[string]string {
	v := versions()
	v["TensorFlow's C library"] = tf.Version()
	return v
}
