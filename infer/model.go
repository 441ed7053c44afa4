package infer

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"cyclegan/infer/internal/offheap"
	"cyclegan/infer/onnx"
	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
)

// A Model is a generator that is ready to run. It may be used from several goroutines at once.
type Model struct {
	info     Info
	run      runner
	large    *large       // nil where no picture is too large for run
	beside   *lazy        // run with fewer threads, for pictures that go through beside others; nil where it has but one
	fast     *fast        // opens the sessions of large; nil without it
	several  bool         // a run may take several pictures
	buffers  sync.Pool    // of *[]float32
	underWay atomic.Int32 // images that are being translated
	// workspaces holds *workspace.
	workspaces sync.Pool
}

// Open reads the model at path, and weights that lie in files beside it. It is refused, with the reason, if it does not make one picture of another.
func Open(path string, opt *Options) (*Model, error) {
	session.Preload(opt.session())
	data, err := offheap.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	m, err := newModel(data, filepath.Dir(path), opt)
	if err != nil {
		return nil, fmt.Errorf("model %q: %w", path, err)
	}
	return m, nil
}

// New makes a model of the bytes of an ONNX file, which may be changed afterwards.
// It is refused, with the reason, if it does not make one picture of another.
func New(model []byte, opt *Options) (*Model, error) {
	return newModel(slices.Clone(model), "", opt)
}

// newModel reads the file before ONNX Runtime does. It keeps data. dir is the folder of weights that the file does not hold.
func newModel(data []byte, dir string, opt *Options) (*Model, error) {
	if err := opt.Validate(); err != nil {
		return nil, err
	}
	network, err := onnx.Parse(data)
	if err != nil {
		return nil, err
	}
	if network.Dir = dir; dir != "" {
		if err := withWeights(network); err != nil {
			return nil, err
		}
	}
	about := session.Describe(network)
	info, err := inspect(about, network, opt)
	if err != nil {
		return nil, err
	}
	if !about.External && len(about.Inputs)+len(about.Outputs) > 2 {
		network = network.Only(info.OutputPort.Name) // what the picture does not need is not computed
	}
	options := opt.session()
	chosen := *options
	chosen.Inputs, chosen.Outputs = []string{info.InputPort.Name}, []string{info.OutputPort.Name}
	sessions := &fast{}
	s, err := sessions.open(network, &chosen)
	if err != nil {
		return nil, errors.Join(err, sessions.close())
	}
	used := s.Options()
	info.Runtime, info.Provider, info.Threads, info.Refused = s.Version(), used.Provider, used.IntraThreads, s.Refused()
	info.MaxPixels = opt.maxPixels()
	info.learnSizes(metadata{values: about.Metadata}, network, opt, options)
	// what large pictures need runs where the model does
	options.Provider, options.DeviceID = used.Provider, used.DeviceID
	chosen.Provider, chosen.DeviceID = used.Provider, used.DeviceID
	again := func(o *session.Options) (runner, error) {
		c := chosen
		c.NoArena, c.IntraThreads = o.NoArena, o.IntraThreads
		s, err := sessions.open(network, &c)
		if err != nil {
			return nil, err
		}
		return framed(s, about, info), nil
	}
	run := framed(s, about, info)
	ports := s.About()
	return &Model{
		info: info, run: run, beside: besideOthers(info, options, again), large: newLarge(info, network, options, sessions, again), fast: sessions,
		several: run == runner(s) && takesSeveral(ports.Inputs[0].Shape) && takesSeveral(ports.Outputs[0].Shape),
	}, nil
}

// Info says what is known of the model.
func (m *Model) Info() Info { return m.info }

// Close frees the model after the pictures that are under way. It may be called more than once.
func (m *Model) Close() error {
	if m.large == nil {
		return m.run.Close()
	}
	err := m.run.Close()
	if m.beside != nil {
		err = errors.Join(err, m.beside.close())
	}
	return errors.Join(err, m.large.close(), m.fast.close())
}

// Translate gives the picture in the other domain, with the same bounds and the same alpha; the model itself sees colours only.
// The result is an *image.NRGBA. When ctx ends, the run is broken off and the error is ctx's.
//
// Pictures are padded at the right and at the bottom with their mirror image to a size that the model takes, and the result is cut back.
// A model that takes one size alone gets larger pictures scaled down to it, and its result is scaled up again.
//
// A picture of more than Options.MaxPixels goes through the model in tiles, all of which are normalized by the statistics of the whole picture,
// and which overlap as far as the network sees. That gives what the whole picture would: to rounding without instance normalization, and with it
// to 45 dB and mostly to more than 50, since the statistics are approached in rounds, each of which computes all tiles; two or three are usual.
// Where tiles cannot be had like that ([Model.Tiling] says why), they are faded into each other.
func (m *Model) Translate(ctx context.Context, img image.Image) (image.Image, error) {
	if err := valid(img); err != nil {
		return nil, fmt.Errorf("translate picture: %w", err)
	}
	out, err := m.translate(ctx, img)
	if err != nil {
		return nil, fmt.Errorf("translate picture of %dx%d: %w", img.Bounds().Dx(), img.Bounds().Dy(), err)
	}
	return finish(out, img), nil
}

// RunInto sends values through the network as they are, and no picture: Info says which layout, sizes and range the model takes.
// What the output's data has room for is written there (see [session.Session.RunInto]).
func (m *Model) RunInto(ctx context.Context, output *session.Tensor, input session.Tensor) error {
	outputs := []session.Tensor{*output}
	err := m.run.RunInto(ctx, outputs, input)
	*output = outputs[0]
	return err
}

// valid says why there is nothing to translate.
func valid(img image.Image) error {
	if img == nil {
		return errors.New("there is none: the image is nil")
	}
	if b := img.Bounds(); b.Empty() {
		return fmt.Errorf("it is empty: %v", b)
	}
	return nil
}

// finish gives a result the bounds and the alpha of its picture.
func finish(out *image.NRGBA, img image.Image) image.Image {
	copyAlpha(out, img)
	out.Rect = img.Bounds()
	return out
}

// translate gives an opaque picture of img's size that starts at the origin.
func (m *Model) translate(ctx context.Context, img image.Image) (*image.NRGBA, error) {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	if sw, sh := m.fit(w, h); sw != w || sh != h {
		whole, err := straight(img)
		if err != nil {
			return nil, err
		}
		out, err := m.translate(ctx, pixels.Resize(whole, sw, sh))
		if err != nil {
			return nil, err
		}
		return pixels.Resize(out, w, h), nil
	}
	g := m.grid(w, h)
	traceTiling(ctx, g)
	if g != nil {
		return m.tiled(ctx, img, g)
	}
	W, H := m.runSize(w, h)
	out, err := m.whole(ctx, []image.Image{img}, W, H)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// whole sends pictures through the model in one run, each padded to W x H.
func (m *Model) whole(ctx context.Context, imgs []image.Image, W, H int) ([]*image.NRGBA, error) {
	n, size := len(imgs), m.info.Input.Len(W, H)
	underWay := m.underWay.Add(1)
	defer m.underWay.Add(-1)
	run := m.run
	if W > arenaPixels/H/n {
		var err error
		if run, err = m.wholeSession(); err != nil {
			return nil, err
		}
	} else if m.beside != nil && underWay > 1 {
		var err error
		if run, err = m.beside.get(); err != nil {
			return nil, err
		}
	}
	ws := m.workspace(n * size)
	defer m.release(ws)
	for i, img := range imgs {
		if err := m.fill(ws.in[i*size:(i+1)*size], W, H, img); err != nil {
			return nil, err
		}
	}
	if _, err := ws.run(ctx, run, &m.info, n, W, H); err != nil {
		return nil, err
	}
	results := make([]*image.NRGBA, n)
	size = m.info.Output.Len(W, H)
	for i, img := range imgs {
		out := image.NewNRGBA(image.Rect(0, 0, img.Bounds().Dx(), img.Bounds().Dy()))
		if err := m.info.Output.Draw(out, out.Rect, ws.pictures()[i*size:(i+1)*size], W, H, image.Point{}); err != nil {
			return nil, err
		}
		results[i] = out
	}
	return results, nil
}

// fit gives the size that a picture is scaled down to for a model that takes one size alone, or the size itself.
func (m *Model) fit(w, h int) (int, int) {
	scale := 1.0
	if m.info.Width > 0 {
		scale = min(scale, float64(m.info.Width)/float64(w))
	}
	if m.info.Height > 0 {
		scale = min(scale, float64(m.info.Height)/float64(h))
	}
	if scale == 1 {
		return w, h
	}
	scaled := func(n int) int { return max(1, int(math.Floor(float64(n)*scale+1e-9))) }
	return scaled(w), scaled(h)
}

// runSize gives the size that a picture is padded to.
func (m *Model) runSize(w, h int) (W, H int) {
	W, H = padded(w, m.info.SizeMultiple, m.info.MinSize), padded(h, m.info.SizeMultiple, m.info.MinSize)
	if m.info.Width > 0 {
		W = m.info.Width
	}
	if m.info.Height > 0 {
		H = m.info.Height
	}
	return W, H
}

// fill puts img into dst, a tensor of W x H, and its mirror images around it.
func (m *Model) fill(dst []float32, W, H int, img image.Image) error {
	spec := m.info.Input
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	if w == W && h == H {
		return spec.Put(dst, img)
	}
	part := m.buffer(spec.Len(w, h))
	defer m.buffers.Put(part)
	if err := spec.Put(*part, img); err != nil {
		return err
	}
	reflect(dst, W, H, *part, w, h, spec)
	return nil
}

// buffer gives n values that may hold anything, to be put back into m.buffers.
func (m *Model) buffer(n int) *[]float32 {
	if b, ok := m.buffers.Get().(*[]float32); ok && cap(*b) >= n {
		*b = (*b)[:n]
		return b
	}
	b := make([]float32, n)
	return &b
}
