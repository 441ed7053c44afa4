package fastconv

import (
	"cyclegan/infer/onnx"
	"cyclegan/infer/winograd"
)

// leastChannels is the number of input and output channels from which on Winograd's form is faster.
// With 256 channels a residual block takes 0.66 to 0.89 of the time, with 128 about as long, and
// with 64 1.1 to 1.4 times as long.
const leastChannels = 192

// winograd adds the nodes that compute n. Comments name the image tensors [N, C, H, W]; there are h
// x w tiles. The transformed filters are an input of the model, so that ONNX Runtime neither
// computes nor copies them. It adds nothing and returns false if the filters are damaged or do not
// fit in memory.
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
		r.input, r.output = r.transforms()
	}
	u := r.Input("filters", filters.shape...)
	r.inputs[u] = filters
	in, out := int64(c.in), int64(c.out)
	x := n.Input(0)

	// Each channel by itself: [N*C, 1, H, W] to [N*C, points, h, w]. Zeros at the bottom and the
	// right fill the last tiles.
	const tile, step, points = winograd.Tile, winograd.Step, winograd.Points
	v := r.Add("Reshape", []string{x, r.Ints("shape", -1, 1, 0, 0)})
	strides := onnx.IntsAttr("strides", step, step)
	v = r.Add("Conv", []string{v, r.input}, onnx.IntsAttr("kernel_shape", tile, tile), strides,
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
	v = r.Add("ConvTranspose", []string{v, r.output}, onnx.IntsAttr("kernel_shape", step, step), strides)
	v = r.Add("Reshape", []string{v, r.Ints("shape", -1, out, 0, 0)})

	// Cut off what the last tiles compute beyond the image.
	size := r.dims(x, 2, 4)
	const shrinks = winograd.Taps - 1
	if dy, dx := c.pads[0]+c.pads[2]-shrinks, c.pads[1]+c.pads[3]-shrinks; dy != 0 || dx != 0 {
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

// transforms adds the transform of the inputs as a convolution [points, 1, tile, tile] of stride 4,
// and that of the products as a transposed convolution [points, 1, step, step] of stride 4.
func (r *rewriter) transforms() (input, output string) {
	var in, out []float32
	for i := range winograd.Tile {
		for j := range winograd.Tile {
			for y := range winograd.Tile {
				for x := range winograd.Tile {
					in = append(in, winograd.Input[i][y]*winograd.Input[j][x])
				}
			}
			for y := range winograd.Step {
				for x := range winograd.Step {
					out = append(out, winograd.Output[y][i]*winograd.Output[x][j])
				}
			}
		}
	}
	return r.Floats("B", []int64{winograd.Points, 1, winograd.Tile, winograd.Tile}, in),
		r.Floats("A", []int64{winograd.Points, 1, winograd.Step, winograd.Step}, out)
}

// dims returns a part of a value's shape.
func (r *rewriter) dims(x string, from, to int64) string {
	return r.Add("Slice", []string{r.Add("Shape", []string{x}), r.Ints("starts", from), r.Ints("ends", to)})
}

// join concatenates two parts of a shape.
func (r *rewriter) join(a, b string) string {
	return r.Add("Concat", []string{a, b}, onnx.IntAttr("axis", 0))
}

// A convolution is worth splitting if its kernel has at least leastHeight rows and if its columns,
// over all outputs, are at most mostRows channels.
const (
	leastHeight = 5
	mostRows    = 32
)

// split replaces n by a column and a row. The first convolution computes, for each output and each
// column of the kernel, what that column adds; the second one adds these up, each from its place.
// Together they multiply as often as n, but the first one has many output channels, which is faster
// than few. It adds nothing and returns false if the filters are damaged.
func (r *rewriter) split(n *onnx.Node, c convolution) bool {
	weight, ok := c.weight.Floats()
	if !ok {
		return false
	}
	rows := c.out * c.width
	column := make([]float32, 0, len(weight)) // [out*width, in, height, 1]
	for o := range c.out {
		for x := range c.width {
			for i := range c.in {
				for y := range c.height {
					column = append(column, weight[((o*c.in+i)*c.height+y)*c.width+x])
				}
			}
		}
	}
	row := make([]float32, c.out*rows*c.width) // [out, out*width, 1, width]
	for o := range c.out {
		for x := range c.width {
			row[(o*rows+o*c.width+x)*c.width+x] = 1
		}
	}
	height, width := int64(c.height), int64(c.width)
	v := r.Add("Conv", []string{n.Input(0), r.Floats("column", []int64{int64(rows), int64(c.in), height, 1}, column)},
		onnx.IntsAttr("kernel_shape", height, 1), onnx.IntsAttr("pads", c.pads[0], 0, c.pads[2], 0))
	inputs := []string{v, r.Floats("row", []int64{int64(c.out), int64(rows), 1, width}, row)}
	if c.bias != "" {
		inputs = append(inputs, c.bias)
	}
	r.Keep(&onnx.Node{Op: "Conv", Name: n.Name, Inputs: inputs, Outputs: n.Outputs, Attrs: []onnx.Attr{
		onnx.IntsAttr("kernel_shape", 1, width), onnx.IntsAttr("pads", 0, c.pads[1], 0, c.pads[3]),
	}})
	return true
}
