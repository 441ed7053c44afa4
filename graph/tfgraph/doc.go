// Package tfgraph adds a [graph.Network] to a TensorFlow graph and runs it.
//
// [Apply] adds the operations of a network, each with a gradient in TensorFlow's C library.
// [InputGradient] adds the gradient with respect to the input as well, for a gradient penalty.
// [Variables] are a network's parameters. [Edit] changes a finished graph, and a [Session] runs its
// parts, which refer to operations by name.
//
// Tensors have TensorFlow's NHWC layout. Everything that imports TensorFlow carries the build tag
// "tensorflow"; `go run ./third_party CMD...` sets it with the compiler and linker settings for the
// C library.
package tfgraph
