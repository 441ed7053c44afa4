package scenes

import (
	"cmp"
	"math"
	"slices"

	"cyclegan/train/internal/random"
)

// treeLine plants a row of small conifers along the horizon.
func (l *landscape) treeLine() {
	size := l.between(0.05, 0.12)
	density := l.between(-0.4, 0.2)
	offset := l.between(0, 50)
	for x := -0.02; x < l.width+0.02; x += size * l.between(0.16, 0.3) {
		n := l.noise.layers(x*1.6+offset, 60, 2)
		tall := size * l.between(0.65, 1.15)
		foot := l.horizon + l.between(0.004, 0.022)
		tone := l.between(0, 1)
		if n > density-0.1 {
			l.conifer(x, foot, tall, tone, 0.24)
		}
	}
}

// scattered plants a few small trees in the middle distance, unless there is a lake.
func (l *landscape) scattered() {
	for range l.rnd.IntN(9) {
		d := l.rnd.Float64()
		t := tree{
			x: l.between(0, l.width), foot: l.horizon + 0.03 + 0.1*d, tall: (0.05 + 0.07*d) * l.between(0.8, 1.3),
			tone: l.between(0, 1), leafy: l.chance(0.6), shape: l.rnd.Uint64(),
		}
		if !l.lake {
			l.plant(t, 0.12)
		}
	}
}

// plant paints a tree and its shadow on the ground.
func (l *landscape) plant(t tree, haze float64) {
	dark := pick(l.season, rgb(0x24401f), rgb(0x8fa3c0))
	l.disc(t.x-0.1*t.tall*l.light, t.foot, 0.3*t.tall, 0.035*t.tall, func(_, _, d float64, old color) color {
		return old.to(dark, 0.55*(1-d*d))
	})
	if t.leafy {
		l.broadleaf(t)
	} else {
		l.conifer(t.x, t.foot, t.tall, t.tone, haze)
	}
}

// tree describes one tree of the middle distance or the foreground.
type tree struct {
	x, foot, tall, tone float64
	leafy               bool
	shape               uint64
}

// grove plants a few groups of trees in the foreground, from far to near.
func (l *landscape) grove() {
	var trees []tree
	mix := l.between(0.2, 0.8)
	start := l.near - 0.06
	if l.lake {
		start = l.near + 0.06
	}
	for range 1 + l.rnd.IntN(3) {
		// Groups stand at the sides, where they frame the view.
		x := l.between(-0.05, 0.36)
		if l.chance(0.5) {
			x = 1 - x
		}
		depth := l.rnd.Float64()
		leafy := l.chance(mix)
		for range 2 + l.rnd.IntN(4) {
			d := clamp01(depth + l.between(-0.2, 0.2))
			t := tree{
				x:    (x + l.between(-0.11, 0.11)) * l.width,
				foot: start + d*(0.96-start), tone: l.between(0, 1),
				leafy: leafy != l.chance(0.2), shape: l.rnd.Uint64(),
			}
			t.tall = (0.17 + 0.33*d) * l.between(0.75, 1.2)
			trees = append(trees, t)
		}
	}
	slices.SortStableFunc(trees, func(a, b tree) int { return cmp.Compare(a.foot, b.foot) })
	for _, t := range trees {
		l.plant(t, 0)
	}
}

// conifer paints a spruce: tiers of drooping branches, snowy in winter.
func (l *landscape) conifer(x, foot, tall, tone, haze float64) {
	s := l.season
	half := tall * (0.19 + 0.06*tone)
	dark := rgb(0x163a26).to(rgb(0x24482a), tone)
	bright := rgb(0x3f7340).to(rgb(0x56803c), tone)
	snow, cold := rgb(0xf5f8fc), rgb(0xb7c6da)
	trunk := rgb(0x4a3524)
	l.rect(x-0.022*tall, foot-0.08*tall, x+0.022*tall, foot, func(_, _ float64, _ color) color { return trunk.to(l.haze, haze) })
	top := foot - tall
	tiers := 5.5 + 3*tone
	edge := func(t, seed float64) float64 {
		saw := t*tiers - math.Floor(t*tiers)
		return half * (0.03 + 0.97*t) * (0.6 + 0.36*saw + 0.16*l.noise.at(t*38, seed))
	}
	l.spans(top, foot-0.05*tall, func(y float64) (float64, float64) {
		t := (y - top) / (0.95 * tall)
		return x - edge(t, x*31), x + edge(t, x*31+9)
	}, func(px, y float64, old color) color {
		t := (y - top) / (0.95 * tall)
		side := (px - x) / half
		// Branches droop outwards.
		phase := (t - 0.09*math.Abs(side)) * tiers
		saw := phase - math.Floor(phase)
		n := l.noise.layers((px-x)/tall*46+x*20, t*40, l.octaves(2)-1)
		c := dark.to(bright, 0.36+0.5*side*l.light+0.5*n-0.28*(1-saw))
		if s == Winter {
			// Snow covers the upper side of the branches.
			cover := smooth(0.05, 0.6, 0.66-saw+0.6*n+0.2*side*l.light)
			c = c.to(cold.to(snow, 0.6+0.5*side*l.light), 0.12+0.8*cover)
		}
		return c.to(l.haze, haze)
	})
}

// broadleaf paints a round tree: clumps of leaves in summer, a see-through crown of frosted twigs
// in winter.
func (l *landscape) broadleaf(t tree) {
	s := l.season
	r := random.New(t.shape, randomPurpose, 0, 0)
	bark := pick(s, rgb(0x5a4330), rgb(0x4d4038))
	crownY, crown := t.foot-0.64*t.tall, 0.36*t.tall
	wide := 0.026 * t.tall
	l.spans(t.foot-0.6*t.tall, t.foot, func(y float64) (float64, float64) {
		k := wide * (0.7 + 0.6*smooth(t.foot-0.1*t.tall, t.foot, y))
		return t.x - k, t.x + k
	}, func(x, _ float64, _ color) color { return bark.times(1 + 0.35*(x-t.x)/wide*l.light) })
	dark := rgb(0x2c5a24).to(rgb(0x4a6a20), t.tone)
	bright := rgb(0x7fb043).to(rgb(0xa3b848), t.tone)
	twig, frost := rgb(0x6b5c55), rgb(0xe9eef4)
	f := 30 / max(t.tall*3, 0.4)
	for range 9 {
		angle, out := 2*math.Pi*r.Float64(), math.Sqrt(r.Float64())
		cx, cy := t.x+0.62*crown*out*math.Cos(angle), crownY+0.55*crown*out*math.Sin(angle)
		radius := crown * (0.36 + 0.2*r.Float64())
		l.disc(cx, cy, radius, 0.92*radius, func(x, y, d float64, old color) color {
			n := l.noise.layers(x*f*2, y*f*2, 2)
			if d > 0.86+0.3*n {
				return old
			}
			lit := 0.45 + 0.4*((x-cx)*l.light-(y-cy))/radius + 0.55*n
			if s == Winter {
				// Branches spread from the fork, with frost on the twigs.
				ray := l.noise.at(math.Atan2(y-crownY-0.5*crown, x-t.x)*9+t.tone*20, math.Hypot(x-t.x, y-crownY-crown)*4/crown)
				web := smooth(-0.2, 0.4, l.noise.at(x*f*5, y*f*5)+0.6*ray)
				return old.to(twig.to(frost, 0.35+0.7*lit), 0.14+0.6*web)
			}
			return dark.to(bright, lit)
		})
	}
}

// flowers paints flowers on the near meadow in summer, and dry stalks in winter.
func (l *landscape) flowers() {
	hues := []color{rgb(0xf6d33c), rgb(0xf7f4ec), rgb(0xd96a9a), rgb(0x8f6fd0), rgb(0xe2552f)}
	hue, second := hues[l.rnd.IntN(len(hues))], hues[l.rnd.IntN(len(hues))]
	count := int(l.between(0, 90) * l.width)
	begin := l.near + 0.08
	if l.lake {
		begin = l.near + 0.14
	}
	stalk := rgb(0x9a8d78)
	patch := l.between(0, 60)
	for range count {
		x, d := l.between(0, l.width), l.rnd.Float64()
		c := hue
		if l.chance(0.3) {
			c = second
		}
		y := begin + (1-begin)*math.Sqrt(d)
		if l.noise.layers(x*2.2+patch, y*4, 2) < 0 {
			continue
		}
		r := 0.003 + 0.006*d
		if l.season == Winter {
			l.rect(x-0.25*r, y-2.4*r, x+0.25*r, y, func(_, _ float64, old color) color { return old.to(stalk, 0.8) })
			continue
		}
		l.disc(x, y, r, 0.8*r, func(_, _, _ float64, _ color) color { return c })
	}
}

// cabin paints a cabin at the edge of the meadow.
func (l *landscape) cabin() {
	s := l.season
	x, foot := l.between(0.25, 0.75)*l.width, l.horizon+l.between(0.035, 0.07)
	if l.lake {
		foot = l.horizon + 0.015
	}
	size := l.between(0.07, 0.11)
	wall := rgb(0x7a5230).to(rgb(0x8e4a36), l.rnd.Float64())
	roof := pick(s, rgb(0x6b3f36).to(rgb(0x55504e), l.rnd.Float64()), rgb(0xe3eaf3))
	half, tall := size*0.6, size*0.42
	l.rect(x-half, foot-tall, x+half, foot, func(px, y float64, _ color) color {
		plank := 0.92 + 0.1*math.Sin((y-foot)/size*60)
		return wall.times(plank * (1 + 0.2*(px-x)/half*l.light))
	})
	l.spans(foot-tall-0.38*size, foot-tall+0.03*size, func(y float64) (float64, float64) {
		t := (y - (foot - tall - 0.38*size)) / (0.41 * size)
		return x - half*(0.35+0.8*t), x + half*(0.35+0.8*t)
	}, func(px, y float64, _ color) color {
		return roof.times(0.95 + 0.06*(px-x)/half*l.light + 0.05*l.noise.at(px*120, y*200))
	})
	pane := pick(s, rgb(0x9fc4d8), rgb(0xf8cf6a))
	for _, at := range []float64{-0.5, 0.5} {
		cx := x + at*half
		l.rect(cx-0.15*half, foot-0.72*tall, cx+0.15*half, foot-0.34*tall, func(_, _ float64, _ color) color { return pane })
	}
	l.rect(x-0.13*half, foot-0.62*tall, x+0.13*half, foot, func(_, _ float64, _ color) color { return wall.times(0.5) })
}
