package winograd

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// Four outputs of three taps over six inputs, in one dimension.
func TestTransforms(t *testing.T) {
	d, g := [Tile]float64{3, -1, 4, 1, -5, 9}, [Taps]float64{2, -7, 1}
	var filter [Tile]float32
	filter[0], filter[1], filter[2], filter[3], filter[4], filter[5] = points(2, -7, 1)
	for y := range Step {
		want := d[y]*g[0] + d[y+1]*g[1] + d[y+2]*g[2]
		got := 0.0
		for i := range Tile {
			v, f := 0.0, 0.0
			for k := range Tile {
				v += float64(Input[i][k]) * d[k]
			}
			for k := range Taps {
				f += Filter[i][k] * g[k]
			}
			if math.Abs(f-float64(filter[i])) > 1e-6 {
				t.Errorf("point %d of the filter: %g, want %g", i, filter[i], f)
			}
			got += float64(Output[y][i]) * float64(filter[i]) * v
		}
		if math.Abs(got-want) > 1e-6*100 {
			t.Errorf("output %d: %g, want %g", y, got, want)
		}
	}
}

// The number of filters need not be a multiple of a batch.
func TestTransformFilters(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, n := range []int{1, batch - 1, batch, 2*batch + 3} {
		values := make([]float32, n*Taps*Taps)
		for i := range values {
			values[i] = float32(r.NormFloat64())
		}
		plain, err := binary.Append(nil, binary.LittleEndian, values)
		if err != nil {
			t.Fatal(err)
		}
		u := make([]float32, Points*n)
		TransformFilters(u, plain)
		for _, at := range []int{0, n - 1} {
			g := values[at*Taps*Taps:][:Taps*Taps]
			// At the point 1 of rows and columns: the sum of all taps over 36.
			sum := 0.0
			for _, v := range g {
				sum += float64(v)
			}
			if got := float64(u[(1*Tile+1)*n+at]); math.Abs(got-sum/36) > 1e-6 {
				t.Errorf("filter %d of %d: %g, want %g", at, n, got, sum/36)
			}
			if got := u[(Points-1)*n+at]; got != g[8] {
				t.Errorf("filter %d of %d: %g at infinity, want %g", at, n, got, g[8])
			}
		}
	}
}
