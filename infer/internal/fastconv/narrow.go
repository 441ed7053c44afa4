package fastconv

import "cyclegan/infer/onnx"

// A convolution of at least so many rows is worth cutting, and one whose columns, of all outputs, are no more channels than that.
const (
	leastHeight = 5
	mostRows    = 32
)

// narrow puts in a column and a row in the place of n: the first gives, for each output and each place in the row, what the column there adds, and
// the second adds these up, each from its place. Both together multiply as often as n, but the first one for many outputs, not few.
// It puts in nothing, and says so, where the filters are damaged.
func (r *rewriter) narrow(n *onnx.Node, c convolution) bool {
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
	r.Keep(&onnx.Node{Op: "Conv", Name: n.Name, Inputs: inputs, Outputs: n.Outputs,
		Attrs: []onnx.Attr{onnx.IntsAttr("kernel_shape", 1, width), onnx.IntsAttr("pads", 0, c.pads[1], 0, c.pads[3])}})
	return true
}
