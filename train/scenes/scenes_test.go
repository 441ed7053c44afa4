package scenes

import (
	"bytes"
	"fmt"
	"image"
	"math"
	"testing"

	"cyclegan/infer/pixels"
)

// mean returns the mean color of the rows from y0 to y1, which are shares of the height.
func mean(m *image.NRGBA, y0, y1 float64) (r, g, b float64) {
	h := float64(m.Rect.Dy())
	n := 0.0
	for y := int(y0 * h); y < int(y1*h); y++ {
		for x := range m.Rect.Dx() {
			c := m.NRGBAAt(x, y)
			r, g, b, n = r+float64(c.R), g+float64(c.G), b+float64(c.B), n+1
		}
	}
	return r / n, g / n, b / n
}

// apart returns the mean absolute difference of two images in levels.
func apart(a, b *image.NRGBA) float64 {
	sum := 0.0
	for i := range a.Pix {
		sum += math.Abs(float64(a.Pix[i]) - float64(b.Pix[i]))
	}
	return sum / float64(len(a.Pix)) * 4 / 3 // the alpha channels are equal
}

func TestDrawIsReproducible(t *testing.T) {
	for _, s := range []Season{Summer, Winter} {
		a, b := Draw(3, 14, s, 72, 60), Draw(3, 14, s, 72, 60)
		if !bytes.Equal(a.Pix, b.Pix) {
			t.Errorf("%v: two drawings of one scene differ", s)
		}
		if !a.Opaque() {
			t.Errorf("%v: the drawing is not opaque", s)
		}
	}
}

func TestDrawSizes(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {3, 200}, {300, 3}, {72, 72}, {161, 90}} {
		m := Draw(1, 2, Winter, size[0], size[1])
		if m.Rect != image.Rect(0, 0, size[0], size[1]) || !m.Opaque() {
			t.Errorf("%v: bounds %v", size, m.Rect)
		}
	}
	for _, size := range [][2]int{{0, 5}, {5, -1}, {4097, 1}} {
		if m := Draw(1, 2, Summer, size[0], size[1]); !m.Rect.Empty() {
			t.Errorf("%v: bounds %v, want none", size, m.Rect)
		}
	}
	// A scene looks the same at every size, and different from another scene.
	for i := range uint64(10) {
		large := pixels.Resize(Draw(1, i, Season(i%2), 300, 300), 75, 75)
		same, other := apart(large, Draw(1, i, Season(i%2), 75, 75)), apart(large, Draw(1, i+1, Season(i%2), 75, 75))
		if same > 6 || same > other/2 {
			t.Errorf("scene %d: its small and large drawings differ by %.1f levels, two scenes by %.1f", i, same, other)
		}
	}
}

// Summer has a blue sky over green ground, winter a paler and grayer sky over white ground.
func TestSeasonColours(t *testing.T) {
	for i := range uint64(60) {
		summer, winter := Draw(1, i, Summer, 64, 64), Draw(1, i, Winter, 64, 64)
		r, g, b := mean(summer, 0.75, 1)
		if g < r+15 || g < b+40 {
			t.Errorf("scene %d: the ground in summer is %.0f %.0f %.0f, want green", i, r, g, b)
		}
		wr, wg, wb := mean(winter, 0.75, 1)
		if min(wr, wg, wb) < 130 || wr+wg+wb < r+g+b+150 {
			t.Errorf("scene %d: the ground in winter is %.0f %.0f %.0f, want snow", i, wr, wg, wb)
		}
		sr, _, sb := mean(summer, 0, 0.2)
		vr, _, vb := mean(winter, 0, 0.2)
		if sb-sr < vb-vr {
			t.Errorf("scene %d: the winter sky is bluer than the summer sky", i)
		}
	}
}

// The edges of a scene match those of its counterpart better than those of any other scene.
func TestCounterpartSharesGeometry(t *testing.T) {
	const n, side = 24, 64
	edges := func(s Season, i int) []float64 {
		m := Draw(1, uint64(i), s, side, side)
		var e []float64
		for y := 1; y < side; y++ {
			for x := 1; x < side; x++ {
				d := 0.0
				for c := range 3 {
					p := m.Pix[m.PixOffset(x, y)+c]
					d += math.Abs(float64(p)-float64(m.Pix[m.PixOffset(x-1, y)+c])) + math.Abs(float64(p)-float64(m.Pix[m.PixOffset(x, y-1)+c]))
				}
				e = append(e, min(d, 200))
			}
		}
		return e
	}
	var summers, winters [][]float64
	for i := range n {
		summers, winters = append(summers, edges(Summer, i)), append(winters, edges(Winter, i))
	}
	right := 0
	for i := range n {
		best, at := -1.0, 0
		for j := range n {
			if c := correlation(summers[i], winters[j]); c > best {
				best, at = c, j
			}
		}
		if at == i {
			right++
		}
	}
	if right != n {
		t.Errorf("edges identify the counterpart of %d scenes of %d", right, n)
	}
}

func correlation(a, b []float64) float64 {
	var ma, mb float64
	for i := range a {
		ma, mb = ma+a[i]/float64(len(a)), mb+b[i]/float64(len(b))
	}
	var ab, aa, bb float64
	for i := range a {
		x, y := a[i]-ma, b[i]-mb
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Sqrt(aa*bb)
}

func TestScenesVary(t *testing.T) {
	const n = 40
	var all []*image.NRGBA
	for i := range uint64(n) {
		all = append(all, Draw(1, i, Summer, 32, 32))
	}
	all = append(all, Draw(2, 0, Summer, 32, 32))
	for i := range all {
		for j := range i {
			if d := apart(all[i], all[j]); d < 8 {
				t.Errorf("scenes %d and %d differ by only %.1f levels", i, j, d)
			}
		}
	}
}

func BenchmarkDraw(b *testing.B) {
	for _, side := range []int{72, 256} {
		b.Run(fmt.Sprint(side), func(b *testing.B) {
			b.SetBytes(int64(4 * side * side))
			b.ReportAllocs()
			i := uint64(0)
			for b.Loop() {
				Draw(1, i, Season(i%2), side, side)
				i++
			}
		})
	}
}
