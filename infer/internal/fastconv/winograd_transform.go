package fastconv

import (
	"runtime"
	"sync"
)

// The transforms of F(4, 3) for the points 0, 1, -1, 2, -2 and infinity. With input d (6), filter g (3) and output y (4):
// y = A^T [ (G g) * (B^T d) ], and in two dimensions Y = A^T [ (G g G^T) * (B^T d B) ] A.
const (
	tile   = 6 // inputs
	step   = 4 // outputs
	taps   = 3
	points = tile * tile
)

var (
	inputTransform = [tile][tile]float64{ // B^T
		{4, 0, -5, 0, 1, 0},
		{0, -4, -4, 1, 1, 0},
		{0, 4, -4, -1, 1, 0},
		{0, -2, -1, 2, 1, 0},
		{0, 2, -1, -2, 1, 0},
		{0, 4, 0, -5, 0, 1},
	}
	filterTransform = [tile][taps]float64{ // G
		{1. / 4, 0, 0},
		{-1. / 6, -1. / 6, -1. / 6},
		{-1. / 6, 1. / 6, -1. / 6},
		{1. / 24, 1. / 12, 1. / 6},
		{1. / 24, -1. / 12, 1. / 6},
		{0, 0, 1},
	}
	outputTransform = [step][tile]float64{ // A^T
		{1, 1, 1, 1, 1, 0},
		{0, 1, -1, 2, -2, 0},
		{0, 1, 1, 4, 4, 0},
		{0, 1, -1, 8, -8, 1},
	}
)

// inputFilters gives the transform of the inputs as a convolution [points, 1, tile, tile] of step 4.
func inputFilters() []float32 {
	var f []float32
	for i := range tile {
		for j := range tile {
			for y := range tile {
				for x := range tile {
					f = append(f, float32(inputTransform[i][y]*inputTransform[j][x]))
				}
			}
		}
	}
	return f
}

// outputFilters gives the transform of the products as a transposed convolution [points, 1, step, step] of step 4.
func outputFilters() []float32 {
	var f []float32
	for i := range tile {
		for j := range tile {
			for y := range step {
				for x := range step {
					f = append(f, float32(outputTransform[y][i]*outputTransform[x][j]))
				}
			}
		}
	}
	return f
}

// filters transforms the filters w [out, in, 3, 3] to [points, out, in].
func filters(w []float32, out, in int) []float32 {
	u := make([]float32, points*out*in)
	share := (out + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0)
	var group sync.WaitGroup
	for from := 0; from < out; from += share {
		group.Go(func() {
			rows := make([]float32, points*in) // of one output, since those of u lie far apart
			for o := from; o < min(from+share, out); o++ {
				for c := range in {
					transformFilter(rows[c:], in, w[(o*in+c)*taps*taps:])
				}
				for p := range points {
					copy(u[(p*out+o)*in:], rows[p*in:(p+1)*in])
				}
			}
		})
	}
	group.Wait()
	return u
}

// transformFilter puts G g G^T into u, whose values lie stride apart.
func transformFilter(u []float32, stride int, g []float32) {
	var half [tile][taps]float64
	for i, row := range filterTransform {
		for b := range taps {
			half[i][b] = row[0]*float64(g[b]) + row[1]*float64(g[taps+b]) + row[2]*float64(g[2*taps+b])
		}
	}
	for i, h := range half {
		for j, row := range filterTransform {
			u[(i*tile+j)*stride] = float32(row[0]*h[0] + row[1]*h[1] + row[2]*h[2])
		}
	}
}
