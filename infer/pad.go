package infer

import "cyclegan/infer/pixels"

// padded gives the side that a side of n pixels is padded to.
func padded(n, multiple, smallest int) int {
	return (max(n, smallest) + multiple - 1) / multiple * multiple
}

// bounce gives the pixel that a mirror at both ends of n pixels shows at place i, the ends themselves not doubled:
// for n = 4 the places 0 1 2 3 4 5 6 7 8 show 0 1 2 3 2 1 0 1 2.
func bounce(i, n int) int {
	if n == 1 {
		return 0
	}
	period := 2 * (n - 1)
	i %= period
	return min(i, period-i)
}

// reflect fills dst, a picture of W x H pixels, with src of w x h: src stands at the top left, and its mirror images fill the rest,
// however often that takes.
func reflect(dst []float32, W, H int, src []float32, w, h int, spec pixels.Spec) {
	planes, unit := planes(spec)
	for p := range planes {
		from, to := src[p*w*h*unit:], dst[p*W*H*unit:]
		for y := range H {
			row := to[y*W*unit : (y+1)*W*unit]
			if y >= h {
				copy(row, to[bounce(y, h)*W*unit:])
				continue
			}
			copy(row, from[y*w*unit:(y+1)*w*unit])
			for x := w; x < W; x++ {
				copy(row[x*unit:(x+1)*unit], row[bounce(x, w)*unit:])
			}
		}
	}
}

// planes gives how a tensor lies in memory: in so many planes of units of so many values.
func planes(spec pixels.Spec) (planes, unit int) {
	if spec.Layout == pixels.NHWC {
		return 1, spec.Channels // one plane of pixels
	}
	return spec.Channels, 1 // each channel is a plane of single values
}
