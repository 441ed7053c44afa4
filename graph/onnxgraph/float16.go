package onnxgraph

import (
	"fmt"
	"math"
	"slices"
)

// maxFloat16 is the largest finite number of 16 bits.
const maxFloat16 = 65504

// float16 rounds v to IEEE 754's binary16, half-way cases to even. Beyond
// maxFloat16 the result is an infinity.
func float16(v float32) uint16 {
	bits := math.Float32bits(v)
	sign, exponent, mantissa := uint16(bits>>16)&0x8000, int(bits>>23&0xff)-127, bits&0x7fffff
	switch {
	case exponent == 128 && mantissa != 0:
		return sign | 0x7e00 // NaN
	case exponent > 15:
		return sign | 0x7c00
	}
	// The result is mantissa >> shift with the exponent's bits before it. What
	// is too small for its own exponent has the implicit one spelt out.
	shift, high := 13, uint32(exponent+15)<<10
	if exponent < -14 {
		shift, high = min(13-14-exponent, 31), 0
		mantissa |= 0x800000
	}
	result := high + mantissa>>shift
	rest, half := mantissa&(1<<shift-1), uint32(1)<<(shift-1)
	if rest > half || rest == half && result&1 == 1 {
		result++ // a carry moves into the exponent, as it should
	}
	return sign | uint16(result)
}

// toFloat16 makes the model compute with 16 bits between its float32 input and
// output. InstanceNorm keeps its 32: it adds up all pixels of a map, and a sum
// of numbers near 1 in 16 bits ends at 2048, where the next 1 is lost.
func (b *builder) toFloat16() error {
	for _, t := range b.tensors {
		for i, v := range t.floats {
			if v > maxFloat16 || v < -maxFloat16 {
				return fmt.Errorf("value %d of %q is %g, and 16 bits hold %d at most; take precision f32", i, t.name, v, maxFloat16)
			}
		}
	}
	nodes := b.nodes
	b.nodes = nil
	wide := map[string]bool{} // initializers that stay float32
	half := map[string]string{inputName: b.cast(inputName, ".half", typeFloat16)}
	for _, n := range nodes {
		value := n.output
		n.inputs = slices.Clone(n.inputs)
		for i, in := range n.inputs {
			if x, ok := half[in]; ok {
				n.inputs[i] = x
			}
		}
		if value == outputName {
			n.output = b.unique(outputName + ".half")
		}
		switch n.op {
		case "InstanceNormalization":
			n.inputs[0] = b.cast(n.inputs[0], ".float", typeFloat)
			wide[n.inputs[1]], wide[n.inputs[2]] = true, true
			n.output = b.unique(value + ".float")
			b.nodes = append(b.nodes, n)
			half[value] = b.cast(n.output, ".half", typeFloat16)
			continue
		case "Resize":
			wide[n.inputs[2]] = true // its scales are float32 for any data
		}
		b.nodes = append(b.nodes, n)
		half[value] = n.output
	}
	b.nodes = append(b.nodes, node{op: "Cast", name: outputName, output: outputName, inputs: []string{half[outputName]}, attributes: []message{intAttribute("to", typeFloat)}})
	for _, t := range b.tensors {
		if t.kind == typeFloat && !wide[t.name] {
			t.kind = typeFloat16
		}
	}
	return nil
}

// cast adds the conversion of a value to another type and returns the result.
func (b *builder) cast(x, suffix string, to int) string {
	return b.add("Cast", x+suffix, []string{x}, intAttribute("to", to))
}
