package dataset

import (
	"image"
	"math/rand/v2"
)

// Season is a domain of the built-in scenes.
type Season int

const (
	Summer Season = iota
	Winter
)

func (s Season) String() string {
	if s == Winter {
		return "winter"
	}
	return "summer"
}

// Other is the season to translate to.
func (s Season) Other() Season {
	if s == Winter {
		return Summer
	}
	return Winter
}

// pick chooses by season.
func pick[T any](s Season, summer, winter T) T {
	if s == Winter {
		return winter
	}
	return summer
}

// Scene draws landscape number index of the series that belongs to seed, at any
// size up to 4096 a side; other sizes give an empty picture. The season decides
// about colours and surfaces alone: mountains, trees, shores and clouds stand
// where they stand, so that the other season's drawing is the true counterpart.
func Scene(seed, index uint64, season Season, w, h int) *image.NRGBA {
	if min(w, h) < 1 || max(w, h) > MaxSceneSide {
		return &image.NRGBA{}
	}
	c := newCanvas(w, h)
	newLandscape(generator(seed, streamScenes, index, 0), season, c).draw()
	return c.picture(w, h)
}

// MaxSceneSide keeps the canvas of several samples a pixel below 1 GB.
// MaxSceneSide is the longest side of a scene in pixels.
const MaxSceneSide = 4096

// landscape is the plan of one scene. Lengths are in picture heights, with y
// growing downwards; x goes from 0 to the canvas's width.
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

// Whatever the season does with a number, the same numbers are drawn in both.
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
