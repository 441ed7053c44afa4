// Package step builds and runs the TensorFlow graph of CycleGAN's training step. A [Graph] holds
// the four networks with their losses and their Adam updates, computed by one or more replicas that
// share each batch.
//
// losses.go has the objective in the paper's order and symbols. Everything that imports TensorFlow
// carries the build tag "tensorflow".
package step

import "cyclegan/graph"

// Values of Options.GANMode.
const (
	LSGAN   = "lsgan"
	Vanilla = "vanilla"
	WGANGP  = "wgangp"
	Hinge   = "hinge"
)

// Options are the settings of a training step.
type Options struct {
	// The networks: G_AB, G_BA, D_A and D_B.
	GeneratorAB, GeneratorBA       graph.GeneratorOptions
	DiscriminatorA, DiscriminatorB graph.DiscriminatorOptions

	ShapeA, ShapeB graph.Shape // of a training image of A and of B
	BatchSize      int         // images of each domain in a step

	// The losses and their weights.
	GANMode                          string
	LambdaA, LambdaB, LambdaIdentity float64
	LambdaD, LambdaGP, LambdaOther   float64
	// DiscriminatorsFirst trains the discriminators before the generators, on the step's own
	// translated images instead of images from a pool.
	DiscriminatorsFirst bool

	Beta1, Beta2 float64 // of Adam

	Averages bool   // keep moving averages of the generators' weights
	Dropout  bool   // the generators have dropout
	Seed     uint64 // of dropout and of the gradient penalty
	Winograd bool   // compute wide 3x3 convolutions in Winograd's form

	// Replicas is the number of devices that share a batch, 1 or more. Place names a replica's
	// device as TensorFlow does, or is empty if there is only one device. Nil stands for a single
	// device.
	Replicas int
	Place    func(replica int) string
}
