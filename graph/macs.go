package graph

// MACs returns the number of multiply-accumulates of the network's convolutions in a forward pass
// of one image of height h and width w, computed directly. Padding counts like pixels. Everything
// else, such as norms and activations, counts nothing: it moves values rather than computes.
// [Network.ParamCount] counts the parameters.
func (n *Network) MACs(h, w int) (int64, error) {
	if _, err := n.OutputShape(h, w); err != nil {
		return 0, err
	}
	return macs(n.Layers, Shape{h, w, n.In})
}

func macs(layers []Layer, in Shape) (int64, error) {
	total := int64(0)
	for _, l := range layers {
		out, err := LayerShape(l, in)
		if err != nil {
			return 0, err
		}
		switch l := l.(type) {
		case Conv:
			total += int64(l.Kernel*l.Kernel*l.In) * int64(out.H*out.W) * int64(l.Out)
		case DepthwiseConv:
			total += int64(l.Kernel*l.Kernel) * int64(out.H*out.W) * int64(l.Channels)
		case ConvTranspose: // each input value is added to a whole kernel of outputs
			total += int64(l.Kernel*l.Kernel*l.Out) * int64(in.H*in.W) * int64(l.In)
		}
		for _, b := range branches(l, in) {
			inner, err := macs(b.layers, b.in)
			if err != nil {
				return 0, err
			}
			total += inner
		}
		in = out
	}
	return total, nil
}
