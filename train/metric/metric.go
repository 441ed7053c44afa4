// Package metric computes scores of images. Its central type is [Score].
//
// [Compare] and [Pairs] score pairs of images, such as a photograph and its reconstruction, by
// PSNR, SSIM and L1.
//
// Unpaired sets, such as translations and real images of the other domain, are compared by [SWD],
// which needs only the images, and by [FID] and [KID], which compare features that a network
// extracts (see package features).
//
//	swd, err := metric.NewSWD(128, 128, nil)
//	real, fake := swd.NewSet(), swd.NewSet()
//	err = real.Add(img) // for each image; a set can be kept and compared again
//	result, err := swd.Distance(ctx, real, fake)
//
// All scores are reproducible from the seed and the order of the images, on any machine up to
// rounding. The package is pure Go.
package metric

import (
	"fmt"
	"image"
	"math"
)

// MaxPSNR is the limit in dB of a pair's PSNR in the mean of [Pairs], since two identical images
// have +Inf. A 256x256 image with one channel of one pixel off by one level has 101 dB.
const MaxPSNR = 100

// A Pair holds the scores of one pair of images.
type Pair struct {
	L1   float64 // mean absolute difference of values from -1 (black) to 1, as in the losses
	PSNR float64 // peak signal-to-noise ratio of 8-bit values in dB; +Inf for identical images
	SSIM float64 // structural similarity, at most 1
}

// Compare scores two images of one size, 11x11 pixels or more, over red, green and blue. It ignores
// alpha.
func Compare(a, b *image.NRGBA) (Pair, error) {
	if a.Rect.Size() != b.Rect.Size() {
		return Pair{}, fmt.Errorf("images of %s and %s differ in size", size(a), size(b))
	}
	if k := len(ssimWindow); min(a.Rect.Dx(), a.Rect.Dy()) < k {
		return Pair{}, fmt.Errorf("images of %s are smaller than %dx%d, the window of SSIM", size(a), k, k)
	}
	var squares, absolute int64
	for y := range a.Rect.Dy() {
		p, q := row(a, y), row(b, y)
		for i := range p {
			if i%4 == 3 {
				continue
			}
			d := int64(p[i]) - int64(q[i])
			squares += d * d
			absolute += max(d, -d)
		}
	}
	n := 3 * float64(a.Rect.Dx()) * float64(a.Rect.Dy())
	pair := Pair{L1: float64(absolute) / n / 127.5, PSNR: Decibels(float64(squares)/n, 255)}
	for c := range 3 {
		pair.SSIM += ssim(a, b, c) / 3
	}
	return pair, nil
}

// Decibels returns the PSNR of a mean squared error, for values whose largest difference is peak.
func Decibels(mse, peak float64) float64 { return 10 * math.Log10(peak*peak/mse) }

// size returns the size of an image for messages.
func size(m *image.NRGBA) string { return fmt.Sprintf("%dx%d", m.Rect.Dx(), m.Rect.Dy()) }

// row returns the RGBA bytes of row y, counted from the top.
func row(m *image.NRGBA, y int) []byte {
	i := m.PixOffset(m.Rect.Min.X, m.Rect.Min.Y+y)
	return m.Pix[i : i+4*m.Rect.Dx()]
}

// Pairs computes the means of L1, PSNR and SSIM over pairs of images. The zero value is ready.
type Pairs struct {
	n              int
	l1, psnr, ssim float64
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
	// N is the number of scored images, NReal of the reference images if the score compares two
	// sets.
	N     int `json:"n"`
	NReal int `json:"n_real,omitempty"`
	// Higher reports whether higher is better.
	Higher bool `json:"higher"`
}
