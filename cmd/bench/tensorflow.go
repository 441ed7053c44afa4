//go:build tensorflow

package main

import (
	"context"

	tf "github.com/wamuir/graft/tensorflow"

	"cyclegan/graph"
	"cyclegan/train"
	"cyclegan/train/dataset"
)

// newStep trains on a few batches over and over.
func newStep(_ context.Context, s spec) (*worker, error) {
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
	w := &worker{close: t.Close, ready: ready{Versions: goVersion()}}
	w.ready.Versions["TensorFlow's C library"] = tf.Version()
	step := func() (train.Losses, error) { return t.Step(batches[int(t.Steps())%len(batches)]) }
	w.turn = func() error {
		for range s.Steps {
			if _, err := step(); err != nil {
				return err
			}
		}
		return nil
	}
	if _, err = t.LoadInitial(); err != nil {
		t.Close()
		return nil, err
	}
	for range s.CheckSteps {
		losses, err := step()
		if err != nil {
			t.Close()
			return nil, err
		}
		var values []float64
		for _, term := range losses.Terms() {
			values = append(values, term.Value)
		}
		w.ready.Losses = append(w.ready.Losses, values)
	}
	return w, nil
}
