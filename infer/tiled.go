package infer

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"runtime"
	"slices"
	"sync"

	"cyclegan/infer/internal/tiling"
	"cyclegan/infer/onnx"
	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
)

// A tiler translates large images in tiles. It analyzes the network when the first such image
// comes.
type tiler struct {
	*engine
	sessions *sessions
	options  session.Options // of the variants

	once   sync.Once
	net    *tiling.Network // nil, for the reason, if it is unknown how far the network sees
	reason string
	// For a network with instance normalization, the variants of package tiling.
	joint, fixed, observing lazy
}

func newTiler(e *engine, s *sessions) *tiler {
	t := &tiler{engine: e, sessions: s, options: s.options}
	t.options.Inputs, t.options.Outputs, t.options.NoArena = nil, nil, true
	return t
}

func (t *tiler) close() error {
	return errors.Join(t.joint.close(), t.fixed.close(), t.observing.close())
}

// grid returns nil for an image that is not cut.
func (t *tiler) grid(w, h int) *grid {
	if t == nil || t.info.MaxPixels < 0 || w < 1 || h < 1 || t.info.Width > 0 || t.info.Height > 0 {
		return nil
	}
	if W, H := t.runSize(w, h); W <= t.info.MaxPixels/H {
		return nil
	}
	t.learn()
	unit, least := t.unit()
	return newGrid(padded(w, unit, least), padded(h, unit, least), t.net, t.reason, unit, least, t.maxPixels())
}

// maxPixels returns the size of a tile. The variants that take statistics need up to a third more
// memory.
func (t *tiler) maxPixels() int {
	if t.net != nil && len(t.net.Norms) > 0 {
		return t.info.MaxPixels / 4 * 3
	}
	return t.info.MaxPixels
}

// learn analyzes the network once.
func (t *tiler) learn() {
	t.once.Do(func() {
		if t.sessions.model.External() {
			t.reason = "the model has its weights in separate files"
			return
		}
		net, err := analyze(t.sessions.model, t.info, &t.options)
		if err == nil && len(net.Norms) > 0 {
			variant := func(model *onnx.Model) func() (runner, error) {
				return func() (runner, error) { return t.sessions.open(model, &t.options) }
			}
			t.net = net
			t.joint.open, t.fixed.open, t.observing.open = variant(net.Joint()), variant(net.Fixed()), variant(net.Observed())
			err = t.verifyVariants()
		}
		if t.net = net; err != nil {
			t.net, t.reason = nil, err.Error()
		}
	})
}

// analyze finds out how far the network sees, and which sides and statistics it needs.
func analyze(m *onnx.Model, info Info, opt *session.Options) (*tiling.Network, error) {
	if info.Batch > 1 {
		return nil, fmt.Errorf("the model takes %d images at a time", info.Batch)
	}
	known, err := computeConstants(m, opt)
	if err != nil {
		return nil, fmt.Errorf("its constants cannot be computed: %w", err)
	}
	axes := func(p Port) tiling.Axes {
		if p.Layout == pixels.NHWC.String() {
			return tiling.NHWC
		}
		return tiling.NCHW
	}
	net, err := tiling.Analyze(m, axes(info.Input), axes(info.Output), known)
	if err != nil {
		return nil, err
	}
	if unit := lcm(info.SizeMultiple, net.Align); unit > largestUnit {
		return nil, fmt.Errorf("sides would have to be multiples of %d pixels", unit)
	}
	return net, nil
}

// computeConstants runs what the model computes from its constants.
func computeConstants(m *onnx.Model, opt *session.Options) (map[string][]float64, error) {
	names := tiling.Computed(m)
	if len(names) == 0 {
		return nil, nil
	}
	s, err := session.OpenModel(tiling.Constants(m, names), opt)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	shape, n := []int64{1, 1, 1, 1}, int64(1) // of any image
	for i, d := range s.About().Inputs[0].Shape {
		shape[i] = max(d, 1)
		n *= shape[i]
	}
	outputs, err := s.Run(context.Background(), session.Tensor{Shape: shape, Data: make([]float32, n)})
	if err != nil {
		return nil, err
	}
	known := map[string][]float64{}
	for i, name := range names {
		known[name] = make([]float64, len(outputs[i].Data))
		for k, v := range outputs[i].Data {
			known[name][k] = float64(v)
		}
	}
	return known, nil
}

// unit returns what the sides of parts are multiples of, and the smallest side.
func (t *tiler) unit() (unit, least int) {
	s := t.sizes()
	unit, least = s.multiple, s.least
	if t.net != nil {
		unit, least = lcm(unit, t.net.Align), max(least, t.net.Least)
	}
	return unit, roundUp(least, unit)
}

// channels returns the number of channels of all normalizations.
func (t *tiler) channels() int {
	n := 0
	for _, norm := range t.net.Norms {
		n += norm.Channels
	}
	return n
}

// verifyVariants passes a small image through the variants, which must return the same as the model
// itself.
func (t *tiler) verifyVariants() error {
	_, side := t.unit()
	side *= max(1, 32/side)
	img := image.NewNRGBA(image.Rect(0, 0, side, side))
	for i := range img.Pix {
		x, y := float64(i/4%side), float64(i/4/side)
		img.Pix[i] = uint8(128 + 60*math.Sin(0.9*x+float64(i%4)) + 60*math.Sin(0.4*y+0.1*x))
	}
	ctx := context.Background()
	whole := axis{length: side, size: side, starts: []int{0}}
	result := func(open func() (runner, error), used *moments, o *observation) (*image.NRGBA, error) {
		out := image.NewNRGBA(img.Rect)
		return out, t.runTiles(ctx, out, img, &grid{x: whole, y: whole}, open, used, o)
	}
	want, err := result(func() (runner, error) { return t.sessions.main, nil }, nil, nil)
	if err != nil {
		return err
	}
	own, err := t.sampleStatistics(ctx, img, sample{x: whole, y: whole}, noCorrection(t.channels()))
	if err != nil {
		return fmt.Errorf("its statistics cannot be taken: %w", err)
	}
	for _, variant := range []struct {
		session *lazy
		o       *observation
	}{{&t.fixed, nil}, {&t.observing, newObservation(own)}} {
		got, err := result(variant.session.get, &own, variant.o)
		if err != nil {
			return fmt.Errorf("its statistics cannot be set: %w", err)
		}
		const rounding = 2 // of 255, more than half precision and quantized layers cause
		if d := meanDifference(want, got); d > rounding {
			return fmt.Errorf("with its statistics set, the model returns another image (mean difference %.3g of 255)", d)
		}
	}
	return nil
}

// meanDifference compares all values of two images of one size.
func meanDifference(a, b *image.NRGBA) float64 {
	sum := 0
	for i, v := range a.Pix {
		d := int(v) - int(b.Pix[i])
		sum += max(d, -d)
	}
	return float64(sum) / float64(len(a.Pix))
}

// translate translates an image in tiles.
func (t *tiler) translate(ctx context.Context, img image.Image, g *grid) (image.Image, error) {
	// The C library keeps freed memory for the thread that took it: on one thread, the tiles share
	// it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	out := t.blank(img)
	if t.net == nil || len(t.net.Norms) == 0 {
		return out, t.runTiles(ctx, out, img, g, t.sessions.large, nil, nil)
	}
	unit, least := t.unit()
	s := newSample(g.x.length, g.y.length, t.maxPixels(), unit, least)
	c := noCorrection(t.channels())
	for round := 1; ; round++ {
		own, err := t.sampleStatistics(ctx, img, s, c)
		if err != nil {
			return nil, fmt.Errorf("take statistics: %w", err)
		}
		used := c.apply(own)
		if round == maxRounds {
			return out, t.runTiles(ctx, out, img, g, t.fixed.get, &used, nil)
		}
		o := newObservation(used)
		err = t.runTiles(ctx, out, img, g, t.observing.get, &used, o)
		if err != nil || distance(o.moments(), used) < closeEnough {
			return out, err
		}
		c = newCorrection(own, o.moments())
	}
}

// runTiles computes out, which blank has made, tile by tile. Used, if not nil, are the statistics
// to normalize by, and o, if not nil, observes the statistics of the tiles.
func (t *tiler) runTiles(ctx context.Context, out, img image.Image, g *grid,
	open func() (runner, error), used *moments, o *observation) error {
	run, err := open()
	if err != nil {
		return err
	}
	w, h := g.x.size, g.y.size
	ws := t.workspace(t.in.Len(w, h))
	defer t.workspaces.Put(ws)
	all := sample{x: g.x, y: g.y}
	var statistics []session.Tensor
	if used != nil {
		statistics = used.tensors(t.net.Norms)
	}
	var blend *blender
	if g.blended {
		blend = newBlender(out, g)
	}
	for _, p := range all.parts() {
		x, y := g.x.starts[p.i], g.y.starts[p.j]
		if err := t.fillPart(ws.in, image.Rect(x, y, x+w, y+h), img); err != nil {
			return err
		}
		more := statistics
		var counts []int
		if o != nil {
			weights, n, err := all.weigh(t.net.Masks, p)
			if err != nil {
				return err
			}
			for _, norm := range t.net.Norms {
				counts = append(counts, slices.Repeat([]int{n[norm.Mask]}, norm.Channels)...)
			}
			more = slices.Concat(weights, statistics)
		}
		rest, err := t.run(ctx, run, ws, 1, w, h, more...)
		if err != nil {
			return err
		}
		if o != nil {
			tile, err := readMoments(rest, t.net.Norms)
			if err != nil {
				return err
			}
			o.add(tile, counts)
		}
		if blend != nil {
			if err := t.out.Draw(blend.tile, blend.tile.Bounds(), ws.images(), w, h, image.Point{}); err != nil {
				return err
			}
			blend.add(blend.tile, p.i, p.j)
			continue
		}
		x0, x1 := g.x.cuts(p.i)
		y0, y1 := g.y.cuts(p.j)
		own := image.Rect(x0, y0, x1, y1).Intersect(out.Bounds()) // without the padding of the image
		if err := t.out.Draw(out, own, ws.images(), w, h, own.Min.Sub(image.Pt(x, y))); err != nil {
			return err
		}
	}
	return nil
}

// sampleStatistics passes all parts of a sample through the network together, and returns the
// statistics of the sample before the correction.
func (t *tiler) sampleStatistics(ctx context.Context, img image.Image, s sample, c correction) (m moments, err error) {
	run, err := t.joint.get()
	if err != nil {
		return m, err
	}
	parts := s.parts()
	size := t.in.Len(s.x.size, s.y.size)
	ws := t.workspace(size * len(parts))
	defer t.workspaces.Put(ws)
	for k, p := range parts {
		x, y := s.x.starts[p.i], s.y.starts[p.j]
		if err := t.fillPart(ws.in[k*size:(k+1)*size], image.Rect(x, y, x+s.x.size, y+s.y.size), img); err != nil {
			return m, err
		}
	}
	weights, _, err := s.weigh(t.net.Masks, parts...)
	if err != nil {
		return m, err
	}
	inputs := append([]session.Tensor{{Shape: dims(t.in, len(parts), s.x.size, s.y.size), Data: ws.in}}, weights...)
	outputs := make([]session.Tensor, len(run.About().Outputs)) // not those of ws, which are images
	if err := run.RunInto(ctx, outputs, append(inputs, moments(c).tensors(t.net.Norms)...)...); err != nil {
		return m, err
	}
	return readMoments(outputs, t.net.Norms)
}

// lcm returns the least common multiple of positive numbers.
func lcm(a, b int) int {
	x, y := a, b
	for y != 0 {
		x, y = y, x%y
	}
	return a / x * b
}
