// Package infer translates images with an ONNX model, such as a CycleGAN generator. A [Model] is
// opened once and translates any number of images, also concurrently:
//
//	model, err := infer.Open("G_AB.onnx", nil)
//	if err != nil {
//		return err
//	}
//	defer model.Close()
//	winter, err := model.Translate(ctx, summer) // image.Image to image.Image of the same size
//
// The subpackage batch converts folders of images.
//
// Models exported by cyclegan describe themselves. For other image-to-image models the shapes, the
// element types and the last operator are examined, and [Options] supply the rest. [Model.Info]
// reports what is known.
//
// The model runs in ONNX Runtime, a shared library. It is searched for in this order:
// Options.Library, the environment variable CYCLEGAN_ONNXRUNTIME, the user's cache, the system's
// loader. `go run ./third_party install` in a checkout of cyclegan downloads it to the cache. If it
// is missing, the error is a *session.NotFoundError.
package infer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"
	"slices"

	"cyclegan/infer/onnx"
	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
)

// A Model is an image-to-image network that is ready to run. It is safe for concurrent use.
type Model struct {
	*engine
	sessions       *sessions
	tiler          *tiler
	limit          *limiter
	acceptsBatches bool // a run may take several images
	uses           uses
}

// Open opens the model file at path, and weights in separate files next to it. It fails, with the
// reason, if the model does not convert one image to another.
func Open(path string, opt *Options) (*Model, error) {
	session.Preload(opt.session())
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	m, err := newModel(data, filepath.Dir(path), opt)
	if err != nil {
		return nil, fmt.Errorf("model %q: %w", path, err)
	}
	return m, nil
}

// New opens a model from the content of an ONNX file, which the caller may change afterwards.
func New(model []byte, opt *Options) (*Model, error) {
	return newModel(slices.Clone(model), "", opt)
}

// newModel keeps data. Dir is the folder of weights that are not in data.
func newModel(data []byte, dir string, opt *Options) (*Model, error) {
	if opt == nil {
		opt = &Options{}
	}
	if err := opt.Validate(); err != nil {
		return nil, err
	}
	network, err := onnx.Parse(data)
	if err != nil {
		return nil, err
	}
	if network.Dir = dir; dir != "" && network.External() {
		// Inlined weights allow all that is done with other models, unless they are too large.
		if err := network.Inline(); err != nil && !errors.Is(err, onnx.ErrTooLarge) {
			return nil, fmt.Errorf("read the model's separate weight files: %w\nFix: keep them in the folder of the model, under their names", err)
		}
	}
	about := session.Describe(network)
	info, err := inspect(about, network, opt)
	if err != nil {
		return nil, err
	}
	if !about.External && len(about.Inputs)+len(about.Outputs) > 2 {
		network = network.Only(info.Output.Name) // compute nothing but the image
	}
	finite := make(chan error, 1)
	go func() { finite <- network.CheckFinite() }() // ONNX Runtime takes longer to open a session
	s, err := openSessions(network, about, &info, opt.session())
	if err != nil {
		return nil, err
	}
	if err := <-finite; err != nil {
		return nil, errors.Join(fmt.Errorf("%w: every image would be damaged\nFix: use a model whose training did not diverge, or, if it is in float16, the same model in float32", err), s.close())
	}
	info.SizesKnown = info.learnSizes(about.Metadata, network, opt)
	if err := info.chooseDetail(opt.Detail); err != nil {
		return nil, errors.Join(err, s.close())
	}
	info.MaxPixels = max(cmp.Or(info.MaxPixels, opt.MaxPixels, defaultMaxPixels), -1)
	n, unit := opt.concurrency(info.Threads)
	info.Concurrency = n
	s.splitThreads(n)
	s.expectConcurrent = opt.Concurrency > 1
	e := newEngine(info)
	e.trial.wanted = !info.SizesKnown
	return &Model{engine: e, sessions: s, tiler: newTiler(e, s), limit: newLimiter(n, unit), acceptsBatches: s.acceptsBatches()}, nil
}

// Info describes the model.
func (m *Model) Info() Info {
	i, s := m.info, m.sizes()
	i.SizeMultiple, i.MinSize = s.multiple, s.least
	i.SizesKnown = i.SizesKnown || m.trial.found.Load() != nil
	return i
}

// Close waits for the translations under way and frees the model. Later ones fail with
// session.ErrClosed. It may be called more than once.
func (m *Model) Close() error {
	m.uses.close()
	return errors.Join(m.tiler.close(), m.sessions.close())
}

// Translate returns the image in the other domain, with the same bounds and the same alpha; the
// model sees the colors only. The result is an *image.NRGBA or, for an image with 16 bits per
// sample, an *image.NRGBA64. If the model returns one channel and the image is opaque, it is an
// *image.Gray or an *image.Gray16. If ctx ends, Translate aborts and returns the cause of ctx.
//
// The values of 16-bit images are those of the model's windows: see Options.InputWindow. A model
// with an output window returns 16 bits for every image.
//
// Translate waits while other images fill the model; see Options.Concurrency.
//
// Images are padded at the right and the bottom with their mirror image to a size that the model
// takes, and the result is cropped. For a model with a fixed size, larger images are scaled down,
// and the result is scaled up again.
//
// An image of more than Options.MaxPixels passes through the model in tiles, which overlap as far
// as the network sees and are normalized by the statistics of the whole image. The result equals
// that of the whole image: up to rounding without instance normalization, and within 45 dB, mostly
// 50 dB, with it, because the statistics are approximated in rounds (two or three, each of which
// computes all tiles). Where this is not possible, the edges of the tiles are blended;
// [Model.Tiling] tells why. A pyramid of cyclegan works on a thumbnail, so no image is cut for it.
func (m *Model) Translate(ctx context.Context, img image.Image) (image.Image, error) {
	if err := m.uses.begin(); err != nil {
		return nil, fmt.Errorf("translate image: %w", err)
	}
	defer m.uses.end()
	return m.translateOne(ctx, img)
}

// translateOne is Translate for a model that stays open.
func (m *Model) translateOne(ctx context.Context, img image.Image) (image.Image, error) {
	if err := pixels.Valid(img); err != nil {
		return nil, fmt.Errorf("translate image: %w", err)
	}
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	img, clamped := m.info.Input.Window.Stretch(img)
	if report, ok := ctx.Value(tilingTrace{}).(func(Tiling)); ok {
		t := m.Tiling(w, h)
		t.Clamped = clamped
		report(t)
	}
	var out image.Image
	var err error
	if cw, ch, ok := m.copySize(w, h); ok {
		if out, err = m.keepDetail(ctx, img, cw, ch); err == nil {
			out = m.inDomain(out)
		}
	} else if out, err = m.translate(ctx, img); err == nil {
		out = m.finish(out, img)
	}
	if err != nil {
		return nil, fmt.Errorf("translate image of %dx%d: %w", w, h, err)
	}
	return out, nil
}

// blank returns an empty image for the translation of img. It starts at the origin, and has 16 bits
// per sample, as an *image.NRGBA64, if img or the images of the output's domain have them.
func (e *engine) blank(img image.Image) image.Image {
	r := image.Rectangle{Max: img.Bounds().Size()}
	if e.deep(img) {
		return image.NewNRGBA64(r)
	}
	return image.NewNRGBA(r)
}

func (e *engine) deep(img image.Image) bool {
	return pixels.Deep(img) || e.info.Output.Window != (Window{})
}

// finish gives out, which is blank's, the alpha and the bounds of img, and converts it to the
// output's domain.
func (m *Model) finish(out, img image.Image) image.Image {
	copyAlpha(out, img)
	switch out := out.(type) {
	case *image.NRGBA:
		out.Rect = img.Bounds()
	case *image.NRGBA64:
		out.Rect = img.Bounds()
	}
	return m.inDomain(out)
}

// inDomain gives an image as many channels as the output has, and the values of the output's
// window.
func (m *Model) inDomain(img image.Image) image.Image {
	if m.info.Output.Channels == 1 {
		img = pixels.Gray(img)
	}
	return m.info.Output.Window.Squeeze(img)
}

// translate returns an opaque image of the size of img that starts at the origin.
func (m *Model) translate(ctx context.Context, img image.Image) (image.Image, error) {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	if sw, sh := m.fit(w, h); sw != w || sh != h {
		out, err := m.translate(ctx, pixels.Scale(pixels.Colors(img), sw, sh))
		if err != nil {
			return nil, err
		}
		return pixels.Scale(out, w, h), nil
	}
	before := m.sizes()
	out, err := m.translateAtSize(ctx, img)
	if err != nil && m.learn(ctx, err, before) {
		out, err = m.translateAtSize(ctx, img)
	}
	return out, err
}

// translateAtSize is translate for an image that need not be scaled.
func (m *Model) translateAtSize(ctx context.Context, img image.Image) (image.Image, error) {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	W, H := m.runSize(w, h)
	g := m.tiler.grid(w, h)
	if g == nil {
		out, err := m.whole(ctx, []image.Image{img}, W, H)
		if err != nil {
			return nil, err
		}
		return out[0], nil
	}
	release, _, err := m.limit.acquire(ctx, W, H)
	if err != nil {
		return nil, err
	}
	defer release()
	return m.tiler.translate(ctx, img, g)
}

// whole passes images through the model in one run, each padded to W x H.
func (m *Model) whole(ctx context.Context, imgs []image.Image, W, H int) ([]image.Image, error) {
	release, concurrent, err := m.limit.acquire(ctx, W, H*len(imgs))
	if err != nil {
		return nil, err
	}
	defer release()
	run, err := m.sessions.pick(W, H*len(imgs), concurrent)
	if err != nil {
		return nil, err
	}
	n, size := len(imgs), m.in.Len(W, H)
	ws := m.workspace(n * size)
	defer m.workspaces.Put(ws)
	for i, img := range imgs {
		if err := m.fill(ws.in[i*size:(i+1)*size], W, H, img); err != nil {
			return nil, err
		}
	}
	if _, err := m.run(ctx, run, ws, n, W, H); err != nil {
		return nil, err
	}
	results := make([]image.Image, n)
	size = m.out.Len(W, H)
	for i, img := range imgs {
		out := m.blank(img)
		if err := m.out.Draw(out, out.Bounds(), ws.images()[i*size:(i+1)*size], W, H, image.Point{}); err != nil {
			return nil, err
		}
		results[i] = out
	}
	return results, nil
}

// fit returns the size to which an image is scaled down for a model with a fixed size, or its own
// size.
func (m *Model) fit(w, h int) (int, int) {
	W, H := m.runSize(w, h) // no smaller, except for a fixed size
	scale := min(1, float64(W)/float64(w), float64(H)/float64(h))
	scaled := func(n int) int { return max(1, int(math.Floor(float64(n)*scale+1e-9))) }
	return scaled(w), scaled(h)
}

// TranslateAll translates several images: result i belongs to image i. Images that the model sees
// at the same size share a run, as many as Options.MaxPixels allows, which keeps a GPU busy. On a
// CPU this is no faster than calling Translate. A model that takes one image at a time gets them
// one by one.
//
// The results equal those of Translate up to rounding, unless the model itself mixes the images of
// a batch, as batch normalization in training mode does. The error names the first image that
// failed; there are no results then.
func (m *Model) TranslateAll(ctx context.Context, imgs []image.Image) ([]image.Image, error) {
	if err := m.uses.begin(); err != nil {
		return nil, fmt.Errorf("translate images: %w", err)
	}
	defer m.uses.end()
	for i, img := range imgs {
		if err := pixels.Valid(img); err != nil {
			return nil, fmt.Errorf("translate image %d of %d: %w", i+1, len(imgs), err)
		}
	}
	results := make([]image.Image, len(imgs))
	sizes := m.sharedSizes(imgs)
	most := m.info.MaxPixels
	if most < 0 {
		most = defaultMaxPixels
	}
	for i := range imgs {
		if results[i] != nil {
			continue
		}
		indices := []int{i}
		for k := i + 1; k < len(imgs) && sizes[i].X > 0 && len(indices) < most/sizes[i].X/sizes[i].Y; k++ {
			if results[k] == nil && sizes[k] == sizes[i] {
				indices = append(indices, k)
			}
		}
		var err error
		if len(indices) > 1 {
			before := m.sizes()
			err = m.translateRun(ctx, indices, sizes[i], imgs, results)
			if err != nil && m.learn(ctx, err, before) {
				indices, sizes = indices[:1], m.sharedSizes(imgs)
			}
		}
		if len(indices) == 1 {
			results[i], err = m.translateOne(ctx, imgs[i])
		}
		if err != nil {
			return nil, fmt.Errorf("image %d of %d, in a run of %d: %w", i+1, len(imgs), len(indices), err)
		}
	}
	return results, nil
}

// sharedSizes returns the sizes at which the model sees the images, or 0x0 for those that cannot
// share a run.
func (m *Model) sharedSizes(imgs []image.Image) []image.Point {
	sizes := make([]image.Point, len(imgs))
	for i, img := range imgs {
		w, h := img.Bounds().Dx(), img.Bounds().Dy()
		_, _, small := m.copySize(w, h)
		if fw, fh := m.fit(w, h); !small && m.acceptsBatches && fw == w && fh == h && m.tiler.grid(w, h) == nil {
			sizes[i].X, sizes[i].Y = m.runSize(w, h)
		}
	}
	return sizes
}

// translateRun translates those of imgs that share a run.
func (m *Model) translateRun(ctx context.Context, indices []int, size image.Point, imgs, results []image.Image) error {
	var members []image.Image
	for _, i := range indices {
		img, _ := m.info.Input.Window.Stretch(imgs[i])
		members = append(members, img)
	}
	out, err := m.whole(ctx, members, size.X, size.Y)
	for k := range out {
		results[indices[k]] = m.finish(out[k], members[k])
	}
	return err
}
