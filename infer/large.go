package infer

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"
	"sync"

	"cyclegan/infer/internal/tiling"
	"cyclegan/infer/onnx"
	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
)

// arenaPixels is the largest picture for a model's first session, which keeps the memory of its runs and is faster for that.
const arenaPixels = 512 * 512

// large is what large pictures need of a model: sessions that keep no memory between runs, and what was learnt of the network.
// All of it waits for the first such picture.
type large struct {
	info    Info
	options *session.Options
	network *onnx.Model
	fast    *fast // opens the variants
	whole   lazy  // the model as it is

	once   sync.Once
	net    *tiling.Network // nil where it is not known how far the network sees, for this reason
	reason string
	// With instance normalization: the variants of package tiling.
	jointly, fixed, observing lazy
}

// lazy is a session that the first one opens who wants it.
type lazy struct {
	open func() (runner, error)

	mu     sync.Mutex
	run    runner
	closed bool
}

func (l *lazy) get() (runner, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, session.ErrClosed
	}
	if l.run == nil {
		run, err := l.open()
		if err != nil {
			return nil, err
		}
		l.run = run
	}
	return l.run, nil
}

func (l *lazy) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.run == nil {
		return nil
	}
	return l.run.Close()
}

// newLarge prepares for large pictures; open opens a session of the model itself.
func newLarge(info Info, network *onnx.Model, opt *session.Options, fast *fast, open func(*session.Options) (runner, error)) *large {
	o := *opt
	o.NoArena = true
	l := &large{info: info, options: &o, network: network, fast: fast}
	l.whole.open = func() (runner, error) { return open(&o) }
	return l
}

func (l *large) close() error {
	return errors.Join(l.whole.close(), l.jointly.close(), l.fixed.close(), l.observing.close())
}

// learn finds out how pictures can be cut for the network; first is the model's first session.
func (l *large) learn(first runner) {
	l.once.Do(func() {
		net, err := l.cuttable()
		if err == nil && len(net.Norms) > 0 {
			variant := func(model *onnx.Model) func() (runner, error) {
				return func() (runner, error) { return l.fast.open(model, l.options) }
			}
			l.net = net
			l.jointly.open, l.fixed.open, l.observing.open = variant(net.Joint()), variant(net.Fixed()), variant(net.Observed())
			err = l.try(first)
		}
		if l.net = net; err != nil {
			l.net, l.reason = nil, err.Error()
		}
	})
}

// cuttable is analyze for a model whose weights can be put into the variants.
func (l *large) cuttable() (*tiling.Network, error) {
	if l.network.External() {
		return nil, errors.New("the model keeps its weights in files of their own")
	}
	return l.analyze()
}

func (l *large) analyze() (*tiling.Network, error) {
	if l.info.Batch > 1 {
		return nil, fmt.Errorf("the model takes %d pictures at a time", l.info.Batch)
	}
	known, err := l.computed(l.network)
	if err != nil {
		return nil, fmt.Errorf("its constants cannot be computed: %w", err)
	}
	axes := func(s pixels.Spec) tiling.Axes {
		if s.Layout == pixels.NHWC {
			return tiling.NHWC
		}
		return tiling.NCHW
	}
	net, err := tiling.Analyze(l.network, axes(l.info.Input), axes(l.info.Output), known)
	if err != nil {
		return nil, err
	}
	if unit := lcm(l.info.SizeMultiple, net.Align); unit > largestUnit {
		return nil, fmt.Errorf("sides would have to be multiples of %d pixels", unit)
	}
	return net, nil
}

// computed has ONNX Runtime work out what the model computes from its constants.
func (l *large) computed(m *onnx.Model) (map[string][]float64, error) {
	names := tiling.Computed(m)
	if len(names) == 0 {
		return nil, nil
	}
	s, err := session.OpenModel(tiling.Constants(m, names), l.options)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	// What the picture holds does not matter.
	shape := []int64{1, 1, 1, 1}
	for i, d := range s.About().Inputs[0].Shape {
		shape[i] = max(d, 1)
	}
	given, err := s.Run(context.Background(), session.Tensor{Shape: shape, Data: make([]float32, shape[0]*shape[1]*shape[2]*shape[3])})
	if err != nil {
		return nil, err
	}
	known := map[string][]float64{}
	for i, name := range names {
		known[name] = make([]float64, len(given[i].Data))
		for k, v := range given[i].Data {
			known[name][k] = float64(v)
		}
	}
	return known, nil
}

// unit gives what the sides of parts are multiples of, and the smallest one.
func (l *large) unit() (unit, least int) {
	unit, least = l.info.SizeMultiple, l.info.MinSize
	if l.net != nil {
		unit, least = lcm(unit, l.net.Align), max(least, l.net.Least)
	}
	return unit, roundUp(least, unit)
}

func (l *large) channels() []int {
	var n []int
	for _, norm := range l.net.Norms {
		n = append(n, norm.Channels)
	}
	return n
}

// try sends a small picture through the variants, which has to come out as it does of the model itself.
func (l *large) try(first runner) error {
	_, side := l.unit()
	side *= max(1, 32/side)
	m := &Model{info: l.info, large: l, run: first}
	img := image.NewNRGBA(image.Rect(0, 0, side, side))
	for i := range img.Pix {
		x, y := float64(i/4%side), float64(i/4/side)
		img.Pix[i] = uint8(128 + 60*math.Sin(0.9*x+float64(i%4)) + 60*math.Sin(0.4*y+0.1*x))
	}
	ws := m.workspace(l.info.Input.Len(side, side))
	if err := l.info.Input.Put(ws.in, img); err != nil {
		return err
	}
	ctx := context.Background()
	result := func(run runner, more ...session.Tensor) (*image.NRGBA, error) {
		if _, err := ws.run(ctx, run, &l.info, 1, side, side, more...); err != nil {
			return nil, err
		}
		return l.info.Output.Picture(ws.pictures(), side, side)
	}
	want, err := result(first)
	if err != nil {
		return err
	}
	whole := axis{length: side, size: side, starts: []int{0}}
	one := sample{x: whole, y: whole}
	own, err := m.together(ctx, img, one, noCorrection(l.channels()))
	if err != nil {
		return fmt.Errorf("its statistics cannot be taken: %w", err)
	}
	for _, s := range []*lazy{&l.fixed, &l.observing} {
		run, err := s.get()
		if err != nil {
			return fmt.Errorf("its statistics cannot be set: %w", err)
		}
		more := tensors(own)
		if s == &l.observing {
			weights, _, err := one.weigh(l.net.Masks, part{})
			if err != nil {
				return err
			}
			more = slices.Concat(weights, more)
		}
		got, err := result(run, more...)
		if err != nil {
			return fmt.Errorf("its statistics cannot be set: %w", err)
		}
		const rounding = 2 // of 255; more than half precision and quantized layers differ by
		if d := meanDifference(want, got); d > rounding {
			return fmt.Errorf("with its statistics set it gives something else, by %.3g of 255", d)
		}
	}
	return nil
}

// meanDifference is that of all values of two pictures of one size.
func meanDifference(a, b *image.NRGBA) float64 {
	sum := 0
	for i, v := range a.Pix {
		d := int(v) - int(b.Pix[i])
		sum += max(d, -d)
	}
	return float64(sum) / float64(len(a.Pix))
}
