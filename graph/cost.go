package graph

import "fmt"

// A LayerCost is what one layer takes for one picture, as far as shapes tell.
// Sizes count values: 4 bytes each in float32. How a back-end computes a layer
// may take more or less; these are the numbers to compare it with.
type LayerCost struct {
	Layer   Layer
	In, Out Shape
	// FLOPs counts 2 for each multiplication of a convolution with its addition,
	// in the direct form. What falls on padding counts like the rest. Biases,
	// norms and activations count nothing: they move values rather than compute.
	FLOPs int64
	// Moved is what the layer reads and writes, its input and its output once
	// each. Weights are left out, since several pictures share them.
	Moved int64
	// Kept is what the layer adds to the values that a backward pass needs: the
	// input of convolutions, norms, LeakyReLU and Clamp, the output of ReLU and
	// Tanh, the mask of Dropout. What the layer before keeps already adds nothing.
	Kept int64
	// Live is what exists while the layer works: its input, its output, and the
	// values that wait for the end of a Residual or Concat around it.
	Live int64
}

// Cost is what a whole network takes for one picture.
type Cost struct {
	// FLOPs, Moved and Kept are sums over the layers.
	FLOPs, Moved, Kept int64
	// Live is the most that exists at once in a pass that keeps nothing.
	Live int64
}

// Costs lists what the layers take for an input of height h and width w, in the
// order of computation. A layer that holds others comes after those, with what
// it does itself: the sum or the joining.
func (n *Network) Costs(h, w int) ([]LayerCost, error) {
	if _, err := n.OutputShape(h, w); err != nil {
		return nil, err
	}
	var c coster
	c.layers(n.Layers, Shape{h, w, n.In}, 0)
	return c.list, nil
}

// Cost adds the network's layers up. See [LayerCost] for what counts.
func (n *Network) Cost(h, w int) (Cost, error) {
	list, err := n.Costs(h, w)
	if err != nil {
		return Cost{}, err
	}
	var sum Cost
	for _, c := range list {
		sum.FLOPs += c.FLOPs
		sum.Moved += c.Moved
		sum.Kept += c.Kept
		sum.Live = max(sum.Live, c.Live)
	}
	return sum, nil
}

// Values is how many numbers an activation of the shape has.
func (s Shape) Values() int64 { return int64(s.H) * int64(s.W) * int64(s.C) }

// coster walks a network whose shapes fit.
type coster struct {
	list []LayerCost
	kept bool // the backward pass has the layer's input already
}

// layers adds a chain; waiting is what exists for the layers around it.
func (c *coster) layers(layers []Layer, in Shape, waiting int64) {
	for _, l := range layers {
		out, err := LayerShape(l, in)
		if err != nil {
			panic(fmt.Sprintf("graph: shapes that fitted no longer do: %v", err))
		}
		c.layer(l, in, out, waiting)
		in = out
	}
}

func (c *coster) layer(l Layer, in, out Shape, waiting int64) {
	cost := LayerCost{Layer: l, In: in, Out: out, Moved: in.Values() + out.Values(), Live: in.Values() + out.Values() + waiting}
	keepsInput, keepsOutput := false, false
	switch l := l.(type) {
	case Conv:
		cost.FLOPs = 2 * int64(l.Kernel*l.Kernel*l.In) * out.Values()
		keepsInput = true
	case ConvTranspose:
		// Each input value goes into a whole kernel of outputs.
		cost.FLOPs = 2 * int64(l.Kernel*l.Kernel*l.Out) * in.Values()
		keepsInput = true
	case InstanceNorm, BatchNorm, LeakyReLU, Clamp:
		keepsInput = true
	case ReLU, Tanh:
		keepsOutput = true
	case Dropout:
		cost.Kept = out.Values()
	case Residual:
		c.layers(l.Body, in, waiting+in.Values())
		cost.Moved, cost.Live = 2*in.Values()+out.Values(), 2*in.Values()+out.Values()+waiting
	case Concat:
		c.layers(l.Body, in, waiting+in.Values())
		// The branch's result is out without in.
		cost.Moved, cost.Live = 2*out.Values(), 2*out.Values()+waiting
	}
	if keepsInput && !c.kept {
		cost.Kept += in.Values()
	}
	if keepsOutput {
		cost.Kept += out.Values()
	}
	c.kept = keepsOutput
	c.list = append(c.list, cost)
}
