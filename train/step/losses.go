//go:build tensorflow

package step

import (
	"fmt"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/op"

	"cyclegan/graph/tfgraph"
)

// The objective of CycleGAN (Zhu et al. 2017, section 3), with G = G_AB and
// F = G_BA:
//
//	L_GAN(G, D_B) + L_GAN(F, D_A)                              adversarial
//	+ lambda_A |F(G(a)) - a|_1 + lambda_B |G(F(b)) - b|_1      cycle consistency
//	+ lambda_idt (lambda_A |F(a) - a|_1 + lambda_B |G(b) - b|_1)  identity
//
// where |.|_1 is the mean of absolute differences. Instead of playing the
// minimax game, each side minimizes a loss of its own: a generator wants its
// discriminator to classify translated images as real, and a discriminator
// wants to classify real images as real and translated ones as fake.

// generatorLosses adds the terms G_AB, G_BA, cycle_A, cycle_B, idt_A and idt_B,
// whose sum both generators minimize. It also returns the translated images.
func (r *replica) generatorLosses(s *op.Scope, passes *[]Pass) (losses []tf.Output, fakeA, fakeB tf.Output) {
	realA, realB := r.realA.value, r.realB.value // [N, H, W, C] each
	identity := r.LambdaIdentity > 0
	var recA, recB, idtA, idtB tf.Output
	if identity && canBatch(r.gAB, realA, realB) && canBatch(r.gBA, realB, realA) {
		ab, ba := r.applyBatched(s, passes, r.gAB, realA, realB), r.applyBatched(s, passes, r.gBA, realB, realA)
		fakeB, idtB, fakeA, idtA = ab[0], ab[1], ba[0], ba[1]
		recA, recB = r.apply(s, passes, r.gBA, fakeB), r.apply(s, passes, r.gAB, fakeA)
	} else {
		// BatchNorm's running statistics change in the official code's order.
		fakeB = r.apply(s, passes, r.gAB, realA) // G(a)
		recA = r.apply(s, passes, r.gBA, fakeB)  // F(G(a))
		fakeA = r.apply(s, passes, r.gBA, realB) // F(b)
		recB = r.apply(s, passes, r.gAB, fakeA)  // G(F(b))
		if identity {
			idtA = r.apply(s, passes, r.gBA, realA) // F(a)
			idtB = r.apply(s, passes, r.gAB, realB) // G(b)
		}
	}

	zero := op.Const(s.SubScope("zero"), float32(0))
	lossIdtA, lossIdtB := zero, zero
	if identity {
		lossIdtA = l1(s, idtA, realA, r.LambdaA*r.LambdaIdentity)
		lossIdtB = l1(s, idtB, realB, r.LambdaB*r.LambdaIdentity)
	}
	losses = []tf.Output{
		Adversarial(s, r.GANMode, r.apply(s, passes, r.dB, fakeB), true),
		Adversarial(s, r.GANMode, r.apply(s, passes, r.dA, fakeA), true),
		l1(s, recA, realA, r.LambdaA),
		l1(s, recB, realB, r.LambdaB),
		lossIdtA,
		lossIdtB,
	}
	return losses, fakeA, fakeB
}

// discriminatorLosses adds the terms D_A and D_B: lambda_D times the losses on
// real and on translated images, plus the gradient penalty with lambda_gp.
func (r *replica) discriminatorLosses(s *op.Scope, passes *[]Pass, fakeA, fakeB tf.Output) []tf.Output {
	loss := func(d *Network, real, fake tf.Output) tf.Output {
		s := s.SubScope("classify")
		scores := r.applyBatched(s, passes, d, real, fake)
		onReal := Adversarial(s, r.GANMode, scores[0], true)
		onFake := Adversarial(s, r.GANMode, scores[1], false)
		loss := weighted(s, op.AddV2(s, onReal, onFake), r.LambdaD)
		if r.LambdaGP == 0 {
			return loss
		}
		penalty, stats := GradientPenalty(s, d, r.values(d), real, fake, r.mixture(s), r.LambdaGP)
		*passes = append(*passes, Pass{d, stats})
		return op.AddV2(s.SubScope("penalized"), loss, penalty)
	}
	return []tf.Output{loss(r.dA, r.realA.value, fakeA), loss(r.dB, r.realB.value, fakeB)}
}

// Adversarial adds the loss of a discriminator's scores, which should all say
// real or all say fake. Scores are [N, H, W, 1], before any sigmoid.
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
		// Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661:
		// -log sigmoid(D) = softplus(-D), or -log(1 - sigmoid(D)) = softplus(D)
		if real {
			scores = op.Neg(s, scores)
		}
		return mean(s, softplus(s, scores))
	case WGANGP:
		// Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028, without the
		// penalty: -D or D
		if real {
			scores = op.Neg(s, scores)
		}
		return mean(s, scores)
	}
	s.UpdateErr("adversarial", fmt.Errorf("unknown -gan_mode %q", mode))
	return tf.Output{}
}

// GradientPenalty adds WGAN-GP's penalty (Gulrajani et al. 2017, section 4,
// https://arxiv.org/abs/1704.00028), which keeps the discriminator's slope near
// 1 between real and translated images:
//
//	lambda_gp mean((|g|_2 - 1)^2)   with g = dD(x)/dx, x = alpha real + (1 - alpha) fake
//
// The mean is over the images of a batch and alpha is [N, 1, 1, 1]. D(x) is the
// sum of a map of scores, and 1e-16 is added to g, as in the official
// cal_gradient_penalty. The statistics are those of D's BatchNorm layers.
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
