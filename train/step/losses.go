//go:build tensorflow

package step

import (
	"fmt"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph/tfgraph"
)

// The objective of CycleGAN (Zhu et al. 2017, section 3), with G = G_AB and F = G_BA:
//
//	L_GAN(G, D_B) + L_GAN(F, D_A)                              adversarial
//	+ lambda_A |F(G(a)) - a|_1 + lambda_B |G(F(b)) - b|_1      cycle consistency
//	+ lambda_idt (lambda_A |F(a) - a|_1 + lambda_B |G(b) - b|_1)  identity
//
// where |.|_1 is the mean of absolute differences. Instead of playing the minimax game, each side
// minimizes a loss of its own: a generator wants its discriminator to classify translated images as
// real, and a discriminator wants to classify real images as real and translated ones as fake.

// generatorLosses adds the terms G_AB, G_BA, cycle_A, cycle_B, idt_A and idt_B, whose sum both
// generators minimize, and the translated images fake_A and fake_B.
func (h *share) generatorLosses() {
	s, realA, realB := h.scope, h.realA.value, h.realB.value // [N, H, W, C] each
	identity := h.LambdaIdentity > 0
	var fakeA, fakeB, recA, recB, idtA, idtB tf.Output
	if identity && canBatch(h.gAB, realA, realB) && canBatch(h.gBA, realB, realA) {
		ab, ba := h.applyBatched(s, h.gAB, realA, realB), h.applyBatched(s, h.gBA, realB, realA)
		fakeB, idtB, fakeA, idtA = ab[0], ab[1], ba[0], ba[1]
		recA, recB = h.apply(s, h.gBA, fakeB), h.apply(s, h.gAB, fakeA)
	} else {
		// BatchNorm's running statistics change in the official code's order.
		fakeB = h.apply(s, h.gAB, realA) // G(a)
		recA = h.apply(s, h.gBA, fakeB)  // F(G(a))
		fakeA = h.apply(s, h.gBA, realB) // F(b)
		recB = h.apply(s, h.gAB, fakeA)  // G(F(b))
		if identity {
			idtA = h.apply(s, h.gBA, realA) // F(a)
			idtB = h.apply(s, h.gAB, realB) // G(b)
		}
	}

	zero := op.Const(s.SubScope("zero"), float32(0))
	lossIdtA, lossIdtB := zero, zero
	if identity {
		lossIdtA = l1(s, idtA, realA, h.LambdaA*h.LambdaIdentity)
		lossIdtB = l1(s, idtB, realB, h.LambdaB*h.LambdaIdentity)
	}
	h.losses = []tf.Output{
		h.fooling(h.apply(s, h.dB, fakeB)),
		h.fooling(h.apply(s, h.dA, fakeA)),
		l1(s, recA, realA, h.LambdaA),
		l1(s, recB, realB, h.LambdaB),
		lossIdtA,
		lossIdtB,
	}
	h.fakes = []tf.Output{fakeA, fakeB}
}

// fooling is the loss of a generator whose images got these scores, which should say real.
func (h *share) fooling(scores tf.Output) tf.Output {
	mode := h.GANMode
	if mode == Hinge {
		mode = WGANGP // -D: unlike the discriminator, the generator has no margin
	}
	return Adversarial(h.scope, mode, scores, true)
}

// discriminatorLosses adds the terms D_A and D_B: lambda_D times the losses on real and on
// translated images, plus the gradient penalty with lambda_gp. With lambda_other, real images of
// the other domain take that share of the loss on translated ones, so that a discriminator does not
// forget how the domains differ.
func (h *share) discriminatorLosses() {
	fakeA, fakeB := h.fakeA.value, h.fakeB.value // from the pools
	if h.DiscriminatorsFirst {
		fakeA = h.apply(h.scope, h.gBA, h.realB.value)
		fakeB = h.apply(h.scope, h.gAB, h.realA.value)
	}
	loss := func(d *Network, real, fake, other tf.Output) tf.Output {
		s := h.scope.SubScope("classify")
		inputs := []tf.Output{real, fake}
		if h.LambdaOther > 0 {
			inputs = append(inputs, other)
		}
		scores := h.applyBatched(s, d, inputs...)
		onReal := Adversarial(s, h.GANMode, scores[0], true)
		onFake := Adversarial(s, h.GANMode, scores[1], false)
		if h.LambdaOther > 0 {
			onOther := weighted(s.SubScope("other"), Adversarial(s, h.GANMode, scores[2], false), h.LambdaOther)
			onFake = op.AddV2(s.SubScope("fakes"), weighted(s, onFake, 1-h.LambdaOther), onOther)
		}
		loss := weighted(s, op.AddV2(s, onReal, onFake), h.LambdaD)
		if h.LambdaGP == 0 {
			return loss
		}
		// alpha of the penalty, [N, 1, 1, 1] in [0, 1)
		mix := s.SubScope("mixture")
		shape := op.Const(mix.SubScope("shape"), []int32{int32(h.batch), 1, 1, 1})
		alpha := op.StatelessRandomUniform(mix, shape, h.nextSeed(mix))
		penalty, stats := GradientPenalty(s, d, h.values(d), real, fake, alpha, h.LambdaGP)
		h.passes = append(h.passes, Pass{d, stats})
		return op.AddV2(s.SubScope("penalized"), loss, penalty)
	}
	h.losses = []tf.Output{loss(h.dA, h.realA.value, fakeA, h.realB.value), loss(h.dB, h.realB.value, fakeB, h.realA.value)}
}

// Adversarial adds the loss of a discriminator's scores, which should all say real or all say fake.
// Scores are [N, H, W, 1] or more channels, before any sigmoid.
func Adversarial(s *op.Scope, mode string, scores tf.Output, real bool) tf.Output {
	s = s.SubScope("gan")
	switch mode {
	case LSGAN:
		// Mao et al. 2017, https://arxiv.org/abs/1611.04076: (D - 1)^2 or D^2
		if real {
			scores = op.Sub(s, scores, op.Const(s.SubScope("one"), float32(1)))
		}
		return mean(s, op.Square(s, scores))
	case Vanilla:
		// Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661: -log sigmoid(D) = softplus(-D),
		// or -log(1 - sigmoid(D)) = softplus(D)
		if real {
			scores = op.Neg(s, scores)
		}
		return mean(s, softplus(s, scores))
	case WGANGP:
		// Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028, without the penalty: -D or D
		if real {
			scores = op.Neg(s, scores)
		}
		return mean(s, scores)
	case Hinge:
		// Lim and Ye 2017, https://arxiv.org/abs/1705.02894: max(0, 1 - D) or max(0, 1 + D)
		if real {
			scores = op.Neg(s, scores)
		}
		return mean(s, op.Relu(s, op.AddV2(s, scores, op.Const(s.SubScope("margin"), float32(1)))))
	}
	s.UpdateErr("adversarial", fmt.Errorf("unknown -gan_mode %q", mode))
	return tf.Output{}
}

// GradientPenalty adds WGAN-GP's penalty (Gulrajani et al. 2017, section 4,
// https://arxiv.org/abs/1704.00028), which keeps the discriminator's slope near 1 between real and
// translated images:
//
//	lambda_gp mean((|g|_2 - 1)^2)   with g = dD(x)/dx, x = alpha real + (1 - alpha) fake
//
// The mean is over the images of a batch and alpha is [N, 1, 1, 1]. D(x) is the sum of a map of
// scores, and 1e-16 is added to g, as in the official cal_gradient_penalty. The statistics are
// those of D's BatchNorm layers.
func GradientPenalty(s *op.Scope, d *Network, values map[string]tf.Output, real, fake, alpha tf.Output, lambda float64) (tf.Output, []tfgraph.BatchStatistic) {
	s = s.SubScope("gradient_penalty")
	// fake + alpha (real - fake)
	x := op.AddV2(s.SubScope("mixed"), fake, op.Mul(s, alpha, op.Sub(s, real, fake)))
	_, g, stats := tfgraph.InputGradient(s.SubScope(d.Name), d.Net, values, x) // [N, H, W, C]

	g = op.AddV2(s, g, op.Const(s.SubScope("tiny"), float32(1e-16)))
	norm := op.Sqrt(s, op.Sum(s, op.Square(s, g), op.Const(s.SubScope("image"), []int32{1, 2, 3}), op.SumKeepDims(true))) // [N, 1, 1, 1]
	excess := op.Sub(s.SubScope("excess"), norm, op.Const(s.SubScope("one"), float32(1)))
	return weighted(s, mean(s, op.Square(s.SubScope("square"), excess)), lambda), stats
}

// softplus is log(1 + exp(x)), for which graft has no function.
func softplus(s *op.Scope, x tf.Output) tf.Output {
	added := s.AddOperation(tf.OpSpec{Type: "Softplus", Input: []tf.Input{x}})
	if s.Err() != nil {
		return tf.Output{}
	}
	return added.Output(0)
}

// l1 is weight times the mean absolute difference of two images.
func l1(s *op.Scope, x, y tf.Output, weight float64) tf.Output {
	s = s.SubScope("l1")
	return weighted(s, mean(s, op.Abs(s, op.Sub(s, x, y))), weight)
}

func weighted(s *op.Scope, loss tf.Output, weight float64) tf.Output {
	s = s.SubScope("weighted")
	return op.Mul(s, loss, op.Const(s.SubScope("weight"), float32(weight)))
}

func mean(s *op.Scope, x tf.Output) tf.Output {
	s = s.SubScope("mean")
	return op.Mean(s, x, op.Const(s.SubScope("axes"), []int32{0, 1, 2, 3}))
}
