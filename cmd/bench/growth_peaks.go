package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"

	"cyclegan/cmd/bench/predict"
	"cyclegan/graph"
	"cyclegan/graph/onnxgraph"
	"cyclegan/infer/session"
)

// workPeak is what the machine reaches at most; the contender says by what.
const (
	workPeak = "peak"

	byTensorFlow  = "tensorflow"
	byONNXRuntime = "onnxruntime"
	byCopying     = "copy"
)

// The convolution of 3x3 that shows what a library reaches: wide, on a map that
// the caches hold, in the direct form.
const (
	peakSide     = 64
	peakChannels = 256
	peakRepeats  = 10 // in a turn, some tenths of a second
	peakTurns    = 7
)

// copyBytes is what each thread copies: far more than caches hold.
const copyBytes = 128 << 20

// measurePeaks gives the best of some turns of each, by the library of a work.
func (g *growth) measurePeaks(ctx context.Context, f *files, work string, versions map[string]string) (predict.Peaks, error) {
	library, argument := byONNXRuntime, workerArgument
	if work == workStep {
		library, argument = byTensorFlow, tensorFlowWorkerArgument
	}
	n := peakNetwork()
	cost, err := n.Cost(peakSide, peakSide)
	if err != nil {
		return predict.Peaks{}, err
	}
	flops, err := g.best(ctx, f, library, argument, versions)
	if err != nil {
		return predict.Peaks{}, err
	}
	copies, err := g.best(ctx, f, byCopying, workerArgument, versions)
	if err != nil {
		return predict.Peaks{}, err
	}
	threads := float64(g.settings[0].Threads)
	return predict.Peaks{
		FLOPs:     peakRepeats * float64(cost.FLOPs) / flops,
		Bandwidth: peakRepeats * threads * 2 * copyBytes / copies, // read and written
	}, nil
}

// best is the shortest of some turns, in seconds.
func (g *growth) best(ctx context.Context, f *files, by, argument string, versions map[string]string) (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	s := spec{setting: setting{Work: workPeak, Threads: g.settings[0].Threads}, Contender: by}
	r, is, err := startResident(ctx, s, f.path(by+".log"), self, argument)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", by, err)
	}
	defer r.close()
	maps.Copy(versions, is.Versions)
	var turns []float64
	for range peakTurns {
		seconds, err := r.round(ctx)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", by, err)
		}
		turns = append(turns, seconds)
	}
	return slices.Min(turns), nil
}

// peakNetwork is one convolution, and a mean that leaves little to copy out.
func peakNetwork() *graph.Network {
	return &graph.Network{Name: "peak", In: peakChannels, Out: peakChannels, Layers: []graph.Layer{
		graph.Conv{Name: "conv", In: peakChannels, Out: peakChannels, Kernel: 3, Stride: 1, Pad: 1},
		graph.GlobalMean{},
	}}
}

// peakInput draws a map and weights for it.
func peakInput() (n *graph.Network, w graph.Weights, values []float32, err error) {
	n = peakNetwork()
	r := rand.New(rand.NewPCG(1, 1))
	w, err = graph.Initialize(n, graph.InitNormal, 0.02, r)
	values = make([]float32, peakSide*peakSide*peakChannels)
	for i := range values {
		values[i] = r.Float32()
	}
	return n, w, values, err
}

// newRuntimePeak has ONNX Runtime convolve.
func newRuntimePeak(ctx context.Context, s spec) (*worker, error) {
	n, weights, values, err := peakInput()
	if err != nil {
		return nil, err
	}
	data, err := onnxgraph.Marshal(n, weights, onnxgraph.Metadata{Direction: "AtoB", Writer: "cyclegan bench"})
	if err != nil {
		return nil, err
	}
	model, err := session.New(data, &session.Options{IntraThreads: s.Threads})
	if err != nil {
		return nil, err
	}
	in := session.Tensor{Shape: []int64{1, peakChannels, peakSide, peakSide}, Data: values}
	out := make([]session.Tensor, 1)
	w := &worker{close: model.Close, ready: ready{Versions: versions()}}
	w.ready.Versions["ONNX Runtime"] = model.Version()
	w.round = func() error {
		for range peakRepeats {
			if err := model.RunInto(ctx, out, in); err != nil {
				return err
			}
		}
		return nil
	}
	return w, nil
}

// newCopy copies memory with all threads.
func newCopy(s spec) *worker {
	type pair struct{ from, to []byte }
	pairs := make([]pair, s.Threads)
	for i := range pairs {
		pairs[i] = pair{make([]byte, copyBytes), make([]byte, copyBytes)}
		for at := 0; at < copyBytes; at += 1 << 10 {
			pairs[i].from[at] = 1 // memory that nobody wrote to is one page of zeros
		}
	}
	return &worker{
		ready: ready{Versions: versions()},
		close: func() error { return nil },
		round: func() error {
			var group sync.WaitGroup
			for _, p := range pairs {
				group.Go(func() {
					for range peakRepeats {
						copy(p.to, p.from)
					}
				})
			}
			group.Wait()
			return nil
		},
	}
}
