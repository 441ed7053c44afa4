package graph

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// InitType names a distribution of initial convolution weights.
type InitType string

// The distributions, with the meaning that torch.nn.init gives them.
const (
	InitNormal     InitType = "normal"     // N(0, gain)
	InitXavier     InitType = "xavier"     // Glorot and Bengio 2010, normal, scaled by gain
	InitKaiming    InitType = "kaiming"    // He et al. 2015, normal, fan-in; gain has no part
	InitOrthogonal InitType = "orthogonal" // Saxe et al. 2013, scaled by gain
)

// Initialize draws a network's initial weights. Biases are 0, BatchNorm's
// gamma is N(1, gain), its beta 0, its running mean 0 and variance 1.
func Initialize(n *Network, kind InitType, gain float64, rng *rand.Rand) (Weights, error) {
	if err := oneOf("init type", kind, []InitType{InitNormal, InitXavier, InitKaiming, InitOrthogonal}); err != nil {
		return nil, err
	}
	w := Weights{}
	for _, p := range n.Params() {
		values := make([]float32, p.Size())
		switch p.Role {
		case Weight:
			if kind == InitOrthogonal {
				orthogonal(values, p, gain, rng)
				break
			}
			std := weightStd(p, kind, gain)
			for i := range values {
				values[i] = float32(rng.NormFloat64() * std)
			}
		case Gamma:
			for i := range values {
				values[i] = float32(1 + rng.NormFloat64()*gain)
			}
		case Variance:
			for i := range values {
				values[i] = 1
			}
		}
		w[p.Name] = values
	}
	return w, nil
}

// weightStd gives the standard deviation of the normal-like distributions. The
// fans are those that PyTorch computes from its own weight layout, where a
// transposed convolution keeps its input channels first: its fan-in counts the
// output channels.
func weightStd(p Param, kind InitType, gain float64) float64 {
	field := float64(p.Shape[0] * p.Shape[1])
	fanIn, fanOut := field*float64(p.Shape[2]), field*float64(p.Shape[3])
	switch kind {
	case InitXavier:
		return gain * math.Sqrt(2/(fanIn+fanOut))
	case InitKaiming:
		return math.Sqrt(2 / fanIn)
	}
	return gain
}

// orthogonal fills values with a matrix whose rows, or columns where there are
// more rows than columns, are orthonormal and scaled by gain. A row is one
// filter as PyTorch lays it out: one output channel of a convolution, one
// input channel of a transposed one, which is the last axis here for both.
func orthogonal(values []float32, p Param, gain float64, rng *rand.Rand) {
	rows := p.Shape[3]
	cols := p.Size() / rows
	tall, thin := max(rows, cols), min(rows, cols)
	q := blas64.General{Rows: tall, Cols: thin, Stride: thin, Data: make([]float64, tall*thin)}
	for i := range q.Data {
		q.Data[i] = rng.NormFloat64()
	}
	tau := make([]float64, thin)
	withWork(func(work []float64, n int) { lapack64.Geqrf(q, tau, work, n) })
	negative := make([]bool, thin) // the signs of R's diagonal
	for j := range thin {
		negative[j] = q.Data[j*thin+j] < 0
	}
	withWork(func(work []float64, n int) { lapack64.Orgqr(q, tau, work, n) })
	for i := range tall {
		for j := range thin {
			v := gain * q.Data[i*thin+j]
			if negative[j] {
				v = -v // makes the distribution uniform
			}
			row, col := i, j
			if rows < cols {
				row, col = j, i
			}
			values[col*rows+row] = float32(v)
		}
	}
}

// withWork calls a LAPACK routine twice: once to ask how much work space it
// wants, once to run it.
func withWork(f func(work []float64, n int)) {
	size := make([]float64, 1)
	f(size, -1)
	work := make([]float64, int(size[0]))
	f(work, len(work))
}
