package tiling

import "math"

// A Span gives, along one axis, the pixels of the image that a value may depend on, apart from
// borders: element i depends on those from Num/Den*i + Lo to Num/Den*i + Hi.
type Span struct {
	// Num/Den is the distance between neighbors in pixels of the image, in lowest terms: 4/1 after
	// two convolutions of stride 2.
	Num, Den int
	Lo, Hi   float64
	// Size returns the number of elements for an image of n pixels.
	Size func(n int) int
}

// pixels is the span of the image itself.
func pixels() Span { return Span{Num: 1, Den: 1, Size: func(n int) int { return n }} }

func (s Span) step() float64 { return float64(s.Num) / float64(s.Den) }

// At returns the place in the image, in pixels, of element i: the middle of what it depends on.
func (s Span) At(i int) float64 { return s.step()*float64(i) + (s.Lo+s.Hi)/2 }

// Reach is the distance in pixels, to either side, at which an element may depend on others,
// mirrored borders included.
func (s Span) Reach() int {
	const rounding = 1e-6
	return int(math.Ceil(max(-s.Lo, s.Hi, 0) - rounding))
}

func (s Span) sameStep(o Span) bool { return s.Num == o.Num && s.Den == o.Den }

// sameGrid reports whether the elements of both have the same places.
func (s Span) sameGrid(o Span) bool {
	return s.sameStep(o) && s.Lo+s.Hi == o.Lo+o.Hi && s.Size(1<<20) == o.Size(1<<20) && s.Size(1<<16) == o.Size(1<<16)
}

// scaled multiplies the distance between elements by num/den.
func (s Span) scaled(num, den int) Span {
	s.Num *= num
	s.Den *= den
	g := gcd(s.Num, s.Den)
	s.Num /= g
	s.Den /= g
	return s
}

// A window is a convolution or pooling along an axis.
type window struct {
	kernel, stride, dilation int
	begin, end               int // padding, negative to cut
}

func (w window) reach() int { return w.dilation * (w.kernel - 1) }

// windowed returns the span after w: element i sees stride*i - begin ... + reach.
func (s Span) windowed(w window) Span {
	step, size := s.step(), s.Size
	out := s.scaled(w.stride, 1)
	out.Lo += step * float64(-w.begin)
	out.Hi += step * float64(w.reach()-w.begin)
	out.Size = func(n int) int {
		last := size(n) + w.begin + w.end - w.reach() - 1
		return int(math.Floor(float64(last)/float64(w.stride))) + 1
	}
	return out
}

// transposed returns the span after the transposed convolution w with outPad more elements at the
// end: element y sees all x with stride*x - begin + dilation*j = y for a position j of the kernel.
func (s Span) transposed(w window, outPad int) Span {
	step, size := s.step(), s.Size
	out := s.scaled(1, w.stride)
	out.Lo += step * float64(w.begin-w.reach()) / float64(w.stride)
	out.Hi += step * float64(w.begin) / float64(w.stride)
	out.Size = func(n int) int { return w.stride*(size(n)-1) + outPad + w.reach() + 1 - w.begin - w.end }
	return out
}

// cut returns the span after begin and end elements are added at the two ends, or removed if
// negative.
func (s Span) cut(begin, end int) Span {
	return s.windowed(window{kernel: 1, stride: 1, dilation: 1, begin: begin, end: end})
}

// resized returns the span after a change of size by up/down, one of which is 1: element y sees
// those from y*down/up + shift - below to y*down/up + shift + above.
func (s Span) resized(up, down int, shift, below, above float64) Span {
	step, size := s.step(), s.Size
	out := s.scaled(down, up)
	out.Lo += step * (shift - below)
	out.Hi += step * (shift + above)
	out.Size = func(n int) int { return size(n) * up / down }
	return out
}

// joined returns the span of a value computed from both, element by element.
func (s Span) joined(o Span) Span {
	s.Lo, s.Hi = min(s.Lo, o.Lo), max(s.Hi, o.Hi)
	return s
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// lcm returns the least common multiple of positive numbers.
func lcm(a, b int) int { return a / gcd(a, b) * b }
