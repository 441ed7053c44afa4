package predict

import "cyclegan/graph"

// Sessions of ONNX Runtime that package infer opens for one model: one for small
// pictures, a second for larger ones, and three more than the first for tiles.
const (
	smallSessions = 1
	largeSessions = 2
	tiledSessions = 4
)

// What an open model holds of its weights: the file, and in each session the
// rewritten file, the runtime's reading of it and what the runtime computes with.
// The weights that Winograd's form transforms are not in these; all sessions share
// what they become, four times as many values.
const (
	weightsOfModel   = 1
	weightsOfSession = 3
	filterGrowth     = float64(winogradPoints) / (winogradTaps * winogradTaps)
)

// smallPixels is the largest picture that is small: two of them are in the model
// at once, where there are two.
const smallPixels = 512 * 512

// Picture is what it takes to translate one of a number of pictures of w x h pixels
// by a model that package infer runs with ONNX Runtime on the processor. Memory is
// that of the whole program: the model, and what exists at once of the pictures in
// it. A value lives from the operator that makes it to the last that reads it; the
// runtime's allocator, which rounds up and keeps what it had, takes more.
func Picture(n *graph.Network, w, h, pictures int) (Work, error) {
	if w*h > smallPixels {
		return picture(n, w, h, 1, largeSessions)
	}
	return picture(n, w, h, min(pictures, 2), smallSessions)
}

func picture(n *graph.Network, w, h, together, sessions int) (Work, error) {
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
	plain := weights - filters/filterGrowth
	model := weightsOfModel*weights + float64(sessions)*weightsOfSession*plain + filters
	work.Memory = floatBytes * (model + float64(together)*live)
	return work, nil
}

// tiledRounds is how often infer computes the tiles of a picture until their
// statistics agree: twice or three times, as it says itself.
const tiledRounds = 2

// Tiled is Picture for one that goes through in tiles of w x h pixels, one after
// the other. Each round takes the statistics of a sample first, which counts as
// a tile more.
func Tiled(n *graph.Network, tiles, w, h int) (Work, error) {
	one, err := picture(n, w, h, 1, tiledSessions)
	work := Work{Memory: one.Memory}
	work.add(tiledRounds*float64(tiles+1), one)
	return work, err
}
