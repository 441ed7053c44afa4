package fastconv

import (
	"maps"
	"slices"

	"cyclegan/infer/onnx"
	"cyclegan/infer/session"
)

// leastOpset has Slice with its bounds as inputs.
const leastOpset = 10

// A Rewritten model is one with convolutions in other forms.
type Rewritten struct {
	Model *onnx.Model
	// Count is how many convolutions are in another form.
	Count int

	inputs map[string]*filters
}

// Inputs are what the model takes beside its own inputs, with the values that they need. These are zero until Transform has been called, and
// they lie outside of Go's heap until the Filters are closed.
func (r *Rewritten) Inputs() map[string]session.Tensor {
	tensors := map[string]session.Tensor{}
	for name, f := range r.inputs {
		tensors[name] = session.Tensor{Shape: f.shape, Data: f.block.Values()}
	}
	return tensors
}

// Transform computes the values of the inputs, which a session may be opened with before.
func (r *Rewritten) Transform() { transformAll(slices.Collect(maps.Values(r.inputs))) }

// Rewrite gives the model with its convolutions in the forms that are faster, or nil where it has none of them; f keeps the filters.
// Convolutions stay as they are that are not of float32, that are grouped, dilated or take steps, and those whose filters are not constant.
func Rewrite(m *onnx.Model, f *Filters) *Rewritten {
	if m.Opset < leastOpset {
		return nil
	}
	r := &rewriter{Editor: onnx.NewEditor(m, "fastconv"), tensors: map[string]*onnx.Tensor{}, filters: f, inputs: map[string]*filters{}}
	count := 0
	for _, t := range m.Tensors {
		r.tensors[t.Name] = t
	}
	for _, p := range m.Inputs {
		delete(r.tensors, p.Name) // the caller of the model may give another
	}
	for _, n := range m.Nodes {
		c, ok := r.convolution(n)
		switch {
		case ok && c.height == taps && c.width == taps && min(c.in, c.out) >= leastChannels:
			ok = r.winograd(n, c)
		case ok && c.width > 1 && c.height >= leastHeight && c.out*c.width <= mostRows && c.in > c.out*c.width:
			ok = r.narrow(n, c)
		default:
			ok = false
		}
		if !ok {
			r.Keep(n)
			continue
		}
		count++
	}
	if count == 0 {
		return nil
	}
	return &Rewritten{Model: r.Finish(), Count: count, inputs: r.inputs}
}

type rewriter struct {
	*onnx.Editor
	tensors map[string]*onnx.Tensor // the constants
	filters *Filters
	inputs  map[string]*filters // by the name that the model has for them
	// The names of Winograd's transforms, once there is a use for them.
	input, output string
}

// convolution is a node whose form can be another.
type convolution struct {
	weight                 *onnx.Tensor // [out, in, height, width]
	out, in, height, width int
	pads                   []int64   // top, left, bottom, right
	bias                   string    // its name; empty for none
	biases                 []float32 // its values
}

func (r *rewriter) convolution(n *onnx.Node) (c convolution, ok bool) {
	if n.Op != "Conv" || n.Domain != "" || n.Int("group", 1) != 1 || n.Text("auto_pad", "NOTSET") != "NOTSET" {
		return c, false
	}
	w := r.tensors[n.Input(1)]
	if w == nil || len(w.Dims) != 4 {
		return c, false
	}
	c.out, c.in, c.height, c.width = int(w.Dims[0]), int(w.Dims[1]), int(w.Dims[2]), int(w.Dims[3])
	for name, want := range map[string][]int64{"kernel_shape": w.Dims[2:], "strides": {1, 1}, "dilations": {1, 1}} {
		if v := n.Ints(name); v != nil && !slices.Equal(v, want) {
			return c, false
		}
	}
	if c.pads = n.Ints("pads"); c.pads == nil {
		c.pads = []int64{0, 0, 0, 0}
	}
	if len(c.pads) != 4 || slices.Min(c.pads) < 0 {
		return c, false
	}
	if c.bias = n.Input(2); c.bias != "" {
		b := r.tensors[c.bias]
		if b == nil || !slices.Equal(b.Dims, w.Dims[:1]) {
			return c, false
		}
		if c.biases, ok = b.Floats(); !ok {
			return c, false
		}
	}
	c.weight = w
	return c, w.Type == onnx.Float32 && !w.External
}
