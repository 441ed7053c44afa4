// Package train trains a CycleGAN (Zhu et al. 2017, https://arxiv.org/abs/1703.10593).
//
// [Options] are the settings of a run, and [Preset] returns known recipes. A [Trainer] holds two
// generators and two discriminators in TensorFlow and trains them step by step. [Run] is the loop
// around it: it feeds the trainer and calls [Hook] functions for progress, reports, checkpoints and
// samples.
//
// G_AB translates images of domain A to B, and G_BA translates B to A. D_A classifies images of domain
// A as real or translated, and D_B those of B. (The official code's D_A classifies images of B.)
//
// Files that need TensorFlow carry the build tag "tensorflow". Options, presets, schedule and image
// pool do not.
package train
