package metric

import (
	"errors"
	"fmt"
	"image"
	"math"
)

// MaxPSNR is what [Pairs] counts a pair for whose PSNR is greater, in dB: two
// identical pictures are infinitely alike, and would make any mean infinite.
// A picture of 256x256 with one channel of one pixel a level off has 101 dB.
const MaxPSNR = 100

// PSNR is the peak signal-to-noise ratio of two pictures in dB, over red,
// green and blue in 8 bits (white is 255); alpha is ignored. Two identical
// pictures give +Inf.
func PSNR(a, b *image.NRGBA) (float64, error) {
	sum, _, err := differences(a, b)
	if err != nil {
		return 0, fmt.Errorf("PSNR: %w", err)
	}
	return psnr(sum, a.Rect), nil
}

func psnr(squares int64, r image.Rectangle) float64 {
	if squares == 0 {
		return math.Inf(1)
	}
	mse := float64(squares) / values(r)
	return 10 * math.Log10(255*255/mse)
}

// L1 is the mean absolute difference of two pictures over red, green and blue,
// where black is -1 and white 1, so from 0 to 2: the unit of the losses, of
// which a cycle loss is this times its weight. Alpha is ignored.
func L1(a, b *image.NRGBA) (float64, error) {
	_, sum, err := differences(a, b)
	if err != nil {
		return 0, fmt.Errorf("L1: %w", err)
	}
	return l1(sum, a.Rect), nil
}

func l1(sum int64, r image.Rectangle) float64 { return float64(sum) / values(r) / 127.5 }

// values counts the colour values of a picture.
func values(r image.Rectangle) float64 { return 3 * float64(r.Dx()) * float64(r.Dy()) }

// differences sums the squared and the absolute differences of all colour values.
func differences(a, b *image.NRGBA) (squares, absolute int64, err error) {
	if err := alike(a, b); err != nil {
		return 0, 0, err
	}
	w := a.Rect.Dx()
	for y := range a.Rect.Dy() {
		p, q := row(a, y), row(b, y)
		for x := range w {
			for c := 4 * x; c < 4*x+3; c++ {
				d := int64(p[c]) - int64(q[c])
				squares += d * d
				absolute += max(d, -d)
			}
		}
	}
	return squares, absolute, nil
}

// row gives the RGBA bytes of row y, counted from the picture's top.
func row(m *image.NRGBA, y int) []byte {
	i := m.PixOffset(m.Rect.Min.X, m.Rect.Min.Y+y)
	return m.Pix[i : i+4*m.Rect.Dx()]
}

// alike says why two pictures can't be compared pixel by pixel.
func alike(a, b *image.NRGBA) error {
	if a == nil || b == nil || a.Rect.Empty() || b.Rect.Empty() {
		return errors.New("a picture has no pixels")
	}
	if a.Rect.Size() != b.Rect.Size() {
		return fmt.Errorf("pictures of %dx%d and %dx%d differ in size: bring both to one size first", a.Rect.Dx(), a.Rect.Dy(), b.Rect.Dx(), b.Rect.Dy())
	}
	return nil
}

// Pairs gathers the means of L1, PSNR and SSIM over pairs of pictures. The zero
// value is ready.
type Pairs struct {
	n              int
	l1, psnr, ssim float64
}

// A Pair is what is measured of one pair of pictures.
type Pair struct {
	L1   float64
	PSNR float64 // +Inf for two identical pictures
	SSIM float64
}

// Compare measures a pair of pictures of one size, 11x11 pixels or more.
func Compare(a, b *image.NRGBA) (Pair, error) {
	squares, absolute, err := differences(a, b)
	if err != nil {
		return Pair{}, err
	}
	s, err := SSIM(a, b)
	if err != nil {
		return Pair{}, err
	}
	return Pair{L1: l1(absolute, a.Rect), PSNR: psnr(squares, a.Rect), SSIM: s}, nil
}

// Add counts a measured pair, with at most [MaxPSNR] dB.
func (p *Pairs) Add(q Pair) {
	p.n++
	p.l1 += q.L1
	p.psnr += min(q.PSNR, MaxPSNR)
	p.ssim += q.SSIM
}

// N is how many pairs have been counted.
func (p *Pairs) N() int { return p.n }

// Scores gives the means under names that begin with prefix, as in
// "cycle_A_" for cycle_A_L1, cycle_A_PSNR and cycle_A_SSIM; none for no pairs.
func (p *Pairs) Scores(prefix string) []Score {
	if p.n == 0 {
		return nil
	}
	n := float64(p.n)
	return []Score{
		{Name: prefix + "L1", Value: p.l1 / n, N: p.n},
		{Name: prefix + "PSNR", Value: p.psnr / n, N: p.n, Higher: true},
		{Name: prefix + "SSIM", Value: p.ssim / n, N: p.n, Higher: true},
	}
}
