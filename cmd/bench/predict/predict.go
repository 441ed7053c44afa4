// Package predict says how long a training step or a picture should take, and
// how much memory, from nothing but the networks as data and what a machine
// reaches at most. A [Work] counts operations and bytes, a [Peaks] turns them
// into seconds:
//
//	work, err := predict.Step(options, 128)
//	seconds := peaks.Seconds(work)
//
// The counting knows the forms that this project's back-ends compute in, above
// all Winograd's, and nothing of caches, threads or how far an operator stays below
// the peaks. A measurement is therefore longer than predicted. Where it is so by one
// [Factor] throughout, the counting explains how it grows; where not, there is
// something to be explained.
package predict

import "cyclegan/graph"

// A Work is what there is to do, and to hold.
type Work struct {
	// FLOPs counts the operations of convolutions in the direct form, 2 for each
	// multiplication with its addition: the size of the work as papers tell it.
	FLOPs float64 `json:"flops"`
	// Performed counts those that are carried out, where 3x3 convolutions are
	// computed in Winograd's form.
	Performed float64 `json:"performed_flops"`
	// Moved is the bytes that operators read and write.
	Moved float64 `json:"moved_bytes"`
	// Memory is the bytes that exist at once, without the program and its libraries.
	Memory float64 `json:"memory_bytes"`
}

// floatBytes is the size of a value.
const floatBytes = 4

// add puts times times as much of another work's doing on top, and leaves memory alone.
func (w *Work) add(times float64, other Work) {
	w.FLOPs += times * other.FLOPs
	w.Performed += times * other.Performed
	w.Moved += times * other.Moved
}

// Peaks are what a machine reaches at most.
type Peaks struct {
	// FLOPs a second in a wide convolution by the library that does the work.
	FLOPs float64 `json:"flops_per_second"`
	// Bandwidth is the bytes a second that are read and written in copying memory.
	Bandwidth float64 `json:"bytes_per_second"`
}

// Seconds is how long a work takes at the peaks, first computing and then
// moving: the two do not overlap where each operator waits for its input.
func (p Peaks) Seconds(w Work) float64 { return p.Computing(w) + p.Moving(w) }

// Computing is the part of Seconds that the operations take.
func (p Peaks) Computing(w Work) float64 { return w.Performed / p.FLOPs }

// Moving is the part of Seconds that memory takes.
func (p Peaks) Moving(w Work) float64 { return w.Moved / p.Bandwidth }

// values is how many numbers the parameters of a network are.
func values(n *graph.Network) float64 {
	sum := 0
	for _, p := range n.Params() {
		sum += p.Size()
	}
	return float64(sum)
}
