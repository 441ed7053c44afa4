package predict

import "cyclegan/graph"

// A form is how a back-end computes a layer for one picture: operations and,
// in values, what is moved, forward and for each of the two gradients.
type form struct {
	direct                 float64 // operations of the direct form
	forward, input, weight float64 // operations
	moved                  float64
	movedInput             float64 // for the gradient to the input
	movedWeight            float64 // for the gradient to the weights
	kept                   float64 // for the backward pass
	keptForWeight          bool    // only the gradient to the weights needs that
	live                   float64 // while it works
	// Shared by all pictures and passes: values of transformed filters, and the
	// operations that make them.
	filter, filterFLOPs float64
}

// direct computes a layer as the network describes it.
func direct(c graph.LayerCost) form {
	f := form{direct: float64(c.FLOPs), moved: float64(c.Moved), kept: float64(c.Kept), live: float64(c.Live)}
	f.forward, f.input, f.movedInput = f.direct, f.direct, f.moved
	if c.FLOPs > 0 {
		f.weight, f.movedWeight, f.keptForWeight = f.direct, f.moved, true
	}
	return f
}

// padded is direct as TensorFlow computes it: a convolution's zeros are put
// around its input first, in a copy that is kept.
func padded(c graph.LayerCost) form {
	f := direct(c)
	if l, ok := c.Layer.(graph.Conv); ok && l.Pad > 0 {
		copied := float64(graph.Shape{H: c.In.H + 2*l.Pad, W: c.In.W + 2*l.Pad, C: c.In.C}.Values())
		f.moved += 2 * copied
		f.movedInput += 2 * copied
		f.kept = copied
		f.live += copied
	}
	return f
}

// Winograd's form F(4x4, 3x3): tiles of 6x6 inputs give 4x4 outputs.
const (
	winogradTaps     = 3
	winogradTile     = 6
	winogradStep     = 4
	winogradPoints   = winogradTile * winogradTile
	winogradChannels = 64      // in and out, at least
	winogradPixels   = 16 * 16 // of the result, at least, in training
)

// winograd gives the 3x3 convolution of step 1 that has channels enough.
func winograd(c graph.LayerCost) (graph.Conv, bool) {
	l, ok := c.Layer.(graph.Conv)
	return l, ok && l.Kernel == winogradTaps && l.Stride == 1 && min(l.In, l.Out) >= winogradChannels
}

func winogradTiles(n int) float64 { return float64((n + winogradStep - 1) / winogradStep) }

// filters adds what becomes of the weights.
func (f *form) filters(l graph.Conv) {
	f.filter = winogradPoints * float64(l.In*l.Out)
	f.filterFLOPs = 2 * winogradTaps * winogradTaps * f.filter
}

// trainingForms are those of tfgraph, which transforms whole rows and columns
// by products of matrices, padding included.
func trainingForms(costs []graph.LayerCost, withWinograd bool) []form {
	var forms []form
	for i, c := range costs {
		l, ok := winograd(c)
		if !withWinograd || !ok || c.Out.H*c.Out.W < winogradPixels {
			forms = append(forms, padded(c))
			continue
		}
		in := c.In
		if i > 0 {
			if pad, ok := costs[i-1].Layer.(graph.ReflectPad); ok && pad.Pad > 0 {
				in = costs[i-1].In
				forms = forms[:i-1]
				forms = append(forms, form{}) // the transform mirrors
			}
		}
		forms = append(forms, trainingWinograd(l, c, in))
	}
	return forms
}

func trainingWinograd(l graph.Conv, c graph.LayerCost, in graph.Shape) form {
	h, w := winogradTiles(c.Out.H), winogradTiles(c.Out.W)
	channels, outputs := float64(l.In), float64(l.Out)
	rows, columns := winogradTile*h, winogradTile*w
	height, width := float64(c.Out.H), float64(c.Out.W)
	inHeight, inWidth := float64(in.H), float64(in.W)

	halfIn := rows * inWidth * channels            // after the transform of columns
	points := winogradPoints * h * w * channels    // and of rows
	products := winogradPoints * h * w * outputs   //
	halfOut := rows * width * outputs              // after the transform of rows
	before := 2*inHeight*halfIn + 2*inWidth*points // operations of the transforms
	after := 2*columns*halfOut + 2*rows*height*width*outputs
	multiply := 2 * products * channels

	f := form{
		direct:  float64(c.FLOPs),
		forward: before + multiply + after, input: after + multiply + before,
		weight: before + multiply, // the input is transformed again, and not kept
		kept:   float64(in.Values()), keptForWeight: true,
		live: points + max(points, products),
	}
	// Each transform reads and writes; between them and the product the axes
	// change places, which reads and writes once more.
	f.moved = float64(in.Values()) + 2*halfIn + 4*points + 4*products + 2*halfOut + float64(c.Out.Values())
	f.movedInput, f.movedWeight = f.moved, float64(in.Values())+2*halfIn+4*points+products
	f.filters(l)
	return f
}

// runtimeForms are those that infer rewrites models to for ONNX Runtime, where
// the transforms are convolutions of each channel for itself. A transposed
// convolution is one product of matrices, of which the results, a kernel for
// each input, are then added up.
func runtimeForms(costs []graph.LayerCost) []form {
	forms := make([]form, len(costs))
	for i, c := range costs {
		forms[i] = direct(c)
		if l, ok := winograd(c); ok {
			forms[i] = runtimeWinograd(l, c)
		}
		if l, ok := c.Layer.(graph.ConvTranspose); ok {
			kernels := float64(l.Kernel*l.Kernel*l.Out) * float64(c.In.H*c.In.W)
			forms[i].moved += 2 * kernels
			forms[i].live += kernels
		}
	}
	return forms
}

func runtimeWinograd(l graph.Conv, c graph.LayerCost) form {
	tiles := winogradTiles(c.Out.H) * winogradTiles(c.Out.W)
	points := winogradPoints * tiles * float64(l.In)
	products := winogradPoints * tiles * float64(l.Out)
	results := winogradStep * winogradStep * tiles * float64(l.Out)
	waiting := float64(c.Live - c.In.Values() - c.Out.Values())
	f := form{
		direct:  float64(c.FLOPs),
		forward: 2*products*float64(l.In) + 2*winogradPoints*points + 2*winogradPoints*results,
		moved:   float64(c.In.Values()) + 4*points + 4*products + 2*results + float64(c.Out.Values()),
		live:    waiting + max(float64(c.In.Values())+points, 2*points, points+products, 2*products, products+results),
	}
	f.filters(l)
	return f
}
