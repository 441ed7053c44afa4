package detail

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// A picture holds rows of red, green, blue and alpha.
type picture [][]uint16

func newPicture(w, h int, value func(x, y, c int) uint16) picture {
	p := make(picture, h)
	for y := range p {
		p[y] = make([]uint16, 4*w)
		for i := range p[y] {
			p[y][i] = value(i/4, y, i%4)
		}
	}
	return p
}

func noise(w, h int) picture {
	r := rand.New(rand.NewPCG(1, 2))
	return newPicture(w, h, func(_, _, _ int) uint16 { return uint16(r.Uint32()) })
}

// apply applies a change to the whole picture.
func (p picture) apply(c *Change) picture {
	out := slices.Clone(p)
	add := c.Rows(len(p[0])/4, len(p))
	for y := range p {
		out[y] = slices.Clone(p[y])
		add(out[y], y)
	}
	return out
}

func random(n int) []float32 {
	r := rand.New(rand.NewPCG(3, 4))
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(r.IntN(256)) / 255
	}
	return values
}

// guided.py computes the same with NumPy and PyTorch.
func TestReference(t *testing.T) {
	data, err := os.ReadFile("testdata/guided.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Channels, Width, Height, ImageWidth, ImageHeight int
		In, Out                                          []float32
		Image, Result                                    []uint16
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) == 0 {
		t.Fatal(len(cases), err)
	}
	for _, c := range cases {
		for i := range c.In {
			c.In[i] /= 255
		}
		size := c.ImageWidth * c.ImageHeight
		sample := func(planes []uint16, x, y, k int) uint16 {
			return planes[min(k, c.Channels-1)*size+y*c.ImageWidth+x]
		}
		img := newPicture(c.ImageWidth, c.ImageHeight, func(x, y, k int) uint16 {
			if k == 3 {
				return 12345
			}
			return sample(c.Image, x, y, k)
		})
		worst, moved := 0, 0
		for y, row := range img.apply(New(c.In, c.Out, c.Channels, c.Width, c.Height)) {
			for i, v := range row {
				if i%4 == 3 {
					if v != 12345 {
						t.Fatalf("alpha became %d", v)
					}
					continue
				}
				want := int(sample(c.Result, i/4, y, i%4))
				worst = max(worst, abs(int(v)-want))
				moved = max(moved, abs(int(img[y][i])-want))
			}
		}
		t.Logf("%dx%d, %d channels: off by %d, the change is up to %d", c.Width, c.Height, c.Channels, worst, moved)
		if worst > 1 || moved < 1000 {
			t.Errorf("%dx%d, %d channels: off by up to %d of 65535, where the change is up to %d", c.Width, c.Height, c.Channels, worst, moved)
		}
	}
}

// Where nothing changes, the picture stays as it is, to the last bit.
func TestIdentity(t *testing.T) {
	for _, channels := range []int{1, 3} {
		in := random(channels * 9 * 7)
		img := noise(61, 40)
		if channels == 1 {
			img = newPicture(61, 40, func(x, y, _ int) uint16 { return uint16(x*1000 + y) })
		}
		for y, row := range img.apply(New(in, in, channels, 9, 7)) {
			if !slices.Equal(row, img[y]) {
				t.Fatalf("%d channels: row %d changed", channels, y)
			}
		}
	}
}

// An equal change of every pixel is added exactly, and values are clamped.
func TestConstantChange(t *testing.T) {
	const w, h = 9, 7
	shifts := []float32{0.25, -0.125, 0.5}
	for _, in := range [][]float32{random(3 * w * h), slices.Repeat([]float32{0.5}, 3*w*h)} {
		out := slices.Clone(in)
		for i := range out {
			out[i] += shifts[i/(w*h)]
		}
		img := noise(31, 50)
		for y, row := range img.apply(New(in, out, 3, w, h)) {
			for i, v := range row {
				if i%4 == 3 {
					continue
				}
				want := min(max(float64(img[y][i])+float64(shifts[i%4])*65535, 0), 65535)
				if d := float64(v) - want; d > 1 || d < -1 {
					t.Fatalf("%d became %d, want %g", img[y][i], v, want)
				}
			}
		}
	}
}

// Each side of an edge keeps its own change up to the edge, which is sharper in the picture than
// the copy can show.
func TestEdge(t *testing.T) {
	const w, h, scale = 32, 8, 16
	in, out := make([]float32, 3*w*h), make([]float32, 3*w*h)
	for i := range in {
		in[i], out[i] = 0.2, 0.3
		if i%w >= w/2 {
			in[i], out[i] = 0.8, 0.6
		}
	}
	img := newPicture(w*scale, h*scale, func(x, _, _ int) uint16 {
		if x >= w*scale/2 {
			return 52428
		}
		return 13107
	})
	worst := 0
	for _, row := range img.apply(New(in, out, 3, w, h)) {
		for x := range w * scale {
			want := 19661
			if x >= w*scale/2 {
				want = 39321
			}
			worst = max(worst, abs(int(row[4*x])-want))
		}
	}
	t.Logf("off by up to %.1f of 255 levels", float64(worst)/257)
	if worst > 4*257 {
		t.Errorf("off by up to %.1f of 255 levels", float64(worst)/257)
	}
}

func abs(n int) int { return max(n, -n) }

func BenchmarkRows(b *testing.B) {
	const w, h = 3840, 256
	c := New(random(3*114*64), random(3*114*64), 3, 114, 64)
	row := noise(w, 1)[0]
	add := c.Rows(w, h)
	b.SetBytes(w * h)
	for b.Loop() {
		for y := range h {
			add(row, y)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	in, out := random(3*456*256), random(3*456*256)
	for b.Loop() {
		New(in, out, 3, 456, 256)
	}
}
