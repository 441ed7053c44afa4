package train

import (
	"time"

	"cyclegan/graph"
)

// StepMACs returns the number of multiply-accumulates of a step on images of the given shapes, by
// [graph.Network.MACs]. A backward pass counts twice a forward pass.
func (o Options) StepMACs(shapeA, shapeB graph.Shape) (int64, error) {
	const (
		forward  = 1
		backward = 2 // gradients of the input and of the weights
	)
	// A generator translates an image, a translation back and, for the identity loss, an image of
	// its target domain.
	generator := int64(2 * (forward + backward))
	if o.LambdaIdentity > 0 {
		generator += forward + backward
	}
	// A discriminator scores a translation for the generator, with the gradient of the input only,
	// then a real and a translated image.
	const discriminator = 2*forward + 2*(forward+backward)
	total := int64(0)
	for _, side := range []struct {
		a     bool
		shape graph.Shape
	}{{true, shapeA}, {false, shapeB}} {
		g, err := graph.NewGenerator(o.Generator(side.a))
		if err != nil {
			return 0, err
		}
		gMACs, err := g.MACs(side.shape.H, side.shape.W)
		if err != nil {
			return 0, err
		}
		d, err := graph.NewDiscriminator(o.Discriminator(side.a))
		if err != nil {
			return 0, err
		}
		dMACs, err := d.MACs(side.shape.H, side.shape.W)
		if err != nil {
			return 0, err
		}
		total += generator*gMACs + discriminator*dMACs
	}
	return int64(o.BatchSize) * total, nil
}

// macsPerSecond is what a CPU thread computes, measured at 128 pixels in float32 on a processor
// with AVX-512. Small images reach half of it.
const macsPerSecond = 60e9

// roughStep returns roughly the time of a step on a CPU, 0 if it is unknown.
func (o Options) roughStep(shapeA, shapeB graph.Shape, threads int) time.Duration {
	macs, err := o.StepMACs(shapeA, shapeB)
	if err != nil {
		return 0
	}
	return time.Duration(float64(macs) / macsPerSecond / float64(threads) * float64(time.Second))
}
