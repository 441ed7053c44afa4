// Package fastconv rewrites convolutions of an ONNX model into other operators that compute the same, and that ONNX Runtime is faster at on a processor.
//
// Those of 3x3 get the form of Winograd and of Lavin and Gray (https://arxiv.org/abs/1509.09308), F(4x4, 3x3): each tile of 6x6 inputs gives 4x4 outputs
// by 36 multiplications a pair of channels in the place of 144, and these are 36 products of matrices.
// A wide one that gives few channels, such as a generator's last, is cut into a column and a row.
//
// Most of a ResNet generator's work is such convolutions: it takes less than 3/5 of the time. What comes out differs by rounding:
// some 1e-5 of the largest value, where the direct form has 1e-6.
package fastconv
