package graph

import (
	"fmt"
	"io"
	"strings"
)

// Fprint writes the network as text: one line for each layer with the shape
// that it gives for an input of h by w, then the parameter table.
func Fprint(out io.Writer, n *Network, h, w int) error {
	if _, err := n.OutputShape(h, w); err != nil {
		return err
	}
	p := printer{out: out}
	p.printf("%s: %d channels in, %d out, %d trainable values\n", n.Name, n.In, n.Out, n.ParamCount())
	p.layers(n.Layers, Shape{h, w, n.In}, 1)
	p.printf("parameters\n")
	for _, param := range n.Params() {
		p.printf("  %-22s %-18s %9d\n", param.Name, strings.Trim(fmt.Sprint(param.Shape), "[]"), param.Size())
	}
	return p.err
}

// printer keeps the first write error, so that it is checked once.
type printer struct {
	out io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format, args...)
	}
}

func (p *printer) layers(layers []Layer, in Shape, depth int) {
	for _, l := range layers {
		out, err := LayerShape(l, in)
		if err != nil {
			p.err = err
			return
		}
		p.printf("%s%-*s %v\n", strings.Repeat("  ", depth), 56-2*depth, Describe(l), out)
		p.layers(body(l), in, depth+1)
		in = out
	}
}

// Describe names a layer and its settings in one line.
func Describe(l Layer) string {
	switch l := l.(type) {
	case Conv:
		return fmt.Sprintf("Conv %s %d->%d k%d s%d p%d%s", l.Name, l.In, l.Out, l.Kernel, l.Stride, l.Pad, biasNote(l.Bias))
	case ConvTranspose:
		return fmt.Sprintf("ConvTranspose %s %d->%d k%d s%d p%d op%d%s", l.Name, l.In, l.Out, l.Kernel, l.Stride, l.Pad, l.OutPad, biasNote(l.Bias))
	case ReflectPad:
		return fmt.Sprintf("ReflectPad %d", l.Pad)
	case Upsample:
		return fmt.Sprintf("Upsample %dx %s", l.Scale, l.Mode)
	case InstanceNorm:
		return "InstanceNorm"
	case BatchNorm:
		return "BatchNorm " + l.Name
	case LeakyReLU:
		return fmt.Sprintf("LeakyReLU %g", l.Slope)
	case Clamp:
		return fmt.Sprintf("Clamp [%g, %g]", l.Min, l.Max)
	case Dropout:
		return fmt.Sprintf("Dropout %g", l.Rate)
	case Concat:
		return "Concat with"
	case Residual:
		return "Residual"
	default:
		return strings.TrimPrefix(fmt.Sprintf("%T", l), "graph.")
	}
}

func biasNote(bias bool) string {
	if bias {
		return " bias"
	}
	return ""
}
