// Package train trains a CycleGAN (Zhu et al. 2017,
// https://arxiv.org/abs/1703.10593): two generators that translate pictures of
// domain A to domain B and back, and two discriminators that tell a domain's
// real pictures from translated ones, learnt from unpaired pictures.
//
// [Options] says everything about a run; [Preset] gives the known recipes.
// [Trainer] holds the four networks on TensorFlow and makes one step at a
// time. [Run] is the loop around it: it feeds the trainer and calls [Hooks],
// to which progress, reports, checkpoints and samples are attached from
// outside.
//
// G_AB translates A to B, G_BA B to A; D_A judges pictures of domain A, D_B of
// domain B. (The official code calls the discriminator of B's pictures D_A.)
//
// The parts that run TensorFlow carry the build tag "tensorflow"; options,
// schedule, image pool and checkpoint files do without it.
package train
