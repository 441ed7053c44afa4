package infer

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"cyclegan/infer/internal/onnxfile"
	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
)

// A Model is a generator that is ready to run. It may be used from several goroutines at once.
type Model struct {
	info    Info
	run     runner
	large   *large    // nil where no picture is too large for run
	buffers sync.Pool // of *[]float32
}

// runner is what a Model needs of a session.
type runner interface {
	Run(ctx context.Context, inputs ...session.Tensor) ([]session.Tensor, error)
	Close() error
}

// Open reads the model at path, and weights that lie in files beside it. It is refused, with the reason, if it does not make one picture of another.
func Open(path string, opt *Options) (*Model, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	if data, err = withWeights(data, filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("model %q: %w", path, err)
	}
	m, err := newModel(data, opt, func(file []byte, external bool, o *session.Options) (*session.Session, error) {
		if external {
			return session.Open(path, o)
		}
		return session.New(file, o)
	})
	if err != nil {
		return nil, fmt.Errorf("model %q: %w", path, err)
	}
	return m, nil
}

// New makes a model of the bytes of an ONNX file, which may be changed afterwards.
// It is refused, with the reason, if it does not make one picture of another.
func New(model []byte, opt *Options) (*Model, error) {
	data := slices.Clone(model) // large pictures need it later
	return newModel(data, opt, func(file []byte, _ bool, o *session.Options) (*session.Session, error) { return session.New(file, o) })
}

// newModel looks at the file itself before ONNX Runtime does. It keeps data.
func newModel(data []byte, opt *Options, open func(file []byte, external bool, o *session.Options) (*session.Session, error)) (*Model, error) {
	if err := opt.Validate(); err != nil {
		return nil, err
	}
	about, err := session.Describe(data)
	if err != nil {
		return nil, err
	}
	network, err := onnxfile.Parse(data)
	if err != nil {
		return nil, err
	}
	info, err := inspect(about, network, opt)
	if err != nil {
		return nil, err
	}
	if !about.External && len(about.Inputs)+len(about.Outputs) > 2 {
		data = network.Only(info.OutputPort.Name).Encode() // what the picture does not need is not computed
	}
	options := opt.session()
	chosen := *options
	chosen.Inputs, chosen.Outputs = []string{info.InputPort.Name}, []string{info.OutputPort.Name}
	s, err := open(data, about.External, &chosen)
	if err != nil {
		return nil, err
	}
	used := s.Options()
	info.Runtime, info.Provider, info.Threads, info.Refused = s.Version(), used.Provider, used.IntraThreads, s.Refused()
	info.MaxPixels = opt.maxPixels()
	info.learnSizes(metadata{values: about.Metadata}, data, opt, options)
	// what large pictures need runs where the model does
	options.Provider, options.DeviceID = used.Provider, used.DeviceID
	chosen.Provider, chosen.DeviceID = used.Provider, used.DeviceID
	again := func(o *session.Options) (runner, error) {
		c := chosen
		c.NoArena = o.NoArena
		s, err := open(data, about.External, &c)
		if err != nil {
			return nil, err
		}
		return framed(s, about, info), nil
	}
	return &Model{info: info, run: framed(s, about, info), large: newLarge(info, data, about.External, options, again)}, nil
}

// Info says what is known of the model.
func (m *Model) Info() Info { return m.info }

// Close frees the model after the pictures that are under way. It may be called more than once.
func (m *Model) Close() error {
	if m.large == nil {
		return m.run.Close()
	}
	return errors.Join(m.run.Close(), m.large.close())
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
	if img == nil {
		return nil, errors.New("translate picture: there is none: the image is nil")
	}
	b := img.Bounds()
	if b.Empty() {
		return nil, fmt.Errorf("translate picture: it is empty: %v", b)
	}
	out, err := m.translate(ctx, img)
	if err != nil {
		return nil, fmt.Errorf("translate picture of %dx%d: %w", b.Dx(), b.Dy(), err)
	}
	copyAlpha(out, img)
	out.Rect = b
	return out, nil
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
	if g := m.grid(w, h); g != nil {
		return m.tiled(ctx, img, g)
	}
	W, H := m.runSize(w, h)
	run := m.run
	if W > arenaPixels/H {
		var err error
		if run, err = m.wholeSession(); err != nil {
			return nil, err
		}
	}
	in := m.buffer(m.info.Input.Len(W, H))
	defer m.buffers.Put(in)
	if err := m.fill(*in, W, H, img); err != nil {
		return nil, err
	}
	out, _, err := m.runOne(ctx, run, *in, W, H, nil)
	if err != nil {
		return nil, err
	}
	// The stride stays that of the padded picture.
	out.Rect = image.Rect(0, 0, w, h)
	return out, nil
}

// runOne gives what a session makes of a picture of W x H, as it stands in the tensor in, and of what it takes beside that;
// rest is what it gives beside the picture.
func (m *Model) runOne(ctx context.Context, run runner, in []float32, W, H int, more []session.Tensor) (out *image.NRGBA, rest []session.Tensor, err error) {
	outputs, err := run.Run(ctx, append([]session.Tensor{{Shape: dims(m.info.Input, W, H), Data: in}}, more...)...)
	if err != nil {
		return nil, nil, err
	}
	if len(outputs) == 0 || len(outputs) > 1 && more == nil {
		return nil, nil, fmt.Errorf("the model gave %d outputs, not 1", len(outputs))
	}
	spec := m.info.Output
	ow, oh, err := sizeOf(outputs[0], spec)
	if err != nil {
		return nil, nil, err
	}
	if ow != W || oh != H {
		return nil, nil, fmt.Errorf("the model gave %dx%d for %dx%d: it changes the size, or its sides must be multiples that it does not tell (Options.SizeMultiple)", ow, oh, W, H)
	}
	out, err = spec.Picture(outputs[0].Data, W, H)
	return out, outputs[1:], err
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

// dims is the shape of one picture's tensor.
func dims(s pixels.Spec, w, h int) []int64 {
	if s.Layout == pixels.NHWC {
		return []int64{1, int64(h), int64(w), int64(s.Channels)}
	}
	return []int64{1, int64(s.Channels), int64(h), int64(w)}
}

// sizeOf gives the size of the one picture in t.
func sizeOf(t session.Tensor, s pixels.Spec) (w, h int, err error) {
	if len(t.Shape) == 4 {
		w, h = int(t.Shape[3]), int(t.Shape[2])
		if s.Layout == pixels.NHWC {
			w, h = int(t.Shape[2]), int(t.Shape[1])
		}
		want := dims(s, w, h)
		if [4]int64(want) == [4]int64(t.Shape) {
			return w, h, nil
		}
	}
	return 0, 0, fmt.Errorf("the model gave a tensor of shape %v, which is not one %v picture with %d channels", t.Shape, s.Layout, s.Channels)
}
