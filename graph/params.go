package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// Role is the meaning of a parameter in its layer.
type Role int

// The roles of parameters. Mean and Variance are BatchNorm's running statistics, which training
// updates without the optimizer.
const (
	Weight Role = iota
	Bias
	Gamma
	Beta
	Mean
	Variance
)

var roleNames = [...]string{"weight", "bias", "gamma", "beta", "mean", "variance"}

func (r Role) String() string {
	if r < 0 || int(r) >= len(roleNames) {
		return fmt.Sprintf("Role(%d)", int(r))
	}
	return roleNames[r]
}

// A Param is one parameter tensor of a network. Its name is the layer's name, a dot and the role.
// Its shape is [kernel, kernel, in, out] for a convolution's weight, [kernel, kernel, out, in] for
// a transposed convolution's weight, [kernel, kernel, channels, 1] for a depthwise one's, and
// [channels] for everything else.
type Param struct {
	Name  string
	Role  Role
	Shape []int
	Layer Layer
}

// Size returns the number of values in the parameter.
func (p Param) Size() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Trainable reports whether the optimizer changes the parameter.
func (p Param) Trainable() bool { return p.Role != Mean && p.Role != Variance && !p.Frozen() }

// Frozen reports whether the parameter belongs to a layer that training leaves as it is.
func (p Param) Frozen() bool {
	switch l := p.Layer.(type) {
	case Conv:
		return l.Frozen
	case DepthwiseConv:
		return l.Frozen
	}
	return false
}

// LayerParams returns the parameters of one layer, without those of the layers inside it.
func LayerParams(l Layer) []Param {
	switch l := l.(type) {
	case Conv:
		return convParams(l, l.Name, []int{l.Kernel, l.Kernel, l.In, l.Out}, l.Out, l.Bias)
	case DepthwiseConv:
		return convParams(l, l.Name, []int{l.Kernel, l.Kernel, l.Channels, 1}, l.Channels, l.Bias)
	case ConvTranspose:
		return convParams(l, l.Name, []int{l.Kernel, l.Kernel, l.Out, l.In}, l.Out, l.Bias)
	case BatchNorm:
		var params []Param
		for _, role := range []Role{Gamma, Beta, Mean, Variance} {
			params = append(params, Param{l.Name + "." + role.String(), role, []int{l.Channels}, l})
		}
		return params
	}
	return nil
}

func convParams(l Layer, name string, shape []int, out int, bias bool) []Param {
	params := []Param{{name + ".weight", Weight, shape, l}}
	if bias {
		params = append(params, Param{name + ".bias", Bias, []int{out}, l})
	}
	return params
}

// Params returns every parameter in the order of computation.
func (n *Network) Params() []Param {
	var params []Param
	n.Walk(func(l Layer) { params = append(params, LayerParams(l)...) })
	return params
}

// ParamCount returns the number of trainable values, as papers count them.
func (n *Network) ParamCount() int {
	count := 0
	for _, p := range n.Params() {
		if p.Trainable() {
			count += p.Size()
		}
	}
	return count
}

// Weights maps parameter names to values, each in row-major order of its [Param.Shape].
type Weights map[string][]float32

// Check reports a parameter of n that w lacks or holds in another size, or an entry that n has no
// parameter for.
func (w Weights) Check(n *Network) error {
	params := n.Params()
	known := make(map[string]bool, len(params))
	for _, p := range params {
		known[p.Name] = true
		values, ok := w[p.Name]
		if !ok {
			return fmt.Errorf("weights of %s: parameter %q is missing", n.Name, p.Name)
		}
		if len(values) != p.Size() {
			return fmt.Errorf("weights of %s: parameter %q has %d values, its shape %v needs %d",
				n.Name, p.Name, len(values), p.Shape, p.Size())
		}
	}
	for name := range w {
		if !known[name] {
			return fmt.Errorf("weights of %s: unknown parameter %q", n.Name, name)
		}
	}
	return nil
}

// CheckFinite reports a parameter with a value that is NaN or infinite, which makes every image
// NaN.
func (w Weights) CheckFinite(n *Network) error {
	for _, p := range n.Params() {
		for i, v := range w[p.Name] {
			if v-v != 0 {
				return fmt.Errorf("weights of %s: value %d of parameter %q is %g; the training diverged. "+
					"Fix: use an earlier checkpoint", n.Name, i, p.Name, v)
			}
		}
	}
	return nil
}

// Clone returns a copy that shares no memory with w.
func (w Weights) Clone() Weights {
	c := make(Weights, len(w))
	for name, values := range w {
		c[name] = slices.Clone(values)
	}
	return c
}

// InitType names a distribution of initial convolution weights.
type InitType string

// The distributions, as torch.nn.init defines them.
const (
	InitNormal     InitType = "normal"     // N(0, gain)
	InitXavier     InitType = "xavier"     // Glorot and Bengio 2010, normal, scaled by gain
	InitKaiming    InitType = "kaiming"    // He et al. 2015, normal, fan-in; ignores gain
	InitOrthogonal InitType = "orthogonal" // Saxe et al. 2013, scaled by gain
)

// Initialize draws a network's initial weights. Biases are 0, and scales of affine norms are 1.
// BatchNorm's gamma is N(1, gain), its beta and running mean are 0, its running variance is 1.
// Frozen parameters are 0: their values come from a trained network.
func Initialize(n *Network, kind InitType, gain float64, rng *rand.Rand) (Weights, error) {
	if err := oneOf("init type", kind, []InitType{InitNormal, InitXavier, InitKaiming, InitOrthogonal}); err != nil {
		return nil, err
	}
	w := Weights{}
	for _, p := range n.Params() {
		values := make([]float32, p.Size())
		w[p.Name] = values
		if p.Frozen() {
			continue
		}
		if d, ok := p.Layer.(DepthwiseConv); ok && d.Kernel == 1 && p.Role == Weight {
			copy(values, slices.Repeat([]float32{1}, len(values))) // the scale of an affine norm
			continue
		}
		switch p.Role {
		case Weight:
			own := 1.0
			if c, ok := p.Layer.(Conv); ok && c.Gain > 0 {
				own = float64(c.Gain)
			}
			if kind == InitOrthogonal {
				orthogonal(values, p, gain*own, rng)
				break
			}
			std := weightStd(p, kind, gain) * own
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
	}
	return w, nil
}

// weightStd returns the standard deviation of the normal distributions. The fans are the ones that
// PyTorch computes from its own weight layout, in which a transposed convolution has its input
// channels first: its fan-in counts the output channels.
func weightStd(p Param, kind InitType, gain float64) float64 {
	field := float64(p.Shape[0] * p.Shape[1])
	in, out := p.channels()
	fanIn, fanOut := field*float64(in), field*float64(out)
	switch kind {
	case InitXavier:
		return gain * math.Sqrt(2/(fanIn+fanOut))
	case InitKaiming:
		return math.Sqrt(2 / fanIn)
	}
	return gain
}

// channels returns the number of channels that one filter of a weight takes, and the number of
// filters.
func (p Param) channels() (in, out int) {
	if _, ok := p.Layer.(DepthwiseConv); ok {
		return 1, p.Shape[2]
	}
	return p.Shape[2], p.Shape[3]
}

// orthogonal fills values with a matrix whose rows (or columns, if there are more rows than
// columns) are orthonormal and scaled by gain. A row is one filter in PyTorch's layout: one output
// channel of a convolution or one input channel of a transposed one, which is the last axis here
// for both.
func orthogonal(values []float32, p Param, gain float64, rng *rand.Rand) {
	_, rows := p.channels()
	cols := p.Size() / rows
	tall, thin := max(rows, cols), min(rows, cols)
	q := blas64.General{Rows: tall, Cols: thin, Stride: thin, Data: make([]float64, tall*thin)}
	for i := range q.Data {
		q.Data[i] = rng.NormFloat64()
	}
	tau := make([]float64, thin)
	withWork(func(work []float64, n int) { lapack64.Geqrf(q, tau, work, n) })
	negative := make([]bool, thin) // signs of R's diagonal
	for j := range thin {
		negative[j] = q.Data[j*thin+j] < 0
	}
	withWork(func(work []float64, n int) { lapack64.Orgqr(q, tau, work, n) })
	for i := range tall {
		for j := range thin {
			v := gain * q.Data[i*thin+j]
			if negative[j] {
				v = -v // for a uniform distribution
			}
			row, col := i, j
			if rows < cols {
				row, col = j, i
			}
			values[col*rows+row] = float32(v)
		}
	}
}

// withWork calls a LAPACK routine twice: to query the size of its work space, and to run it.
func withWork(f func(work []float64, n int)) {
	size := make([]float64, 1)
	f(size, -1)
	work := make([]float64, int(size[0]))
	f(work, len(work))
}
