package onnxgraph

import "iter"

// NCHW turns activations [n, h, w, c] into [n, c, h, w], the layout of the models that this package
// writes.
func NCHW(values []float32, n, h, w, c int) []float32 {
	return transpose(values, n, h*w, c)
}

// NHWC turns activations [n, c, h, w] into [n, h, w, c], TensorFlow's layout.
func NHWC(values []float32, n, h, w, c int) []float32 {
	return transpose(values, n, c, h*w)
}

// transpose transposes n matrices of rows by cols.
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

// filters returns the weight of a convolution in ONNX's layout: [k, k, in, out] becomes [out, in,
// k, k], and that of a transposed convolution, [k, k, out, in], becomes [in, out, k, k] by the same
// permutation.
func filters(shape []int, values []float32) (dims []int64, ordered iter.Seq[float32]) {
	rows, cols := shape[2], shape[3]
	return int64s(shape[3], shape[2], shape[0], shape[1]), func(yield func(float32) bool) {
		for c := range cols {
			for r := range rows {
				for k := r*cols + c; k < len(values); k += rows * cols {
					if !yield(values[k]) {
						return
					}
				}
			}
		}
	}
}

func int64s(values ...int) []int64 {
	out := make([]int64, len(values))
	for i, v := range values {
		out[i] = int64(v)
	}
	return out
}
