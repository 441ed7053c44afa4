// Package scenes draws the built-in data set: random landscapes in summer and in winter. Its
// central function is [Draw].
//
//	img := scenes.Draw(1, 42, scenes.Winter, 256, 256)
package scenes

import (
	"image"
	"math"
	"math/rand/v2"

	"cyclegan/train/internal/random"
)

// Season is one of the two domains.
type Season int

const (
	Summer Season = iota
	Winter
)

func (s Season) String() string { return pick(s, "summer", "winter") }

// Other returns the opposite season.
func (s Season) Other() Season { return pick(s, Winter, Summer) }

// pick returns summer or winter, whichever s is.
func pick[T any](s Season, summer, winter T) T {
	if s == Winter {
		return winter
	}
	return summer
}

// MaxSide is the longest side of a scene in pixels. It keeps the canvas below 1 GB.
const MaxSide = 4096

// randomPurpose keeps the random numbers of scenes apart from those that package dataset draws from
// the same seed. Changing it changes every scene.
const randomPurpose = 5

// Draw draws landscape number index of the series that belongs to seed. Sides go from 1 to MaxSide;
// other sizes return an empty image. The season changes only colors and surfaces: mountains,
// trees, shores and clouds keep their places, so the same index in the other season is the true
// counterpart.
func Draw(seed, index uint64, season Season, w, h int) *image.NRGBA {
	if min(w, h) < 1 || max(w, h) > MaxSide {
		return &image.NRGBA{}
	}
	c := newCanvas(w, h)
	newLandscape(random.New(seed, randomPurpose, index, 0), season, c).draw()
	return c.image(w, h)
}

// landscape is the plan of one scene. Lengths are in image heights; y grows downwards from 0 to 1,
// and x goes from 0 to the canvas's width.
type landscape struct {
	*canvas
	season Season
	rnd    *rand.Rand
	noise  *noise

	horizon float64 // where sky and ground meet
	near    float64 // where the foreground begins
	light   float64 // -1 from the left, 1 from the right
	warmth  float64 // -1..1, of the day's light
	lake    bool
	haze    color
}

func newLandscape(rnd *rand.Rand, season Season, c *canvas) *landscape {
	l := &landscape{canvas: c, season: season, rnd: rnd, noise: newNoise(rnd)}
	l.horizon = l.between(0.44, 0.62)
	l.near = l.horizon + l.between(0.15, 0.24)
	l.light = 1
	if l.chance(0.5) {
		l.light = -1
	}
	l.warmth = l.between(-1, 1)
	l.lake = l.chance(0.45)
	return l
}

// between and chance draw the next random number. Both seasons must draw the same numbers in the
// same order, or their scenes would differ in shape.
func (l *landscape) between(lo, hi float64) float64 { return lo + (hi-lo)*l.rnd.Float64() }
func (l *landscape) chance(p float64) bool          { return l.rnd.Float64() < p }

// draw paints from back to front.
func (l *landscape) draw() {
	l.sky()
	l.mountains()
	l.hills()
	l.meadow(level(l.horizon), l.horizon)
	l.treeLine()
	rise, path := l.chance(0.5), l.chance(0.45)
	if l.lake {
		l.water()
	} else if path {
		l.path()
	}
	if l.chance(0.3) {
		l.cabin()
	}
	l.scattered()
	if rise && (l.lake || !path) {
		l.knoll()
	}
	l.grove()
	l.flowers()
}

// noise is value noise on a lattice that repeats every 256 cells.
type noise struct {
	perm  [512]uint8
	value [256]float64 // -1..1
}

func newNoise(rnd *rand.Rand) *noise {
	n := &noise{}
	for i := range n.value {
		n.value[i] = 2*rnd.Float64() - 1
		n.perm[i] = uint8(i)
	}
	rnd.Shuffle(256, func(i, j int) { n.perm[i], n.perm[j] = n.perm[j], n.perm[i] })
	copy(n.perm[256:], n.perm[:256])
	return n
}

// at returns smooth noise from -1 to 1 that changes over a distance of 1.
func (n *noise) at(x, y float64) float64 {
	fx, fy := math.Floor(x), math.Floor(y)
	i, j := int(fx)&255, int(fy)&255
	u, v := x-fx, y-fy
	u, v = u*u*(3-2*u), v*v*(3-2*v)
	p, q := int(n.perm[i]), int(n.perm[i+1])
	a, b := n.value[n.perm[p+j]], n.value[n.perm[q+j]]
	c, d := n.value[n.perm[p+j+1]], n.value[n.perm[q+j+1]]
	a += (b - a) * u
	c += (d - c) * u
	return a + (c-a)*v
}

// layersTotal is roughly the sum of the amplitudes of all octaves. It is constant, so that further
// octaves only add detail.
const layersTotal = 1.85

// layers returns the sum of ever finer octaves of noise, from about -1 to 1.
func (n *noise) layers(x, y float64, octaves int) float64 {
	sum, amp := 0.0, 1.0
	for range octaves {
		sum += amp * n.at(x, y)
		x, y, amp = x*2.03+17.3, y*2.03+9.1, amp*0.5
	}
	return sum / layersTotal
}

// ridges returns noise with sharp crests at 1 and wide valleys towards 0.
func (n *noise) ridges(x, y float64, octaves int) float64 {
	sum, amp := 0.0, 1.0
	for range octaves {
		r := 1 - math.Abs(n.at(x, y))
		sum += amp * r * r
		x, y, amp = x*2.1+5.7, y*2.1+31.3, amp*0.5
	}
	return sum / layersTotal
}
