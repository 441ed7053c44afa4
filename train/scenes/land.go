package scenes

import (
	"math"
	"slices"
)

// sky paints the gradient, a sun and clouds down to the horizon.
func (l *landscape) sky() {
	cover := l.between(-0.35, 0.25)
	stretch := l.between(2.2, 3.4)
	scale := l.between(1.6, 2.6)
	sunX, sunY, sunR := l.between(0.1, 0.9)*l.width, l.between(0.07, 0.2), l.between(0.025, 0.04)
	shows := l.chance(0.45)
	s := l.season
	top := pick(s, rgb(0x2f78c8).to(rgb(0x3f6fc4), l.warmth), rgb(0x8ca5c3).to(rgb(0x98a5bd), l.warmth))
	low := pick(s, rgb(0xc3e2f5).to(rgb(0xeee6d2), l.warmth), rgb(0xdae4ee).to(rgb(0xe9e4e2), l.warmth))
	white := pick(s, rgb(0xffffff), rgb(0xeef1f4))
	gray := pick(s, rgb(0xb9cbdd), rgb(0xb4bfca))
	sun := pick(s, rgb(0xfff6c8), rgb(0xfbf7ea))
	l.haze = low
	end := l.horizon
	l.below(level(0), end+0.02, func(x, y float64) color {
		t := y / end
		c := top.to(low, math.Pow(t, 0.8))
		if shows {
			d := math.Hypot(x-sunX, y-sunY)
			c = c.to(sun, 0.45*math.Exp(-d*pick(s, 7.0, 9.0)))
			c = c.to(sun, smooth(sunR*1.08, sunR*0.92, d))
		}
		// Clouds are flatter towards the horizon.
		u, v := x*scale, y*scale*(stretch+0.8*t)
		n := l.noise.layers(u, v, l.octaves(4))
		thick := smooth(0.02, 0.42, n+cover*(1-0.4*t))
		if thick > 0 {
			lit := clamp01(0.62 + 1.5*(n-l.noise.layers(u-0.12*l.light, v-0.16, 2)))
			c = c.to(gray.to(white, lit), thick*pick(s, 0.92, 0.8)*(1-0.35*t))
		}
		return c
	})
}

// mountains paints two or three ranges. Farther ranges are hazier.
func (l *landscape) mountains() {
	ranges := 2
	if l.chance(0.5) {
		ranges = 3
	}
	high := l.between(0.2, 0.36)
	for k := range ranges {
		// 1 for the farthest, 0 for the nearest.
		far := float64(ranges-1-k) / float64(ranges-1)
		l.ridge(far, high*(0.5+0.5*far), float64(k)*37+11)
	}
}

func (l *landscape) ridge(far, height, row float64) {
	s := l.season
	period := l.between(1.3, 2.1) + 0.6*(1-far)
	base := l.horizon
	rock := rgb(0x6b6d76).to(rgb(0x86786a), l.between(0, 1))
	rock = pick(s, rock, rock.to(rgb(0x66707f), 0.6))
	snowLine := l.between(0.55, 0.95)
	wooded := l.between(0.2, 0.5) * (1 - 0.6*far)
	peak, spread := l.between(0.1, 0.9)*l.width, l.between(0.25, 0.5)
	crest := func(x float64) float64 {
		r := l.noise.ridges(x*period+row, row, l.octaves(5))
		d := (x - peak) / spread
		return base - height*(0.1+r*(0.62+0.6*math.Exp(-d*d)))
	}
	woods := pick(s, rgb(0x3a6638), rgb(0x5f6f78))
	shadow, snow := pick(s, rgb(0x93abc9), rgb(0x9fb3d0)), pick(s, rgb(0xf4f6f8), rgb(0xf8fafd))
	l.below(crest, base+0.02, func(x, y float64) color {
		up := (base - y) / height // 0 at the foot, about 1 at the highest crests
		// Spurs run down from the crest, with one flank lit.
		u, v := x*5.5+0.5*l.noise.at(x*4, y*6+row), y*5.5+row
		spur := l.noise.ridges(u, v, l.octaves(4))
		slope := spur - l.noise.ridges(u-0.09*l.light, v-0.05, l.octaves(4))
		rough := l.noise.layers(u*4, v*3, l.octaves(1))
		lit := clamp01(0.48 + 2.6*slope + 0.2*rough)
		c := rock.times(0.5 + 0.68*lit)
		tree := smooth(wooded+0.08, wooded-0.08, up+0.25*(spur-0.5)+0.08*rough)
		c = c.to(woods.times(0.7+0.5*lit), tree*0.92)
		white := smooth(snowLine-0.06, snowLine+0.06, up+0.5*(spur-0.5)+0.1*rough)
		if s == Winter {
			// All but the steepest faces, and thinner among the trees.
			white = max(white, 0.97*smooth(0.2, 0.42, spur+0.25*up-0.35*slope+0.07*rough))
			white *= 1 - 0.5*tree
		}
		c = c.to(shadow.to(snow, lit*1.25), white)
		return c.to(l.haze, 0.1+0.36*far*(1-0.3*up)+0.2*smooth(0.25, 0, up))
	})
}

// hills paints a soft wooded line in front of the mountains.
func (l *landscape) hills() {
	s := l.season
	const row = 71
	height := l.between(0.03, 0.09)
	line := func(x float64) float64 {
		return l.horizon - height*(0.55+0.6*l.noise.layers(x*1.7+row, 1.5, 3)) - 0.004*l.noise.at(x*70, row)
	}
	dark, bright := pick(s, rgb(0x2f5a33), rgb(0x66767f)), pick(s, rgb(0x57863f), rgb(0xccd6de))
	l.below(line, l.horizon+0.02, func(x, y float64) color {
		n := l.noise.layers(x*38, y*60+row, 2)
		return dark.to(bright, 0.45+0.6*n).to(l.haze, 0.2)
	})
}

// meadow paints the ground below line. from is the line's general height.
func (l *landscape) meadow(line func(x float64) float64, from float64) {
	s := l.season
	grass := rgb(0x71a23a).to(rgb(0x93ab42), l.between(0, 1))
	deep := rgb(0x3a6f2c)
	snow, blue := rgb(0xf7f9fc), rgb(0xb9c9df)
	roll, row := l.between(0.4, 1), l.between(0, 90)
	l.below(line, 1.01, func(x, y float64) color {
		// Distances shrink towards the horizon.
		t := clamp01((y - l.horizon) / (1 - l.horizon))
		z := 1 / (0.12 + t)
		wide := l.noise.layers(x*z*1.1*roll+row, z*2.2+50, 3)
		tuft := l.noise.layers(x*30+90, y*52+row, l.octaves(3)) * (0.3 + 0.7*t)
		edge := 0.25 * smooth(0.06, 0, y-from) // a rise catches the light
		if s == Winter {
			return snow.to(blue, 0.4+0.85*wide+0.3*tuft-edge).to(l.haze, 0.22*(1-t))
		}
		c := grass.to(deep, 0.42+0.85*wide+0.85*tuft-edge)
		return c.times(1.1-0.2*t).to(l.haze, 0.2*(1-t))
	})
}

// knoll paints a rise in the foreground.
func (l *landscape) knoll() {
	top := l.near + l.between(0.02, 0.1)
	lean, row := l.between(-0.22, 0.22), l.between(0, 80)
	l.meadow(func(x float64) float64 {
		return top + lean*(x/l.width-0.5) + 0.05*l.noise.layers(x*1.5+row, 8, 2)
	}, top)
}

// water paints a lake between the horizon and the foreground. It mirrors what is already painted
// above it.
func (l *landscape) water() {
	s := l.season
	top := l.horizon + l.between(0.015, 0.04)
	lean := l.between(-0.12, 0.12)
	depth := l.near - top + l.between(-0.02, 0.08)
	shore := func(x float64) float64 {
		t := x/l.width - 0.5
		return top + depth*(0.85-1.1*t*t) + lean*t + 0.025*l.noise.layers(x*3.1, 80, 3)
	}
	tint := pick(s, rgb(0x2b6b94).to(rgb(0x2f7f86), l.between(0, 1)), rgb(0xd3e0ea))
	ice := rgb(0xf4f7fa)
	bank := pick(s, rgb(0xb7a57c), rgb(0xe9eef4))
	above := slices.Clone(l.pix[:min(l.column(top)+1, l.h)*l.w])
	mirror := func(x, y float64) color {
		i := min(max(int(x*l.unit), 0), l.w-1)
		j := min(max(int(y*l.unit), 0), len(above)/l.w-1)
		return above[j*l.w+i]
	}
	l.rect(0, top, l.width, 1.01, func(x, y float64, old color) color {
		edge := shore(x) - y
		if edge < -0.012 {
			return old
		}
		if edge < 0 {
			return bank.times(0.9+0.2*l.noise.at(x*60, y*90)).to(old, 0.3)
		}
		t := (y - top) / (depth + 0.1)
		ripple := l.noise.at(x*6, y*(150-60*t))
		if s == Winter {
			c := tint.to(mirror(x, 2*top-y*1.0-0.01), 0.22)
			drift := smooth(-0.1, 0.35, l.noise.layers(x*2.4, y*11+7, 3))
			crack := smooth(0.03, 0, math.Abs(l.noise.at(x*3.3+40, y*13)))
			return c.to(ice, 0.75*drift).to(rgb(0xffffff), 0.35*crack)
		}
		c := mirror(x+0.006*ripple*(1+t), 2*top-y-0.02*t*ripple)
		c = c.times(0.9).to(tint, 0.28+0.3*t)
		glint := smooth(0.62, 0.9, ripple) * 0.35
		return c.to(rgb(0xe8f4fb), glint).to(tint.times(0.7), 0.35*smooth(0.03, 0, edge))
	})
}

// path paints a path that winds from the foreground towards the horizon.
func (l *landscape) path() {
	s := l.season
	from, to := l.between(0.25, 0.75)*l.width, l.between(0.2, 0.8)*l.width
	swing, turns := l.between(0.06, 0.16), l.between(4, 7)
	start := l.horizon + 0.03
	light, dark := pick(s, rgb(0xd9c294), rgb(0xdfe3e8)), pick(s, rgb(0xa88d5f), rgb(0xa9b0ba))
	l.spans(start, 1.01, func(y float64) (float64, float64) {
		t := (y - start) / (1 - start)
		center := to + (from-to)*t + swing*math.Sin(turns*math.Sqrt(t))*(0.15+t)
		half := 0.004 + 0.075*t*t + 0.006*l.noise.at(y*40, 12)*t
		return center - half, center + half
	}, func(x, y float64, _ color) color {
		return dark.to(light, 0.6+0.5*l.noise.layers(x*30, y*55, 2))
	})
}
