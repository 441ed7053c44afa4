// Package winograd implements the transforms of Winograd's minimal filtering algorithm F(4x4, 3x3)
// for convolutions (Lavin and Gray, https://arxiv.org/abs/1509.09308): [Input], [Filter] and
// [Output].
//
// With the points 0, 1, -1, 2, -2 and infinity, six inputs d and three taps g give four outputs
//
//	y = A^T [ (G g) * (B^T d) ]
//
// where * multiplies element by element. In two dimensions Y = A^T [ (G g G^T) * (B^T d B) ] A: a
// tile of 6x6 inputs gives 4x4 outputs with 36 multiplications instead of 144. Over many channels
// these are 36 matrix products, one for each point. The result differs from a direct convolution by
// rounding: about 1e-5 of the largest value, while direct forms differ by 1e-6.
package winograd

import (
	"encoding/binary"
	"math"
)

const (
	Tile   = 6 // inputs of a tile, along one axis
	Step   = 4 // outputs of a tile
	Taps   = 3 // of a filter
	Points = Tile * Tile
)

// The matrices of the transforms.
var (
	Input = [Tile][Tile]float32{ // B^T
		{4, 0, -5, 0, 1, 0},
		{0, -4, -4, 1, 1, 0},
		{0, 4, -4, -1, 1, 0},
		{0, -2, -1, 2, 1, 0},
		{0, 2, -1, -2, 1, 0},
		{0, 4, 0, -5, 0, 1},
	}
	Filter = [Tile][Taps]float64{ // G
		{1. / 4, 0, 0},
		{-1. / 6, -1. / 6, -1. / 6},
		{-1. / 6, 1. / 6, -1. / 6},
		{1. / 24, 1. / 12, 1. / 6},
		{1. / 24, -1. / 12, 1. / 6},
		{0, 0, 1},
	}
	Output = [Step][Tile]float32{ // A^T
		{1, 1, 1, 1, 1, 0},
		{0, 1, -1, 2, -2, 0},
		{0, 1, 1, 4, 4, 0},
		{0, 1, -1, 8, -8, 1},
	}
)

// batch is the number of filters transformed before they are written: the values of one transformed
// filter are far apart, one in each of the 36 matrices.
const batch = 64

// TransformFilters writes the transform of n filters [n, 3, 3], little-endian bytes of float32, to
// u [36, n].
func TransformFilters(u []float32, filters []byte) {
	n := len(u) / Points
	var g [batch * Taps * Taps]float32
	var part [Points][batch]float32
	for at := 0; at < n; at += batch {
		m := min(batch, n-at)
		bytes := filters[4*Taps*Taps*at:]
		for i := range g[:Taps*Taps*m] {
			g[i] = math.Float32frombits(binary.LittleEndian.Uint32(bytes))
			bytes = bytes[4:]
		}
		for k := range m {
			g := (*[Taps * Taps]float32)(g[Taps*Taps*k:])
			var t [Tile][Taps]float32 // G g
			for x := range Taps {
				t[0][x], t[1][x], t[2][x], t[3][x], t[4][x], t[5][x] = points(g[x], g[Taps+x], g[2*Taps+x])
			}
			for i := range Tile {
				p := part[i*Tile : (i+1)*Tile]
				p[0][k], p[1][k], p[2][k], p[3][k], p[4][k], p[5][k] = points(t[i][0], t[i][1], t[i][2])
			}
		}
		for p := range part {
			copy(u[p*n+at:], part[p][:m])
		}
	}
}

// points multiplies three taps by Filter. It computes what rows have in common once.
func points(a, b, c float32) (float32, float32, float32, float32, float32, float32) {
	even, odd := (a+c)*(-1./6), b*(1./6)
	outer, inner := a*(1./24)+c*(1./6), b*(1./12)
	return a * (1. / 4), even - odd, even + odd, outer + inner, outer - inner, c
}
