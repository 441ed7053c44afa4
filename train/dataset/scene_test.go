package dataset

import (
	"bytes"
	"fmt"
	"image"
	"math"
	"testing"

	"cyclegan/infer/pixels"
)

// mean is the mean colour of rows y0 to y1, as parts of the height.
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

// apart is the mean absolute difference of two pictures, in levels.
func apart(a, b *image.NRGBA) float64 {
	sum := 0.0
	for i := range a.Pix {
		sum += math.Abs(float64(a.Pix[i]) - float64(b.Pix[i]))
	}
	return sum / float64(len(a.Pix)) * 4 / 3 // alpha never differs
}

func TestSceneRepeats(t *testing.T) {
	for _, s := range []Season{Summer, Winter} {
		a, b := Scene(3, 14, s, 72, 60), Scene(3, 14, s, 72, 60)
		if !bytes.Equal(a.Pix, b.Pix) {
			t.Errorf("%v: two drawings differ", s)
		}
		if !a.Opaque() {
			t.Errorf("%v: drawing is not opaque", s)
		}
	}
}

func TestSceneSizes(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {3, 200}, {300, 3}, {72, 72}, {161, 90}} {
		m := Scene(1, 2, Winter, size[0], size[1])
		if m.Rect != image.Rect(0, 0, size[0], size[1]) || !m.Opaque() {
			t.Errorf("%v: bounds %v", size, m.Rect)
		}
	}
	for _, size := range [][2]int{{0, 5}, {5, -1}, {4097, 1}} {
		if m := Scene(1, 2, Summer, size[0], size[1]); !m.Rect.Empty() {
			t.Errorf("%v: bounds %v, want none", size, m.Rect)
		}
	}
	// One scene is one picture, at whatever size it is drawn; another is not.
	for i := range uint64(10) {
		large := pixels.Resize(Scene(1, i, Season(i%2), 300, 300), 75, 75)
		same, other := apart(large, Scene(1, i, Season(i%2), 75, 75)), apart(large, Scene(1, i+1, Season(i%2), 75, 75))
		if same > 6 || same > other/2 {
			t.Errorf("scene %d: drawn small it is %.1f levels from itself drawn large, another scene %.1f", i, same, other)
		}
	}
}

// What the seasons are to look like: blue sky over green ground; a paler,
// grayer sky over white ground.
func TestSceneSeasons(t *testing.T) {
	for i := range uint64(60) {
		summer, winter := Scene(1, i, Summer, 64, 64), Scene(1, i, Winter, 64, 64)
		r, g, b := mean(summer, 0.75, 1)
		if g < r+15 || g < b+40 {
			t.Errorf("scene %d: summer's ground has colour %.0f %.0f %.0f, not green", i, r, g, b)
		}
		wr, wg, wb := mean(winter, 0.75, 1)
		if min(wr, wg, wb) < 130 || wr+wg+wb < r+g+b+150 {
			t.Errorf("scene %d: winter's ground has colour %.0f %.0f %.0f, not of snow", i, wr, wg, wb)
		}
		sr, _, sb := mean(summer, 0, 0.2)
		vr, _, vb := mean(winter, 0, 0.2)
		if sb-sr < vb-vr {
			t.Errorf("scene %d: winter's sky is bluer than summer's", i)
		}
	}
}

// The counterpart has its edges where the scene has them, unlike other scenes.
func TestSceneCounterpartSharesGeometry(t *testing.T) {
	const n, side = 24, 64
	edges := func(s Season, i int) []float64 {
		m := Scene(1, uint64(i), s, side, side)
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
		t.Errorf("edges tell the counterpart of %d scenes in %d", right, n)
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
		all = append(all, Scene(1, i, Summer, 32, 32))
	}
	all = append(all, Scene(2, 0, Summer, 32, 32))
	for i := range all {
		for j := range i {
			if d := apart(all[i], all[j]); d < 8 {
				t.Errorf("scenes %d and %d differ by %.1f levels on average", i, j, d)
			}
		}
	}
}

func TestBuiltInScenes(t *testing.T) {
	o := DefaultOptions()
	o.ScenesA, o.ScenesB, o.ScenesTest, o.LoadSize, o.CropSize, o.BatchSize = 9, 5, 4, 20, 16, 2
	d := open(t, o)
	if a, b := d.Domains(); a != "summer" || b != "winter" || d.Len() != 9 || d.TestA().Len() != 4 || d.TestA().FromTrain {
		t.Errorf("%v: domains %s, %s", d, a, b)
	}
	want := run(t, d, 0, 12)
	o.NumThreads, o.MemoryBytes = 1, 3000
	sameRuns(t, "scenes with other threads and memory", run(t, open(t, o), 4, 8), want[4:])
	if s := d.Stats(); s.Decoded != 14 {
		t.Errorf("%d drawings of 14 scenes", s.Decoded)
	}

	// No scene is in two sets, whatever its season.
	seen := map[string]string{}
	for _, s := range []*Set{d.TrainA(), d.TrainB(), d.TestA(), d.TestB()} {
		for i := range s.Len() {
			src := s.d.source.(*sceneSource)
			key := fmt.Sprint(src.first + uint64(i))
			if seen[key] != "" {
				t.Errorf("%s and %s are one scene", seen[key], s.Name(i))
			}
			seen[key] = s.Name(i)
		}
	}

	o.Direction = BtoA
	swapped := open(t, o)
	if a, b := swapped.Domains(); a != "winter" || b != "summer" || swapped.TrainA().Len() != 5 {
		t.Errorf("BtoA: domains %s, %s, %v", a, b, swapped)
	}
	x, err := d.TrainB().Image(3, 24, 24)
	if err != nil {
		t.Fatal(err)
	}
	y, err := swapped.TrainA().Image(3, 24, 24)
	if err != nil || !bytes.Equal(x.Pix, y.Pix) {
		t.Errorf("BtoA does not show the same winters: %v", err)
	}
	o.MaxDatasetSize = 3
	if d := open(t, o); d.Len() != 3 {
		t.Errorf("max_dataset_size 3 leaves %d pairs", d.Len())
	}
}

func BenchmarkScene(b *testing.B) {
	for _, side := range []int{72, 256} {
		b.Run(fmt.Sprint(side), func(b *testing.B) {
			b.SetBytes(int64(4 * side * side))
			b.ReportAllocs()
			i := uint64(0)
			for b.Loop() {
				Scene(1, i, Season(i%2), side, side)
				i++
			}
		})
	}
}
