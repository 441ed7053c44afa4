// Package metric computes scores of images. Its central type is [Score].
//
// [Compare] and [Pairs] score pairs of images, such as a photograph and its reconstruction, by [PSNR],
// [SSIM] and [L1].
//
// Unpaired sets, such as translations and real images of the other domain, are compared by [SWD], which
// needs only the images, and by [FID] and [KID], which compare features that a network extracts (see
// package features).
//
//	swd, err := metric.NewSWD(128, 128, nil)
//	real, fake := swd.NewSet(), swd.NewSet()
//	err = real.Add(img) // for each image; a set can be kept and compared again
//	result, err := swd.Distance(ctx, real, fake)
//
// All scores are reproducible from the seed and the order of the images, on any machine up to rounding.
// The package is pure Go.
package metric

import (
	"errors"
	"fmt"
	"image"
	"math"
)

// MaxPSNR is the limit in dB of a pair's PSNR in the mean of [Pairs], since two identical images have
// +Inf. A 256x256 image with one channel of one pixel off by one level has 101 dB.
const MaxPSNR = 100

// PSNR returns the peak signal-to-noise ratio of two images in dB over 8-bit red, green and blue. It
// ignores alpha. Two identical images have +Inf.
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

// L1 returns the mean absolute difference of two images over red, green and blue from -1 (black) to 1,
// as in the losses: a cycle loss is L1 times its weight. It ignores alpha.
func L1(a, b *image.NRGBA) (float64, error) {
	_, sum, err := differences(a, b)
	if err != nil {
		return 0, fmt.Errorf("L1: %w", err)
	}
	return l1(sum, a.Rect), nil
}

func l1(sum int64, r image.Rectangle) float64 { return float64(sum) / values(r) / 127.5 }

func values(r image.Rectangle) float64 { return 3 * float64(r.Dx()) * float64(r.Dy()) }

// differences sums the squared and the absolute differences of all color values.
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

// row returns the RGBA bytes of row y, counted from the top.
func row(m *image.NRGBA, y int) []byte {
	i := m.PixOffset(m.Rect.Min.X, m.Rect.Min.Y+y)
	return m.Pix[i : i+4*m.Rect.Dx()]
}

// alike returns an error if two images cannot be compared pixel by pixel.
func alike(a, b *image.NRGBA) error {
	if a == nil || b == nil || a.Rect.Empty() || b.Rect.Empty() {
		return errors.New("an image has no pixels")
	}
	if a.Rect.Size() != b.Rect.Size() {
		return fmt.Errorf("images of %dx%d and %dx%d differ in size. Fix: resize one", a.Rect.Dx(), a.Rect.Dy(), b.Rect.Dx(), b.Rect.Dy())
	}
	return nil
}

// Pairs computes the means of L1, PSNR and SSIM over pairs of images. The zero value is ready.
type Pairs struct {
	n              int
	l1, psnr, ssim float64
}

// A Pair holds the scores of one pair of images.
type Pair struct {
	L1   float64
	PSNR float64 // +Inf for identical images
	SSIM float64
}

// Compare scores a pair of images of one size, 11x11 pixels or more.
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

// Add counts a pair, with at most [MaxPSNR] dB.
func (p *Pairs) Add(q Pair) {
	p.n++
	p.l1 += q.L1
	p.psnr += min(q.PSNR, MaxPSNR)
	p.ssim += q.SSIM
}

// N returns the number of pairs.
func (p *Pairs) N() int { return p.n }

// Scores returns the means, named with prefix: "cycle_A_" for cycle_A_L1, cycle_A_PSNR and
// cycle_A_SSIM. It returns none if there are no pairs.
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

// A Score is one number about images.
type Score struct {
	// Name is the measure and the side: "cycle_A_L1", "SWD_AB" (images of G_AB against domain B).
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	// Std is the standard deviation over the subsets of KID; 0 for other scores.
	Std float64 `json:"std,omitempty"`
	// N is the number of scored images, NReal of the reference images if the score compares two sets.
	N     int `json:"n"`
	NReal int `json:"n_real,omitempty"`
	// Higher reports whether higher is better.
	Higher bool `json:"higher"`
}
