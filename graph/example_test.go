package graph_test

import (
	"fmt"
	"log"

	"cyclegan/graph"
)

// Build the generator of the paper, and look at its output and its first layers.
func Example() {
	n, err := graph.NewGenerator(graph.GeneratorOptions{
		Architecture: graph.ResNet9,
		In:           3,
		Out:          3,
		Filters:      64,
		Norm:         graph.NormInstance,
		Upsampling:   graph.UpTranspose,
	})
	if err != nil {
		log.Fatal(err)
	}
	out, err := n.OutputShape(256, 256)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("output:", out)
	fmt.Println("parameters:", n.ParamCount())
	shape := graph.Shape{H: 256, W: 256, C: 3}
	for _, l := range n.Layers[:8] {
		if shape, err = graph.LayerShape(l, shape); err != nil {
			log.Fatal(err)
		}
		fmt.Println(graph.Describe(l), "->", shape)
	}
	// Output:
	// output: 256x256x3
	// parameters: 11372931
	// ReflectPad 3 -> 262x262x3
	// Conv stem 3->64 k7 s1 p0 -> 256x256x64
	// InstanceNorm -> 256x256x64
	// ReLU -> 256x256x64
	// Conv down1 64->128 k3 s2 p1 -> 128x128x128
	// InstanceNorm -> 128x128x128
	// ReLU -> 128x128x128
	// Conv down2 128->256 k3 s2 p1 -> 64x64x256
}

// A discriminator returns one score for each patch of the image.
func ExampleNewDiscriminator() {
	n, err := graph.NewDiscriminator(graph.DiscriminatorOptions{
		Architecture: graph.PatchGAN,
		In:           3,
		Filters:      64,
		Norm:         graph.NormInstance,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(n.OutputShape(256, 256))
	// Output: 30x30x1 <nil>
}
