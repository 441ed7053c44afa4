// Package tiling prepares a network for pictures that go through it in parts. Its central type is [Network]: what was learnt of an ONNX file.
//
// Two things make the parts of a picture differ from the picture as a whole. A part ends where the picture goes on, which the convolutions see:
// [Analyze] finds how far they see, so that parts can be cut with as much margin. And instance normalization
// (https://arxiv.org/abs/1607.08022) takes the mean and the variance of each channel over what it is given:
// [Network.Joint] gives a model that takes them over many parts at once, [Network.Fixed] one that is told them, and [Network.Observed] one
// that also says how far off they were.
package tiling
