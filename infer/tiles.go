package infer

import (
	"context"
	"fmt"
	"image"
	"runtime"
	"runtime/debug"
	"slices"

	"cyclegan/infer/session"
)

// Tiling says how a picture of w x h pixels would be translated. The first that is too large to go through whole has the network looked at for that.
func (m *Model) Tiling(w, h int) Tiling {
	return m.grid(w, h).tiling()
}

// grid gives nil for a picture that goes through whole.
func (m *Model) grid(w, h int) *grid {
	l := m.large
	if l == nil || m.info.MaxPixels < 0 || w < 1 || h < 1 || m.info.Width > 0 || m.info.Height > 0 {
		return nil
	}
	if W, H := m.runSize(w, h); W <= m.info.MaxPixels/H {
		return nil
	}
	l.learn(m.run)
	unit, least := l.unit()
	return newGrid(padded(w, unit, least), padded(h, unit, least), l.net, l.reason, unit, least, m.most())
}

// most is how many pixels of tiles may be in the model at once. What tells the statistics takes up to a third more memory than the model itself.
func (m *Model) most() int {
	if l := m.large; l.net != nil && len(l.net.Norms) > 0 {
		return m.info.MaxPixels / 4 * 3
	}
	return m.info.MaxPixels
}

// tiled translates a picture in tiles.
func (m *Model) tiled(ctx context.Context, img image.Image, g *grid) (*image.NRGBA, error) {
	// The picture and its result are most of what lives, and what decoding left lies beside them: unless it goes, half as much again is used.
	debug.FreeOSMemory()
	// The C library keeps what is freed for the thread that took it: on one thread, the tiles share it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	out := image.NewNRGBA(image.Rect(0, 0, img.Bounds().Dx(), img.Bounds().Dy()))
	l := m.large
	if l.net == nil || len(l.net.Norms) == 0 {
		run, err := m.wholeSession()
		if err != nil {
			return nil, err
		}
		return out, m.tiles(ctx, out, img, g, run, nil, nil)
	}
	unit, least := l.unit()
	s := newSample(g.x.length, g.y.length, m.most(), unit, least)
	c := noCorrection(l.channels())
	for round := 1; ; round++ {
		own, err := m.together(ctx, img, s, c)
		if err != nil {
			return nil, fmt.Errorf("take statistics: %w", err)
		}
		used := c.apply(own)
		if round == mostRounds {
			run, err := l.fixed.get()
			if err != nil {
				return nil, err
			}
			return out, m.tiles(ctx, out, img, g, run, used, nil)
		}
		run, err := l.observing.get()
		if err != nil {
			return nil, err
		}
		o := newObservation(used)
		if err := m.tiles(ctx, out, img, g, run, used, o); err != nil {
			return nil, err
		}
		picture := o.picture()
		if apart(picture, used) < enough {
			return out, nil
		}
		c = newCorrection(own, picture)
	}
}

// tiles puts a picture into out, tile by tile. The session is told what to normalize by, if it is not nil, and o what came of that, if it is not nil.
func (m *Model) tiles(ctx context.Context, out *image.NRGBA, img image.Image, g *grid, run runner, used []moments, o *observation) error {
	w, h := g.x.size, g.y.size
	ws := m.workspace(m.info.Input.Len(w, h))
	defer m.release(ws)
	all := sample{x: g.x, y: g.y}
	told := tensors(used)
	var blend *blender
	if g.blended {
		blend = newBlender(out, g)
	}
	for _, p := range all.parts() {
		x, y := g.x.starts[p.i], g.y.starts[p.j]
		if err := m.fillPart(ws.in, image.Rect(x, y, x+w, y+h), img); err != nil {
			return err
		}
		more := told
		var counts []int
		if o != nil {
			weights, n, err := all.weigh(m.large.net.Masks, p)
			if err != nil {
				return err
			}
			for _, norm := range m.large.net.Norms {
				counts = append(counts, n[norm.Mask])
			}
			more = slices.Concat(weights, told)
		}
		rest, err := ws.run(ctx, run, &m.info, 1, w, h, more...)
		if err != nil {
			return err
		}
		if o != nil {
			given, err := read(rest, m.large.channels())
			if err != nil {
				return err
			}
			o.add(given, counts)
		}
		if blend != nil {
			if err := blend.put(m.info.Output, ws.pictures(), p.i, p.j); err != nil {
				return err
			}
			continue
		}
		x0, x1 := g.x.cuts(p.i)
		y0, y1 := g.y.cuts(p.j)
		// The picture is padded to what the model takes; its result is not.
		own := image.Rect(x0, y0, x1, y1).Intersect(out.Rect)
		if err := m.info.Output.Draw(out, own, ws.pictures(), w, h, own.Min.Sub(image.Pt(x, y))); err != nil {
			return err
		}
	}
	return nil
}

// wholeSession gives the session for large pictures and for tiles that go through the model as it is.
// What it saves is the processor's memory, so that elsewhere it is the first one.
func (m *Model) wholeSession() (runner, error) {
	if m.large == nil || m.info.Provider != session.CPU {
		return m.run, nil
	}
	return m.large.whole.get()
}

// lcm gives the least common multiple of positive numbers.
func lcm(a, b int) int {
	x, y := a, b
	for y != 0 {
		x, y = y, x%y
	}
	return a / x * b
}
