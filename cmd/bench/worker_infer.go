package main

import (
	"context"
	"fmt"

	"cyclegan/infer"
	"cyclegan/infer/session"
)

// newConversion converts the folder in each round, with a model that stays open.
func newConversion(ctx context.Context, s spec) (*worker, error) {
	m, err := infer.Open(s.Model, &infer.Options{Threads: s.Threads})
	if err != nil {
		return nil, err
	}
	w := &worker{close: m.Close, round: func() error {
		batch := infer.Batch{Model: m, Inputs: []string{s.In}, Output: s.Out}
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
	return w, nil
}

// newSession runs the generator alone, on a few pictures over and over.
func newSession(ctx context.Context, s spec) (*worker, error) {
	model, err := session.Open(s.Model, &session.Options{IntraThreads: s.Threads})
	if err != nil {
		return nil, err
	}
	w := &worker{close: model.Close}
	values, err := readFloats(s.CheckInput)
	if err != nil {
		model.Close()
		return nil, err
	}
	size := 3 * s.Size * s.Size
	var pictures []session.Tensor
	for at := 0; at+size <= len(values); at += size {
		pictures = append(pictures, session.Tensor{Shape: []int64{1, 3, int64(s.Size), int64(s.Size)}, Data: values[at : at+size]})
	}
	out := make([]session.Tensor, 1)
	var outputs []float32
	for _, p := range pictures {
		if err := model.RunInto(ctx, out, p); err != nil {
			model.Close()
			return nil, err
		}
		outputs = append(outputs, out[0].Data...)
	}
	if err := writeFloats(s.CheckOutput, outputs); err != nil {
		model.Close()
		return nil, err
	}
	w.round = func() error {
		for i := range s.Pictures {
			if err := model.RunInto(ctx, out, pictures[i%len(pictures)]); err != nil {
				return err
			}
		}
		return nil
	}
	w.ready.Versions = versions()
	w.ready.Versions["ONNX Runtime"] = model.Version()
	return w, nil
}
