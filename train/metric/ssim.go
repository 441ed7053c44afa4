package metric

import (
	"image"
	"math"
)

const (
	ssimRadius = 5 // of the window, which is 11x11
	ssimSigma  = 1.5
)

// ssimWindow is the Gaussian along one axis, with sum 1.
var ssimWindow = func() (w [2*ssimRadius + 1]float64) {
	sum := 0.0
	for i := range w {
		d := float64(i - ssimRadius)
		w[i] = math.Exp(-d * d / (2 * ssimSigma * ssimSigma))
		sum += w[i]
	}
	for i := range w {
		w[i] /= sum
	}
	return w
}()

// moments are the means of a, b, a*a, b*b and a*b over the window's width, for one row.
type moments [5][]float64

// ssim returns the structural similarity of one channel (Wang et al. 2004): the mean over all 11x11
// Gaussian windows within the image, with sigma 1.5, K1 = 0.01, K2 = 0.03 and white 255. The mean
// over the channels equals scikit-image's structural_similarity with gaussian_weights=True,
// sigma=1.5, use_sample_covariance=False and data_range=255. It keeps only the rows of one window.
func ssim(a, b *image.NRGBA, channel int) float64 {
	const k = len(ssimWindow)
	w, h := a.Rect.Dx(), a.Rect.Dy()
	out := w - k + 1
	var rows [k]moments
	for i := range rows {
		for j := range rows[i] {
			rows[i][j] = make([]float64, out)
		}
	}
	var wide, tall moments
	for j := range wide {
		wide[j], tall[j] = make([]float64, w), make([]float64, out)
	}
	sum := 0.0
	for y := range h {
		p, q := row(a, y), row(b, y)
		for x := range w {
			u, v := float64(p[4*x+channel]), float64(q[4*x+channel])
			wide[0][x], wide[1][x], wide[2][x], wide[3][x], wide[4][x] = u, v, u*u, v*v, u*v
		}
		for j, src := range wide {
			dst := rows[y%k][j]
			clear(dst)
			for t, weight := range ssimWindow {
				for x, v := range src[t : t+out] {
					dst[x] += weight * v
				}
			}
		}
		if y < k-1 {
			continue
		}
		for j, dst := range tall {
			clear(dst)
			for t, weight := range ssimWindow {
				for x, v := range rows[(y-k+1+t)%k][j] {
					dst[x] += weight * v
				}
			}
		}
		for x := range out {
			sum += similarity(tall[0][x], tall[1][x], tall[2][x], tall[3][x], tall[4][x])
		}
	}
	return sum / (float64(out) * float64(h-k+1))
}

// similarity returns the index of one window from its means.
func similarity(a, b, aa, bb, ab float64) float64 {
	const c1, c2 = (0.01 * 255) * (0.01 * 255), (0.03 * 255) * (0.03 * 255)
	return (2*a*b + c1) * (2*(ab-a*b) + c2) / ((a*a + b*b + c1) * (aa - a*a + bb - b*b + c2))
}
