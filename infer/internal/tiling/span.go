package tiling

import "math"

// A Span says, along one axis, which pixels of the picture a value may depend on, borders aside:
// element i on those from Num/Den*i + Lo to Num/Den*i + Hi.
type Span struct {
	// Num / Den is the distance between two neighbours in pixels of the picture, in lowest terms: 4/1 after two convolutions of stride 2.
	Num, Den int
	Lo, Hi   float64
	// Size gives how many elements there are for a picture of n pixels.
	Size func(n int) int
}

// picture is the span of the picture itself.
func picture() Span { return Span{Num: 1, Den: 1, Size: func(n int) int { return n }} }

func (s Span) step() float64 { return float64(s.Num) / float64(s.Den) }

// At gives the place in the picture, in pixels, that element i stands for: the middle of what it depends on.
func (s Span) At(i int) float64 { return s.step()*float64(i) + (s.Lo+s.Hi)/2 }

// Reach is how many pixels away an element may depend on others, to either side, mirrored borders included.
func (s Span) Reach() int {
	const rounding = 1e-6
	return int(math.Ceil(max(-s.Lo, s.Hi, 0) - rounding))
}

func (s Span) sameStep(o Span) bool { return s.Num == o.Num && s.Den == o.Den }

// sameGrid says whether the elements of both stand for the same places.
func (s Span) sameGrid(o Span) bool {
	return s.sameStep(o) && s.Lo+s.Hi == o.Lo+o.Hi && s.Size(1<<20) == o.Size(1<<20) && s.Size(1<<16) == o.Size(1<<16)
}

// scaled gives the span of elements num/den as far apart.
func (s Span) scaled(num, den int) Span {
	s.Num *= num
	s.Den *= den
	g := gcd(s.Num, s.Den)
	s.Num /= g
	s.Den /= g
	return s
}

// window is a convolution or pooling along an axis.
type window struct {
	kernel, stride, dilation int
	begin, end               int // padding, which may be negative
}

func (w window) reach() int { return w.dilation * (w.kernel - 1) }

// windowed gives the span after w: element i sees stride*i - begin ... + reach.
func (s Span) windowed(w window) Span {
	step, size := s.step(), s.Size
	out := s.scaled(w.stride, 1)
	out.Lo += step * float64(-w.begin)
	out.Hi += step * float64(w.reach()-w.begin)
	out.Size = func(n int) int { return floorDiv(size(n)+w.begin+w.end-w.reach()-1, w.stride) + 1 }
	return out
}

// transposed gives the span after the transposed convolution w with more elements at the end:
// element y sees those x for which stride*x - begin + dilation*j = y for a j of the kernel.
func (s Span) transposed(w window, more int) Span {
	step, size := s.step(), s.Size
	out := s.scaled(1, w.stride)
	out.Lo += step * float64(w.begin-w.reach()) / float64(w.stride)
	out.Hi += step * float64(w.begin) / float64(w.stride)
	out.Size = func(n int) int { return w.stride*(size(n)-1) + more + w.reach() + 1 - w.begin - w.end }
	return out
}

// cut gives the span after so many elements were put before and after it, or taken away where negative.
func (s Span) cut(begin, end int) Span {
	return s.windowed(window{kernel: 1, stride: 1, dilation: 1, begin: begin, end: end})
}

// resized gives the span after a change of size by the factor up/down, one of which is 1:
// element y sees those from y*down/up + shift - below to y*down/up + shift + above.
func (s Span) resized(up, down int, shift, below, above float64) Span {
	step, size := s.step(), s.Size
	out := s.scaled(down, up)
	out.Lo += step * (shift - below)
	out.Hi += step * (shift + above)
	out.Size = func(n int) int { return size(n) * up / down }
	return out
}

// joined gives the span of what is computed from both, element by element.
func (s Span) joined(o Span) Span {
	s.Lo, s.Hi = min(s.Lo, o.Lo), max(s.Hi, o.Hi)
	return s
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b != 0 && a < 0 {
		q--
	}
	return q
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// lcm gives the least common multiple of positive numbers.
func lcm(a, b int) int { return a / gcd(a, b) * b }
