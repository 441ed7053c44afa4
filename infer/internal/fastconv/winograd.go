package fastconv

import "cyclegan/infer/onnx"

// leastChannels is how many channels a convolution has to have, in and out, for Winograd's form to be faster; with 32 it is slower.
const leastChannels = 64

// winograd puts in what computes n. In the comments the picture's tensors are [N, C, H, W], and tiles are h x w.
// The transformed filters are an input of the model, so that ONNX Runtime neither computes nor copies them.
// It puts in nothing, and says so, where the filters are damaged, and where there is no memory for them.
func (r *rewriter) winograd(n *onnx.Node, c convolution) bool {
	plain, ok := c.weight.Float32Bytes()
	if !ok {
		return false
	}
	filters, err := r.filters.reserve(plain, c.out, c.in)
	if err != nil {
		return false
	}
	if r.input == "" {
		r.input = r.Floats("B", []int64{points, 1, tile, tile}, inputFilters())
		r.output = r.Floats("A", []int64{points, 1, step, step}, outputFilters())
	}
	u := r.Input("filters", filters.shape...)
	r.inputs[u] = filters
	in, out := int64(c.in), int64(c.out)
	x := n.Input(0)

	// Each channel for itself: [N*C, 1, H, W] to [N*C, points, h, w]. Zeros below and at the right fill the last tiles.
	v := r.Add("Reshape", []string{x, r.Ints("shape", -1, 1, 0, 0)})
	v = r.Add("Conv", []string{v, r.input}, onnx.IntsAttr("kernel_shape", tile, tile), onnx.IntsAttr("strides", step, step),
		onnx.IntsAttr("pads", c.pads[0], c.pads[1], c.pads[2]+step-1, c.pads[3]+step-1))
	tiles := r.dims(v, 2, 4)

	// One matrix for each point: [points, N, C, h*w].
	v = r.Add("Reshape", []string{v, r.Ints("shape", 0, points, -1)})
	v = r.Add("Transpose", []string{v}, onnx.IntsAttr("perm", 1, 0, 2))
	v = r.Add("Reshape", []string{v, r.join(r.Ints("shape", points, -1, in), r.dims(v, 2, 3))})
	v = r.Add("MatMul", []string{u, v})

	// Back to channels: [N*O, points, h, w], and from there to [N, O, 4*h, 4*w].
	v = r.Add("Transpose", []string{v}, onnx.IntsAttr("perm", 1, 2, 0, 3))
	v = r.Add("Reshape", []string{v, r.join(r.Ints("shape", -1, points), tiles)})
	v = r.Add("ConvTranspose", []string{v, r.output}, onnx.IntsAttr("kernel_shape", step, step), onnx.IntsAttr("strides", step, step))
	v = r.Add("Reshape", []string{v, r.Ints("shape", -1, out, 0, 0)})

	// What the last tiles have too much is cut off.
	size := r.dims(x, 2, 4)
	if dy, dx := c.pads[0]+c.pads[2]-(taps-1), c.pads[1]+c.pads[3]-(taps-1); dy != 0 || dx != 0 {
		size = r.Add("Add", []string{size, r.Ints("grown", dy, dx)})
	}
	cut := []string{v, r.Ints("starts", 0, 0), size, r.Ints("axes", 2, 3)}
	if c.bias == "" {
		r.Keep(&onnx.Node{Op: "Slice", Name: n.Name, Inputs: cut, Outputs: n.Outputs})
		return true
	}
	bias := r.Floats("bias", []int64{out, 1, 1}, c.biases)
	r.Keep(&onnx.Node{Op: "Add", Name: n.Name, Inputs: []string{r.Add("Slice", cut), bias}, Outputs: n.Outputs})
	return true
}

// dims gives a part of a value's shape.
func (r *rewriter) dims(x string, from, to int64) string {
	return r.Add("Slice", []string{r.Add("Shape", []string{x}), r.Ints("starts", from), r.Ints("ends", to)})
}

// join puts a shape together.
func (r *rewriter) join(a, b string) string {
	return r.Add("Concat", []string{a, b}, onnx.IntAttr("axis", 0))
}
