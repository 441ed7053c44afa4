package predict

import "cyclegan/graph"

// Picture is what it takes to translate a picture of w x h pixels by a model that
// package infer runs with ONNX Runtime on the processor, as one of a number that
// are in the model together. Work is for one picture, memory for all of them:
// the weights as they are in the file and in the runtime, the filters that
// Winograd's form transforms once, and what exists at once.
//
// A value lives from the operator that makes it to the last that reads it. The
// runtime's allocator, which rounds up and keeps what it had, takes more.
func Picture(n *graph.Network, w, h, together int) (Work, error) {
	costs, err := n.Costs(h, w)
	if err != nil {
		return Work{}, err
	}
	var work Work
	filters, live := 0.0, 0.0
	for _, f := range runtimeForms(costs) {
		work.FLOPs += f.direct
		work.Performed += f.forward
		work.Moved += floatBytes * f.moved
		filters += f.filter
		live = max(live, f.live)
	}
	weights := values(n)
	work.Moved += floatBytes * max(weights, filters)
	work.Memory = floatBytes * (2*weights + filters + float64(together)*live)
	return work, nil
}

// Tiled is Picture for one that goes through in tiles of w x h pixels, one after
// the other. The statistics are taken of a sample first, which counts as a tile
// more; further rounds, which a picture of uneven parts takes, are not counted.
func Tiled(n *graph.Network, tiles, w, h int) (Work, error) {
	one, err := Picture(n, w, h, 1)
	work := Work{Memory: one.Memory}
	work.add(float64(tiles+1), one)
	return work, err
}
