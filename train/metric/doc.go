// Package metric judges pictures by numbers.
//
// Pairs of pictures, such as a photograph and its translation there and back:
// [PSNR], [SSIM] and [L1], and [Pairs] for the means over many.
//
// Two sets of pictures without pairs, such as translations and real pictures
// of the other domain: [SWD], which needs nothing but the pictures, and [FID]
// and [KID], which compare features that a network gives (package features
// gets them from an ONNX model).
//
//	swd, err := metric.NewSWD(128, 128, nil)
//	real, fake := swd.NewSet(), swd.NewSet()
//	err = real.Add(picture) // for each; a set may be kept and compared again
//	result, err := swd.Distance(ctx, real, fake)
//
// Everything is deterministic: a seed and the order of the pictures give the
// numbers, on any machine to within rounding. The package is pure Go.
package metric
