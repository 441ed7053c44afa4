// Package features turns pictures into feature vectors with any ONNX model, for
// the distances of package metric. Its central type is [Extractor].
//
//	e, err := features.Open("inception.onnx", nil)
//	if err != nil {
//		return err
//	}
//	defer e.Close()
//	vectors, err := e.Extract(ctx, pictures) // len(pictures) * e.Dim() values
//	err = real.Add(vectors)                  // a metric.Features or metric.Statistics
//
// A model takes float32 pictures, [N,3,H,W] or [N,H,W,3] (or one channel, the
// luma), and gives one vector a picture, [N,D], [N,D,1,1] or [N,1,1,D]. Batch,
// height and width may be fixed or not. What values black and white have it says
// itself in its metadata ("cyclegan.range" is "0,255"), or the options do.
//
// FID and KID mean what they mean in papers with one extractor only: the Inception
// network of 2015 with its own bilinear resize. recipes/inception.py writes it, with
// torch-fidelity's weights, as a model that takes pictures of any size with values
// from 0 to 255 and holds the resize itself. Give it pictures as they are: a model of
// one size gets them through the bicubic [pixels.Resize], which is a better resize
// and gives other numbers.
package features

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"cyclegan/infer/onnx"
	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
)

// ErrNoRange is what opening a model gives that does not say the values of black
// and of white, where the options don't either: a wrong guess would go unnoticed.
var ErrNoRange = errors.New("the model does not say which values black and white have")

// Options say how a model runs and, for models that do not say it themselves,
// what pictures they take. A nil *Options and the zero value are the defaults.
type Options struct {
	// Library, Provider, DeviceID and Threads are ONNX Runtime's: see session.Options.
	Library  string
	Provider string
	DeviceID int
	Threads  int

	// Range holds the values of black and of white. The zero value: what the model's metadata says.
	Range pixels.Range
	// Layout is "NCHW" or "NHWC". Empty: what the model's shapes say, else NCHW.
	Layout string
	// BGR says that the model takes blue first.
	BGR bool
	// Width and Height are what pictures are resized to, in pixels, for a model that
	// takes several sizes. 0: the pictures' own.
	Width, Height int
	// Output names the features where the model has several outputs.
	Output string
	// Batch is how many pictures go through the model at once. 0: 16, or what the model fixes.
	Batch int
}

func (o Options) session() *session.Options {
	return &session.Options{Library: o.Library, Provider: o.Provider, DeviceID: o.DeviceID, IntraThreads: o.Threads}
}

// Validate lists every option that makes no sense, with its value.
func (o *Options) Validate() error {
	if o == nil {
		return nil
	}
	var bad []error
	bad = append(bad, o.session().Validate())
	if o.Range != (pixels.Range{}) {
		bad = append(bad, pixels.Spec{Channels: 3, Range: o.Range}.Validate())
	}
	if _, err := layout(o.Layout); err != nil {
		bad = append(bad, err)
	}
	if o.Width < 0 || o.Height < 0 || max(o.Width, o.Height) > largestSide || (o.Width == 0) != (o.Height == 0) {
		bad = append(bad, fmt.Errorf("size %dx%d: both sides are 1 to %d pixels, or both 0", o.Width, o.Height, largestSide))
	}
	if o.Batch < 0 || o.Batch > largestBatch {
		bad = append(bad, fmt.Errorf("batch %d: it is 1 to %d pictures, or 0", o.Batch, largestBatch))
	}
	return errors.Join(bad...)
}

const (
	largestSide  = 1 << 14
	largestBatch = 1 << 12
	usualBatch   = 16
)

// Info is what is known of an extractor.
type Info struct {
	Path string
	// Name is what the model calls itself ("cyclegan.extractor" of its metadata), else its file name.
	Name string
	// SHA256 is of the file, in hexadecimal. External says that weights lie in other files, which it does not cover.
	SHA256   string
	External bool
	// Width and Height are what pictures are resized to; 0: they keep their sizes.
	Width, Height int
	// Batch is how many pictures go through the model at once.
	Batch int
	// Input says how tensors hold pictures, Output names the features.
	Input  pixels.Spec
	Output string
	// Runtime is the version of ONNX Runtime, Provider what it runs on, Threads how many share the work.
	Runtime, Provider string
	Threads           int
}

// An Extractor gives the feature vectors of pictures. It may be used by several
// goroutines.
type Extractor struct {
	info    Info
	session *session.Session
	fixed   bool // the model takes Batch pictures and no fewer
	output  int
	dim     atomic.Int64
}

// Open reads the model at path. Where ONNX Runtime is missing the error is a
// session.NotFoundError.
func Open(path string, opt *Options) (*Extractor, error) {
	if err := opt.Validate(); err != nil {
		return nil, err
	}
	var o Options
	if opt != nil {
		o = *opt
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("open feature extractor: %w", err)
	}
	sum := sha256.Sum256(data)
	model, err := onnx.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("open feature extractor %q: %w", path, err)
	}
	model.Dir = filepath.Dir(path)
	about := session.Describe(model)
	e := &Extractor{info: Info{Path: path, Name: filepath.Base(path), SHA256: hex.EncodeToString(sum[:]), External: about.External}}
	if err := e.inspect(about, o); err != nil {
		return nil, fmt.Errorf("open feature extractor %q: %w", path, err)
	}
	if e.session, err = session.OpenModel(model, o.session()); err != nil {
		return nil, fmt.Errorf("feature extractor: %w", err)
	}
	run := e.session.Options()
	e.info.Runtime, e.info.Provider, e.info.Threads = e.session.Version(), run.Provider, run.IntraThreads
	return e, nil
}

// Info says what is known of the extractor.
func (e *Extractor) Info() Info { return e.info }

// Dim is the length of a feature vector; 0 where the model's shape leaves it open
// and no picture has been through it.
func (e *Extractor) Dim() int { return int(e.dim.Load()) }

// Close frees the model. It may be called more than once.
func (e *Extractor) Close() error { return e.session.Close() }

// Extract gives the feature vectors of pictures in their order, one after the
// other. Alpha is ignored. Neighbouring pictures of one size go through the model
// together. When ctx ends, the error is ctx's.
func (e *Extractor) Extract(ctx context.Context, pictures []*image.NRGBA) ([]float32, error) {
	var all []float32
	for first := 0; first < len(pictures); {
		var batch []*image.NRGBA
		for _, img := range pictures[first:min(first+e.info.Batch, len(pictures))] {
			if img == nil || img.Rect.Empty() {
				return nil, e.failed(fmt.Errorf("picture %d has no pixels", first+len(batch)))
			}
			img = pixels.Opaque(img)
			if e.info.Width > 0 {
				img = pixels.Resize(img, e.info.Width, e.info.Height)
			}
			if len(batch) > 0 && img.Rect.Size() != batch[0].Rect.Size() {
				break
			}
			batch = append(batch, img)
		}
		vectors, err := e.batch(ctx, batch)
		if err != nil {
			return nil, e.failed(err)
		}
		all = append(all, vectors...)
		first += len(batch)
	}
	return all, nil
}

func (e *Extractor) failed(err error) error {
	return fmt.Errorf("features by %q: %w", e.info.Path, err)
}

// batch runs pictures of one size. A model that takes so many pictures and no
// fewer gets the last one again, for nothing.
func (e *Extractor) batch(ctx context.Context, batch []*image.NRGBA) ([]float32, error) {
	n := len(batch)
	if e.fixed {
		n = e.info.Batch
	}
	spec, w, h := e.info.Input, batch[0].Rect.Dx(), batch[0].Rect.Dy()
	size := spec.Len(w, h)
	in := session.Tensor{Shape: []int64{int64(n), int64(spec.Channels), int64(h), int64(w)}, Data: make([]float32, n*size)}
	if spec.Layout == pixels.NHWC {
		in.Shape = []int64{int64(n), int64(h), int64(w), int64(spec.Channels)}
	}
	for i := range n {
		if err := spec.Put(in.Data[i*size:(i+1)*size], batch[min(i, len(batch)-1)]); err != nil {
			return nil, err
		}
	}
	out, err := e.session.Run(ctx, in)
	if err != nil {
		return nil, err
	}
	return e.vectors(out[e.output], n, len(batch))
}

// vectors checks what the model gave for n pictures, and takes the vectors of the
// first ones.
func (e *Extractor) vectors(t session.Tensor, n, wanted int) ([]float32, error) {
	dim, err := vectorLength(t.Shape)
	if err == nil && t.Shape[0] != int64(n) {
		err = fmt.Errorf("there are %d vectors for %d pictures", t.Shape[0], n)
	}
	if err == nil && !e.dim.CompareAndSwap(0, dim) && e.dim.Load() != dim {
		err = fmt.Errorf("vectors of %d values came before", e.dim.Load())
	}
	if err != nil {
		return nil, fmt.Errorf("output %q of shape %v: %w", e.info.Output, t.Shape, err)
	}
	values := t.Data[:int(dim)*wanted]
	for i, v := range values {
		if v-v != 0 { // NaN or infinite
			return nil, fmt.Errorf("output %q: value %d of a vector is %v: is the range of values right?", e.info.Output, i%int(dim), v)
		}
	}
	return values, nil
}

// vectorLength is the length of the vectors in a shape, of which one dimension
// beside the first may be other than 1; -1 where the shape leaves it open.
func vectorLength(shape []int64) (int64, error) {
	length, wide, open := int64(1), 0, false
	for _, d := range shape[min(1, len(shape)):] {
		switch {
		case d < 0:
			open = true
		case d != 1:
			length = d
			wide++
		}
	}
	switch {
	case len(shape) < 2 || wide > 1 || length == 0:
		return 0, errors.New("a vector for each picture is needed, [N,D], [N,D,1,1] or [N,1,1,D]: end the model in a pooling")
	case open:
		return -1, nil
	}
	return length, nil
}

func layout(s string) (*pixels.Layout, error) {
	for _, l := range []pixels.Layout{pixels.NCHW, pixels.NHWC} {
		if strings.EqualFold(s, l.String()) {
			return &l, nil
		}
	}
	if s == "" {
		return nil, nil
	}
	return nil, fmt.Errorf("layout %q is unknown: it is NCHW or NHWC", s)
}
