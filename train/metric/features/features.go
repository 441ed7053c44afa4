// Package features extracts feature vectors from images with any ONNX model, or with its own
// [EfficientNet], for the distances of package metric. Its central type is [Extractor].
//
//	e, err := features.Open("inception.onnx", nil)
//	if err != nil {
//		return err
//	}
//	defer e.Close()
//	vectors, err := e.Extract(ctx, images)   // len(images) * e.Dim() values
//	err = real.Add(vectors)                  // a *metric.Features
//
// A model takes float32 images, [N,3,H,W] or [N,H,W,3] (or one channel, the luma), and returns one
// vector per image, [N,D], [N,D,1,1] or [N,1,1,D]. Batch, height and width may be fixed. The values
// of black and white come from its metadata ("cyclegan.range" is "0,255") or from the options.
//
// FID and KID are comparable with published values only for one extractor: the Inception network of
// 2015 with its own bilinear resize. recipes/inception.py writes it, with torch-fidelity's weights,
// as a model that takes images of any size with values from 0 to 255 and contains the resize. Pass
// it the original images: for a model of fixed size they are resized by the bicubic
// [pixels.Resize], which is a better resize but changes the scores.
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

// ErrNoRange is the error of opening a model if neither its metadata nor the options have the
// values of black and white. A wrong guess would go unnoticed.
var ErrNoRange = errors.New("the model does not record its values of black and white")

// Options configure how a model runs and, if it does not say so itself, what images it takes. Nil
// and the zero value are the defaults.
type Options struct {
	// Library, Provider, DeviceID and Threads are as in session.Options (IntraThreads).
	Library  string
	Provider string
	DeviceID int
	Threads  int

	// Range holds the values of black and white. Default: from the model's metadata.
	Range pixels.Range
	// Layout is "NCHW" or "NHWC". Default: from the model's shapes, else NCHW.
	Layout string
	// BGR means that the model takes blue first.
	BGR bool
	// Width and Height are the size in pixels to which images are resized, for a model without a
	// fixed size. Default: no resize.
	Width, Height int
	// Output is the name of the features, if the model has several outputs.
	Output string
	// Batch is the number of images per run. Default 16, or the model's fixed batch.
	Batch int
}

func (o Options) session() *session.Options {
	return &session.Options{Library: o.Library, Provider: o.Provider, DeviceID: o.DeviceID, IntraThreads: o.Threads}
}

// Validate reports every invalid option with its value.
func (o *Options) Validate() error {
	if o == nil {
		return nil
	}
	bad := []error{o.session().Validate()}
	if o.Range != (pixels.Range{}) {
		bad = append(bad, pixels.Spec{Channels: 3, Range: o.Range}.Validate())
	}
	if o.Layout != "" && !strings.EqualFold(o.Layout, "NCHW") && !strings.EqualFold(o.Layout, "NHWC") {
		bad = append(bad, fmt.Errorf("layout %q is unknown; use NCHW or NHWC", o.Layout))
	}
	if o.Width < 0 || o.Height < 0 || max(o.Width, o.Height) > largestSide || (o.Width == 0) != (o.Height == 0) {
		bad = append(bad, fmt.Errorf("size %dx%d: both sides must be 1 to %d pixels, or both 0", o.Width, o.Height, largestSide))
	}
	if o.Batch < 0 || o.Batch > largestBatch {
		bad = append(bad, fmt.Errorf("batch %d must be 1 to %d images, or 0", o.Batch, largestBatch))
	}
	return errors.Join(bad...)
}

const (
	largestSide  = 1 << 14
	largestBatch = 1 << 12
	usualBatch   = 16
)

// Info describes an extractor.
type Info struct {
	Path string
	// Name is "cyclegan.extractor" of the metadata, else the file name.
	Name string
	// SHA256 is the hash of the model's file, or of EfficientNet's weights, in hexadecimal.
	// External means that other files hold weights, which the hash does not cover.
	SHA256   string
	External bool
	// Width and Height are the size to which images are resized; 0 means no resize.
	Width, Height int
	// Batch is the number of images per run.
	Batch int
	// Input is the format of the images, Output the name of the features.
	Input  pixels.Spec
	Output string
	// Runtime is the version of ONNX Runtime.
	Runtime, Provider string
	Threads           int
}

// An Extractor computes feature vectors of images. It is safe for concurrent use.
type Extractor struct {
	info    Info
	session *session.Session
	fixed   bool // the model requires Batch images per run
	least   int  // shortest side in pixels; smaller images are enlarged
	output  int
	dim     atomic.Int64
}

// Open opens the model at path, or [EfficientNet]. If ONNX Runtime is missing, the error is a
// [session.NotFoundError].
func Open(path string, opt *Options) (*Extractor, error) {
	if err := opt.Validate(); err != nil {
		return nil, err
	}
	var o Options
	if opt != nil {
		o = *opt
	}
	e := &Extractor{info: Info{Path: path, Name: filepath.Base(path)}}
	var data []byte
	var err error
	if path == EfficientNet {
		if o.Range != (pixels.Range{}) || o.Layout != "" || o.BGR || o.Output != "" {
			return nil, fmt.Errorf("open feature extractor %s: range, layout, BGR and output are known. Fix: omit them, or name an ONNX file", path)
		}
		e.info.Name, e.least = "EfficientNet-Lite0", efficientNetSide
		data, e.info.SHA256, err = efficientNet()
	} else if data, err = os.ReadFile(path); err == nil {
		sum := sha256.Sum256(data)
		e.info.SHA256 = hex.EncodeToString(sum[:])
	}
	if err != nil {
		return nil, fmt.Errorf("open feature extractor: %w", err)
	}
	model, err := onnx.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("open feature extractor %q: %w", path, err)
	}
	model.Dir = filepath.Dir(path)
	about := session.Describe(model)
	e.info.External = about.External
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

// Info describes the extractor.
func (e *Extractor) Info() Info { return e.info }

// Dim returns the length of a feature vector. It is 0 until the first run if the model's shape does
// not fix it.
func (e *Extractor) Dim() int { return int(e.dim.Load()) }

// Close frees the model. It may be called more than once.
func (e *Extractor) Close() error { return e.session.Close() }

// Extract returns the concatenated feature vectors of the images in order. It ignores alpha, and
// runs consecutive images of one size together. When ctx ends, the error is ctx's.
func (e *Extractor) Extract(ctx context.Context, images []*image.NRGBA) ([]float32, error) {
	var all []float32
	for first := 0; first < len(images); {
		var batch []*image.NRGBA
		for _, img := range images[first:min(first+e.info.Batch, len(images))] {
			img = pixels.Opaque(img)
			if e.info.Width > 0 {
				img = pixels.Resize(img, e.info.Width, e.info.Height)
			} else if size := img.Rect.Size(); min(size.X, size.Y) < e.least {
				img = pixels.Resize(img, max(size.X, e.least), max(size.Y, e.least))
			}
			if len(batch) > 0 && img.Rect.Size() != batch[0].Rect.Size() {
				break
			}
			batch = append(batch, img)
		}
		vectors, err := e.batch(ctx, batch)
		if err != nil {
			return nil, fmt.Errorf("features by %q: %w", e.info.Path, err)
		}
		all = append(all, vectors...)
		first += len(batch)
	}
	return all, nil
}

// batch runs images of one size. A model with a fixed batch gets the last image repeatedly.
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

// vectors checks the model's output for n images and returns the vectors of the first wanted ones.
func (e *Extractor) vectors(t session.Tensor, n, wanted int) ([]float32, error) {
	dim, err := vectorLength(t.Shape)
	if err == nil && t.Shape[0] != int64(n) {
		err = fmt.Errorf("there are %d vectors for %d images", t.Shape[0], n)
	}
	if err == nil && !e.dim.CompareAndSwap(0, dim) && e.dim.Load() != dim {
		err = fmt.Errorf("earlier vectors had %d values", e.dim.Load())
	}
	if err != nil {
		return nil, fmt.Errorf("output %q of shape %v: %w", e.info.Output, t.Shape, err)
	}
	values := t.Data[:int(dim)*wanted]
	for i, v := range values {
		if v-v != 0 { // NaN or infinite
			return nil, fmt.Errorf("output %q: value %d of a vector is %v. Fix: check the range of values", e.info.Output, i%int(dim), v)
		}
	}
	return values, nil
}

// vectorLength returns the length of the vectors in a shape, in which only one dimension after the
// first may differ from 1. It returns -1 if the shape does not fix it.
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
		return 0, errors.New("not one vector per image, [N,D], [N,D,1,1] or [N,1,1,D]. Fix: end the model in a pooling")
	case open:
		return -1, nil
	}
	return length, nil
}
