// Package tfgraph reads a [graph.Network] and adds it to a TensorFlow graph.
//
// [Apply] is the reader: given the values of the parameters and an input, it
// adds the ops that compute the network's output, each with a gradient in
// TensorFlow's C library. [InputGradient] adds a network together with the
// gradient with respect to its input, in ops that again have gradients, for a
// gradient penalty. [Variables] keeps a network's parameters as resource
// variables, loads them and saves them.
//
// Tensors have TensorFlow's NHWC layout. Everything that imports TensorFlow is
// built with the tag "tensorflow"; `go run ./third_party CMD...` sets it,
// together with the compiler and linker settings for the C library.
package tfgraph
