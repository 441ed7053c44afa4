package onnxgraph

// NCHW turns activations [n, h, w, c] into [n, c, h, w], the layout of the
// models that this package writes.
func NCHW(values []float32, n, h, w, c int) []float32 {
	return transpose(values, n, h*w, c)
}

// NHWC turns activations [n, c, h, w] into [n, h, w, c], the layout of package
// graph's other reader.
func NHWC(values []float32, n, h, w, c int) []float32 {
	return transpose(values, n, c, h*w)
}

// transpose turns n matrices of rows by cols.
func transpose(values []float32, n, rows, cols int) []float32 {
	out := make([]float32, len(values))
	for i := range n {
		from, to := values[i*rows*cols:][:rows*cols], out[i*rows*cols:][:rows*cols]
		for r := range rows {
			for c := range cols {
				to[c*rows+r] = from[r*cols+c]
			}
		}
	}
	return out
}
