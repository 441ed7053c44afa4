package main

import (
	"context"
	"fmt"

	"cyclegan/infer"
	"cyclegan/infer/batch"
	"cyclegan/infer/session"
)

// newConversion converts the folder in each round, with a model that stays open.
func newConversion(ctx context.Context, s spec) (*worker, error) {
	m, err := infer.Open(s.Model, &infer.Options{Threads: s.Threads})
	if err != nil {
		return nil, err
	}
	w := &worker{close: m.Close, round: func() error {
		batch := batch.Batch{Model: m, Inputs: []string{s.In}, Output: s.Out}
		summary, err := batch.Run(ctx)
		if err == nil && len(summary.Failed) > 0 {
			err = summary.Failed[0].Err
		}
		if err == nil && summary.Converted != s.Pictures {
			err = fmt.Errorf("%d of %d pictures were converted", summary.Converted, s.Pictures)
		}
		return err
	}}
	w.ready.Versions = versions()
	w.ready.Versions["ONNX Runtime"] = m.Info().Runtime
	if t := m.Tiling(s.Size, s.Size); t.Tiles > 1 {
		w.ready.Tiling = &tiling{Tiles: t.Tiles, Width: t.Width, Height: t.Height}
	}
	return w, nil
}

// newSession runs the generator alone, in the form in which infer runs it, on a few pictures over and over.
func newSession(ctx context.Context, s spec) (*worker, error) {
	m, err := infer.Open(s.Model, &infer.Options{Threads: s.Threads})
	if err != nil {
		return nil, err
	}
	w := &worker{close: m.Close}
	if err := w.alone(ctx, s, m); err != nil {
		m.Close()
		return nil, err
	}
	w.ready.Versions = versions()
	w.ready.Versions["ONNX Runtime"] = m.Info().Runtime
	return w, nil
}

// alone writes what the generator makes of the check's pictures, and makes a round of them.
func (w *worker) alone(ctx context.Context, s spec, m *infer.Model) error {
	values, err := readFloats(s.CheckInput)
	if err != nil {
		return err
	}
	size := 3 * s.Size * s.Size
	var pictures []session.Tensor
	for at := 0; at+size <= len(values); at += size {
		pictures = append(pictures, session.Tensor{Shape: []int64{1, 3, int64(s.Size), int64(s.Size)}, Data: values[at : at+size]})
	}
	var out session.Tensor
	var outputs []float32
	for _, p := range pictures {
		if err := m.RunInto(ctx, &out, p); err != nil {
			return err
		}
		outputs = append(outputs, out.Data...)
	}
	w.round = func() error {
		for i := range s.Pictures {
			if err := m.RunInto(ctx, &out, pictures[i%len(pictures)]); err != nil {
				return err
			}
		}
		return nil
	}
	return writeFloats(s.CheckOutput, outputs)
}
