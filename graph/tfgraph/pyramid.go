//go:build tensorflow

package tfgraph

import (
	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph"
)

// downsample is a convolution with the binomial kernel on the diagonal of its channels: unlike a
// depthwise one it and its gradient are in oneDNN, and an image has few channels.
func (r *reader) downsample(x tensor) tensor {
	s := r.scope.SubScope("downsample")
	binomial := [5]float32{1, 4, 6, 4, 1}
	kernel := make([][][][]float32, 5) // [5, 5, in, out]
	for i, a := range binomial {
		kernel[i] = make([][][]float32, 5)
		for j, b := range binomial {
			kernel[i][j] = make([][]float32, x.shape.C)
			for c := range x.shape.C {
				kernel[i][j][c] = make([]float32, x.shape.C)
				kernel[i][j][c][c] = a * b / 256
			}
		}
	}
	padded := op.MirrorPad(s, x.out, paddings(s, 2), "REFLECT")
	y := op.Conv2D(s, padded, op.Const(s.SubScope("kernel"), kernel), strides(2), "VALID")
	return tensor{y, graph.Shape{H: x.shape.H / 2, W: x.shape.W / 2, C: x.shape.C}}
}

func (r *reader) level(l graph.Level, x tensor) tf.Output {
	low := r.downsample(x)
	body := r.layers(l.Body, low)
	s := r.scope.SubScope("level")
	up := graph.Upsample{Scale: 2, Mode: graph.Bilinear}
	upLow, upBody := r.layer(up, low, x.shape), r.layer(up, body, x.shape)
	band := op.Sub(s, x.out, upLow)
	joined := op.ConcatV2(s, []tf.Output{band, upLow, upBody}, op.Const(s.SubScope("axis"), int32(3)))
	mask := r.layers(l.Mask, tensor{joined, graph.Shape{H: x.shape.H, W: x.shape.W, C: 3 * x.shape.C}})
	if r.scope.Err() != nil {
		return tf.Output{}
	}
	gain := op.AddV2(s.SubScope("gain"), mask.out, op.Const(s.SubScope("one"), float32(1)))
	return op.AddV2(s, upBody, op.Mul(s, band, gain))
}

func (r *reader) thumbnail(l graph.Thumbnail, x tensor) tf.Output {
	small := l.Shape(x.shape)
	if small == x.shape {
		return r.layers(l.Body, x).out
	}
	s := r.scope.SubScope("thumbnail")
	low := resize(s.SubScope("shrink"), x, small)
	change := op.Sub(s, r.layers(l.Body, low).out, low.out)
	return op.AddV2(s, x.out, resize(s.SubScope("enlarge"), tensor{change, small}, x.shape).out)
}

// resize resizes with the triangle filter. ResizeBilinear would not antialias.
func resize(s *op.Scope, x tensor, to graph.Shape) tensor {
	size := []int32{int32(to.H), int32(to.W)}
	scale := []float32{float32(to.H) / float32(x.shape.H), float32(to.W) / float32(x.shape.W)}
	resized := s.AddOperation(tf.OpSpec{
		Type: "ScaleAndTranslate",
		Input: []tf.Input{x.out, op.Const(s.SubScope("size"), size), op.Const(s.SubScope("scale"), scale),
			op.Const(s.SubScope("translation"), []float32{0, 0})},
		Attrs: map[string]any{"kernel_type": "triangle", "antialias": true},
	})
	return tensor{resized.Output(0), to}
}
