package graph

import "fmt"

// Role says what a parameter does in its layer.
type Role int

// The roles of parameters. Mean and Variance are BatchNorm's running
// statistics, which training carries along but no optimizer touches.
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

// A Param is one parameter tensor of a network. Its name is the layer's name,
// a dot and the role. Shape is [kernel, kernel, in, out] for the weight of a
// convolution, [kernel, kernel, out, in] for that of a transposed one, and
// [channels] for everything else.
type Param struct {
	Name  string
	Role  Role
	Shape []int
	Layer Layer
}

// Size is the number of values in the parameter.
func (p Param) Size() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Trainable reports whether the optimizer changes the parameter.
func (p Param) Trainable() bool { return p.Role != Mean && p.Role != Variance }

// LayerParams lists the parameters of one layer, not of the layers inside it.
func LayerParams(l Layer) []Param {
	switch l := l.(type) {
	case Conv:
		return convParams(l, l.Name, []int{l.Kernel, l.Kernel, l.In, l.Out}, l.Out, l.Bias)
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

// Params lists every parameter in the order of computation.
func (n *Network) Params() []Param {
	var params []Param
	n.Walk(func(l Layer) { params = append(params, LayerParams(l)...) })
	return params
}

// ParamCount counts the trainable values, as papers do.
func (n *Network) ParamCount() int {
	count := 0
	for _, p := range n.Params() {
		if p.Trainable() {
			count += p.Size()
		}
	}
	return count
}

// Weights holds the values of a network's parameters by parameter name, each
// in row-major order of its [Param.Shape].
type Weights map[string][]float32

// Check reports the first parameter of n that w lacks or holds in another
// size, and any entry that n has no parameter for.
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
			return fmt.Errorf("weights of %s: parameter %q has %d values, its shape %v needs %d", n.Name, p.Name, len(values), p.Shape, p.Size())
		}
	}
	for name := range w {
		if !known[name] {
			return fmt.Errorf("weights of %s: there is no parameter %q", n.Name, name)
		}
	}
	return nil
}

// Clone returns a copy that shares no memory with w.
func (w Weights) Clone() Weights {
	c := make(Weights, len(w))
	for name, values := range w {
		c[name] = append([]float32(nil), values...)
	}
	return c
}
