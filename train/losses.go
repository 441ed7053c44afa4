//go:build tensorflow

package train

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
// where |.|_1 is the mean of absolute differences. In place of the minimax game
// each side minimises a loss of its own: a generator wants its discriminator
// to say "real" of translated pictures, a discriminator to say "real" of real
// pictures and "fake" of translated ones.

// generatorLosses are the terms G_AB, G_BA, cycle_A, cycle_B, idt_A, idt_B, of
// which the sum is minimised by both generators, and the translated pictures.
func (r *replica) generatorLosses(s *op.Scope, passes *[]pass) (losses []tf.Output, fakeA, fakeB tf.Output) {
	o := r.opts
	identity := o.LambdaIdentity > 0
	var recA, recB, sameA, sameB tf.Output
	if identity && r.together(r.gAB, r.realA.value, r.realB.value) && r.together(r.gBA, r.realB.value, r.realA.value) {
		ab, ba := r.applyTogether(s, passes, r.gAB, r.realA.value, r.realB.value), r.applyTogether(s, passes, r.gBA, r.realB.value, r.realA.value)
		fakeB, sameB, fakeA, sameA = ab[0], ab[1], ba[0], ba[1]
		recA, recB = r.apply(s, passes, r.gBA, fakeB), r.apply(s, passes, r.gAB, fakeA)
	} else {
		// The official code's order, in which BatchNorm's running statistics move.
		fakeB = r.apply(s, passes, r.gAB, r.realA.value)
		recA = r.apply(s, passes, r.gBA, fakeB)
		fakeA = r.apply(s, passes, r.gBA, r.realB.value)
		recB = r.apply(s, passes, r.gAB, fakeA)
		if identity {
			sameA, sameB = r.apply(s, passes, r.gBA, r.realA.value), r.apply(s, passes, r.gAB, r.realB.value)
		}
	}

	zero := op.Const(s.SubScope("zero"), float32(0))
	idtA, idtB := zero, zero
	if identity {
		idtA, idtB = l1(s, sameA, r.realA.value, o.LambdaA*o.LambdaIdentity), l1(s, sameB, r.realB.value, o.LambdaB*o.LambdaIdentity)
	}
	losses = []tf.Output{
		adversarial(s, o.GANMode, r.apply(s, passes, r.dB, fakeB), true),
		adversarial(s, o.GANMode, r.apply(s, passes, r.dA, fakeA), true),
		l1(s, recA, r.realA.value, o.LambdaA),
		l1(s, recB, r.realB.value, o.LambdaB),
		idtA,
		idtB,
	}
	return losses, fakeA, fakeB
}

// discriminatorLosses are the terms D_A and D_B, each lambda_D times the loss
// of judging real pictures plus that of judging translated ones. To these
// comes, with lambda_gp, the gradient penalty, which lambda_D leaves alone.
func (r *replica) discriminatorLosses(s *op.Scope, passes *[]pass, fakeA, fakeB tf.Output) []tf.Output {
	loss := func(d *player, real, fake tf.Output) tf.Output {
		s := s.SubScope("judge")
		scores := r.applyTogether(s, passes, d, real, fake)
		onReal := adversarial(s, r.opts.GANMode, scores[0], true)
		onFake := adversarial(s, r.opts.GANMode, scores[1], false)
		loss := weighted(s, op.AddV2(s, onReal, onFake), r.opts.LambdaD)
		if r.opts.LambdaGP == 0 {
			return loss
		}
		return op.AddV2(s.SubScope("penalized"), loss, r.gradientPenalty(s, passes, d, real, fake, r.mixture(s)))
	}
	return []tf.Output{loss(r.dA, r.realA.value, fakeA), loss(r.dB, r.realB.value, fakeB)}
}

// adversarial is the loss of a discriminator's scores, all of which should say
// real, or all of which should say fake. Scores are [N, H, W, 1] without a
// sigmoid.
func adversarial(s *op.Scope, mode string, scores tf.Output, real bool) tf.Output {
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
		// -log sigmoid(D) or -log(1 - sigmoid(D)), which are softplus(-D) and softplus(D)
		if real {
			scores = op.Neg(s, scores)
		}
		return mean(s, softplus(s, scores))
	case WGANGP:
		// Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028, the critic's
		// part: -D or D
		if real {
			scores = op.Neg(s, scores)
		}
		return mean(s, scores)
	}
	s.UpdateErr("adversarial", fmt.Errorf("-gan_mode %q is unknown", mode))
	return tf.Output{}
}

// gradientPenalty is WGAN-GP's (Gulrajani et al. 2017, section 4,
// https://arxiv.org/abs/1704.00028), which holds the judge's slope at 1
// between real and translated pictures:
//
//	lambda_gp mean((|g|_2 - 1)^2)   with g = dD(x)/dx, x = alpha real + (1 - alpha) fake
//
// where the mean is over the pictures of a batch and alpha is [N, 1, 1, 1]. A
// map of scores counts as their sum, and g has 1e-16 added to it, as in the
// official cal_gradient_penalty.
func (r *replica) gradientPenalty(s *op.Scope, passes *[]pass, d *player, real, fake, alpha tf.Output) tf.Output {
	s = s.SubScope("gradient_penalty")
	// fake + alpha (real - fake)
	x := op.AddV2(s.SubScope("mixed"), fake, op.Mul(s, alpha, op.Sub(s, real, fake)))
	_, g, stats := tfgraph.InputGradient(s.SubScope(d.name), d.net, r.values(d), x)
	*passes = append(*passes, pass{d, stats})

	g = op.AddV2(s, g, op.Const(s.SubScope("tiny"), float32(1e-16)))
	length := op.Sqrt(s, op.Sum(s, op.Square(s, g), op.Const(s.SubScope("picture"), []int32{1, 2, 3}), op.SumKeepDims(true)))
	excess := op.Sub(s.SubScope("excess"), length, op.Const(s.SubScope("one"), float32(1)))
	return weighted(s, mean(s, op.Square(s.SubScope("square"), excess)), r.opts.LambdaGP)
}

// softplus is log(1 + exp(x)), for which graft has no function.
func softplus(s *op.Scope, x tf.Output) tf.Output {
	added := s.AddOperation(tf.OpSpec{Type: "Softplus", Input: []tf.Input{x}})
	if s.Err() != nil {
		return tf.Output{}
	}
	return added.Output(0)
}

// l1 is weight times the mean absolute difference of two pictures.
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
