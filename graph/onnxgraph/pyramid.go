package onnxgraph

import (
	"fmt"
	"slices"

	"cyclegan/graph"
	"cyclegan/infer/onnx"
)

// antialiasOpset is the first operator set whose Resize antialiases and takes the axes to resize.
const antialiasOpset = 18

// downsample adds the binomial filter as a convolution of each channel by itself.
func (b *builder) downsample(l graph.Downsample, x string) string {
	var kernel []float32
	binomial := []float32{1, 4, 6, 4, 1}
	for _, i := range binomial {
		for _, j := range binomial {
			kernel = append(kernel, i*j/256)
		}
	}
	c := l.Channels
	filter := b.constant(fmt.Sprintf("binomial_%d", c),
		onnx.Stream("", int64s(c, 1, 5, 5), slices.Values(slices.Repeat(kernel, c))))
	pads := b.constant("pads_2", vector[int64](0, 0, 2, 2, 0, 0, 2, 2))
	padded := b.add("Pad", "downsample.pad", []string{x, pads}, onnx.TextAttr("mode", "reflect"))
	return b.add("Conv", "downsample", []string{padded, filter},
		onnx.IntAttr("group", int64(c)), ints("kernel_shape", 5, 5), ints("strides", 2, 2))
}

func (b *builder) level(l graph.Level, x string) (string, error) {
	low := b.downsample(graph.Downsample{Channels: l.Channels}, x)
	body, err := b.layers(l.Body, low)
	if err != nil {
		return "", err
	}
	b.current = l
	up := func(name, x string) string {
		scales := b.constant("scales_2", floats(1, 1, 2, 2))
		return b.add("Resize", name, []string{x, "", scales},
			onnx.TextAttr("coordinate_transformation_mode", "half_pixel"), onnx.TextAttr("mode", "linear"))
	}
	upLow, upBody := up("level.low", low), up("level.body", body)
	band := b.add("Sub", "level.band", []string{x, upLow})
	joined := b.add("Concat", "level.joined", []string{band, upLow, upBody}, onnx.IntAttr("axis", 1))
	mask, err := b.layers(l.Mask, joined)
	if err != nil {
		return "", err
	}
	b.current = l
	gain := b.add("Add", "level.gain", []string{mask, b.constant("one", float(1))})
	return b.add("Add", "level", []string{upBody, b.add("Mul", "level.scaled", []string{band, gain})}), nil
}

// thumbnail computes the size of the thumbnail from that of the image, as [graph.Thumbnail.Shape]
// does. What has the image's size stays float32: it would only be converted back and forth.
func (b *builder) thumbnail(l graph.Thumbnail, x string) (string, error) {
	b.opset = antialiasOpset
	size, multiple := int64(l.Size), int64(l.Multiple)

	b.kind = sizes
	image := b.add("Shape", "thumbnail.image_size", []string{x}, onnx.IntAttr("start", 2), onnx.IntAttr("end", 4))
	shorter := b.add("ReduceMin", "thumbnail.shorter", []string{image}) // [1]
	number := func(v int64) string { return b.constant(fmt.Sprintf("int_%d", v), vector(v)) }
	// (2*size*n + multiple*shorter) / (2*multiple*shorter)
	half := b.add("Mul", "thumbnail.half_unit", []string{shorter, number(multiple)})
	scaled := b.add("Mul", "thumbnail.scaled", []string{image, number(2 * size)})
	rounded := b.add("Add", "thumbnail.rounding", []string{scaled, half})
	unit := b.add("Mul", "thumbnail.unit", []string{half, number(2)})
	units := b.add("Div", "thumbnail.units", []string{rounded, unit})
	units = b.add("Max", "thumbnail.least", []string{units, number(1)})
	units = b.add("Min", "thumbnail.most", []string{units, number(graph.MaxAspect * size / multiple)})
	small := b.add("Mul", "thumbnail.size", []string{units, number(multiple)})

	resize := func(name, x, size string) string {
		// PyTorch gives pixels beyond the border no weight (exclude_outside).
		return b.add("Resize", name, []string{x, "", "", size},
			onnx.IntAttr("antialias", 1), ints("axes", 2, 3), onnx.IntAttr("exclude_outside", 1),
			onnx.TextAttr("coordinate_transformation_mode", "half_pixel"), onnx.TextAttr("mode", "linear"))
	}
	b.kind = wide
	low := resize("thumbnail", x, small)
	b.kind = activations
	body, err := b.layers(l.Body, low)
	if err != nil {
		return "", err
	}
	b.current, b.kind = l, wide
	defer func() { b.kind = activations }()
	change := b.add("Sub", "change", []string{body, low})
	return b.add("Add", "changed", []string{x, resize("change.enlarged", change, image)}), nil
}
