// Package pytorch reads and writes the weights of the official CycleGAN
// implementation (https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix).
//
// [ReadFile] takes what torch.save made of a state dict, such as
// latest_net_G_A.pth, or a safetensors file, and gives a [State]: tensors by
// their official names. [Recognize] tells from them which network they belong
// to, and [Generator] turns them into that network's weights in the layout of
// package graph:
//
//	state, err := pytorch.ReadFile("latest_net_G_A.pth")
//	...
//	options, err := pytorch.Recognize(state)
//	...
//	network, weights, err := pytorch.Generator(state, options)
//
// [WriteGenerator] goes the other way, into a safetensors file that PyTorch
// loads strictly:
//
//	net.load_state_dict(safetensors.torch.load_file("G_AB.safetensors"))
//
// The official G_A is the generator G_AB here. Its D_A, however, judges domain
// B, so it is D_B here.
//
// A bias before an InstanceNorm changes nothing, since the norm takes the mean
// out; the official networks have one, those of package graph don't. It is
// dropped in reading and written as zeros. The running statistics that old
// versions of PyTorch saved with every InstanceNorm are ignored, as the
// official code does when it loads them.
//
// The package is pure Go. Nothing in a file is ever run, and reading takes
// memory in proportion to the file's size, whatever the file claims.
package pytorch

import "cyclegan/graph"

// A State is a state dict: tensors by the names that the PyTorch modules give
// them, such as "model.1.weight".
type State map[string]Tensor

// A Tensor is one entry of a state dict, in row-major order.
type Tensor struct {
	Shape []int
	// Type is the element type in the file, such as "float32" or "bfloat16".
	Type string
	// Values holds the elements of a floating-point tensor, converted to
	// float32. It is nil for other types, and may share memory with the values
	// of other tensors.
	Values []float32
}

// Generator returns the generator that o describes, with the weights of the
// state dict. When they are of another network, the error names the first
// tensor that differs, with both shapes.
func Generator(s State, o graph.GeneratorOptions) (*graph.Network, graph.Weights, error) {
	n, entries, err := generatorEntries(o)
	if err != nil {
		return nil, nil, err
	}
	w, err := convert(s, n, entries)
	return n, w, err
}

// Discriminator is what [Generator] is, for discriminators.
func Discriminator(s State, o graph.DiscriminatorOptions) (*graph.Network, graph.Weights, error) {
	n, entries, err := discriminatorEntries(o)
	if err != nil {
		return nil, nil, err
	}
	w, err := convert(s, n, entries)
	return n, w, err
}
