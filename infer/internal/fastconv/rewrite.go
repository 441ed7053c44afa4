// Package fastconv replaces convolutions of an ONNX model by equivalent operators that ONNX Runtime
// runs faster on a CPU. [Rewrite] returns a [Rewritten] model.
//
// 3x3 convolutions take the Winograd form of package winograd. A wide convolution with few output
// channels, such as a generator's last one, is split into a column and a row. Such convolutions are
// most of the work of a ResNet generator, which then takes less than 3/5 of the time.
//
// A model in float16 first becomes one in float32.
package fastconv

import (
	"slices"
	"sync"

	"cyclegan/infer/onnx"
	"cyclegan/infer/session"
	"cyclegan/infer/winograd"
)

// leastOpset is the first operator set in which Slice takes its bounds as inputs.
const leastOpset = 10

// A Rewritten is a model with some of its convolutions in other forms, and without float16.
type Rewritten struct {
	Model *onnx.Model
	// Count is the number of rewritten convolutions.
	Count int

	inputs map[string]*filters
}

// Inputs returns the values of the inputs that the rewritten model has in addition to the original
// ones. They are zero until Transform has run, and are outside Go's heap until the Filters are
// closed.
func (r *Rewritten) Inputs() map[string]session.Tensor {
	tensors := map[string]session.Tensor{}
	for name, f := range r.inputs {
		tensors[name] = session.Tensor{Shape: f.shape, Data: f.values}
	}
	return tensors
}

// Transform computes the values of the inputs, on all processors. A session may be opened before or
// meanwhile.
func (r *Rewritten) Transform() {
	var group sync.WaitGroup
	for _, f := range r.inputs {
		group.Go(f.transform)
	}
	group.Wait()
}

// Rewrite returns a model that computes the same faster, or nil if it would not differ; f keeps the
// filters. Convolutions in other types than float32 and float16, those that are grouped, dilated or
// strided, and those whose filters are not constant stay as they are.
func Rewrite(m *onnx.Model, f *Filters) *Rewritten {
	if m.Opset < leastOpset {
		return nil
	}
	original := m
	m = widen(m)
	r := &rewriter{
		Editor: onnx.NewEditor(m, "fastconv"), constants: map[string]*onnx.Tensor{},
		filters: f, inputs: map[string]*filters{},
	}
	for _, t := range m.Tensors {
		r.constants[t.Name] = t
	}
	for _, p := range m.Inputs {
		delete(r.constants, p.Name) // the model's caller may override it
	}
	count := 0
	for _, n := range m.Nodes {
		c, ok := r.convolution(n)
		switch {
		case !ok:
		case c.height == winograd.Taps && c.width == winograd.Taps && min(c.in, c.out) >= leastChannels:
			ok = r.winograd(n, c)
		case c.width > 1 && c.height >= leastHeight && c.out*c.width <= mostRows && c.in > c.out*c.width:
			ok = r.split(n, c)
		default:
			ok = false
		}
		if ok {
			count++
		} else {
			r.Keep(n)
		}
	}
	if count == 0 && m == original {
		return nil
	}
	return &Rewritten{Model: r.Finish(), Count: count, inputs: r.inputs}
}

type rewriter struct {
	*onnx.Editor
	constants map[string]*onnx.Tensor
	filters   *Filters
	inputs    map[string]*filters // by the name of the model's input
	// input and output are the names of Winograd's transforms, "" before their first use.
	input, output string
}

// A convolution is a node that may take another form.
type convolution struct {
	weight                 *onnx.Tensor // [out, in, height, width]
	out, in, height, width int
	pads                   []int64   // top, left, bottom, right
	bias                   string    // its name, "" for none
	biases                 []float32 // its values
}

func (r *rewriter) convolution(n *onnx.Node) (c convolution, ok bool) {
	if n.Op != "Conv" || n.Domain != "" || n.Int("group", 1) != 1 || n.Text("auto_pad", "NOTSET") != "NOTSET" {
		return c, false
	}
	w := r.constants[n.Input(1)]
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
		b := r.constants[c.bias]
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
