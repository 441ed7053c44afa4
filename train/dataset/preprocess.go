package dataset

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"

	"cyclegan/infer/pixels"
)

// frame is a size in pixels.
type frame struct{ w, h int }

func (f frame) String() string { return fmt.Sprintf("%dx%d", f.w, f.h) }

// prepared is the size that a picture of w x h is kept in: what comes before
// anything random.
func (o *Options) prepared(w, h int) frame {
	switch o.Preprocess {
	case ResizeAndCrop:
		return frame{o.LoadSize, o.LoadSize}
	case ScaleWidth:
		f := o.scaleWidth(w, h)
		return frame{multipleOf4(f.w), multipleOf4(f.h)}
	case ScaleWidthAndCrop:
		return o.scaleWidth(w, h)
	case None:
		return frame{multipleOf4(w), multipleOf4(h)}
	}
	return frame{w, h}
}

func (o *Options) scaleWidth(w, h int) frame {
	if w == o.LoadSize && h >= o.CropSize {
		return frame{w, h}
	}
	scaled := int(float64(o.LoadSize) * float64(h) / float64(w))
	return frame{o.LoadSize, max(scaled, o.CropSize)}
}

// multipleOf4 rounds halves to even, as Python does.
func multipleOf4(n int) int { return max(4, int(math.RoundToEven(float64(n)/4))*4) }

// sample is the size of a training sample made from a picture of w x h.
func (o *Options) sample(w, h int) frame {
	if o.Preprocess.crops() {
		return frame{o.CropSize, o.CropSize}
	}
	return o.prepared(w, h)
}

// fits tells whether a picture of w x h can give a sample.
func (o *Options) fits(w, h int) error {
	p := o.prepared(w, h)
	if o.Preprocess.crops() && min(p.w, p.h) < o.CropSize {
		return &unfitError{fmt.Sprintf("picture of %dx%d is smaller than crop_size %d: use a smaller crop_size, or preprocess resize_and_crop", w, h, o.CropSize)}
	}
	// A long strip scaled to the width may ask for any height.
	if p.h > maxSide || p.w > maxSide {
		return &unfitError{fmt.Sprintf("picture of %dx%d would be scaled to %v, more than %d pixels a side", w, h, p, maxSide)}
	}
	return nil
}

// unfitError is about a picture that is sound and does not suit the options.
type unfitError struct{ text string }

func (e *unfitError) Error() string { return e.text }

func unequal(o Options, name1 string, f1 frame, name2 string, f2 frame) error {
	need, mend := "a batch needs equal sizes", "use batch_size 1, or a preprocess that crops"
	if o.OneSize {
		need, mend = "a run needs one size for each domain", "use a preprocess that crops, such as scale_width_and_crop"
	}
	return fmt.Errorf("preprocess %s with batch_size %d: %s gives %v and %s gives %v, and %s: %s",
		o.Preprocess, o.BatchSize, name1, f1, name2, f2, need, mend)
}

// tile is a prepared picture, 8 bits a channel, pixel by pixel.
type tile struct {
	frame
	c   int
	pix []byte // h * w * c
}

// prepare does what a picture needs once: gray if the domain is, then resized,
// in the official order.
func (o *Options) prepare(img *image.NRGBA, channels int) (*tile, error) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	if err := o.fits(w, h); err != nil {
		return nil, err
	}
	f := o.prepared(w, h)
	if channels == 1 {
		img = gray(img)
	}
	return pack(pixels.Resize(img, f.w, f.h), channels), nil
}

func gray(img *image.NRGBA) *image.NRGBA {
	dst := image.NewNRGBA(img.Rect)
	for i := 0; i+3 < len(img.Pix); i += 4 {
		l := pixels.Luma(img.Pix[i], img.Pix[i+1], img.Pix[i+2])
		dst.Pix[i], dst.Pix[i+1], dst.Pix[i+2], dst.Pix[i+3] = l, l, l, 255
	}
	return dst
}

// pack drops alpha and, with one channel, all but the first of equal colours.
func pack(img *image.NRGBA, channels int) *tile {
	t := &tile{frame: frame{img.Rect.Dx(), img.Rect.Dy()}, c: channels}
	t.pix = make([]byte, 0, t.w*t.h*channels)
	for i := 0; i+3 < len(img.Pix); i += 4 {
		t.pix = append(t.pix, img.Pix[i:i+channels]...)
	}
	return t
}

// augment is what is random about one sample.
type augment struct {
	x, y int
	flip bool
}

// draw decides about crop and flip. Always three draws, so that an option
// switched off does not change the others.
func (o *Options) draw(r *rand.Rand, t *tile) (a augment) {
	u, v, f := r.Float64(), r.Float64(), r.Float64()
	if o.Preprocess.crops() {
		a.x = int(u * float64(t.w-o.CropSize+1))
		a.y = int(v * float64(t.h-o.CropSize+1))
	}
	a.flip = !o.NoFlip && f < 0.5
	return a
}

var levels = pixels.Symmetric.Table()

// put writes the part of a tile that begins at (a.x, a.y) into dst [h, w, c].
func (t *tile) put(dst []float32, size frame, a augment) {
	row := size.w * t.c
	for y := range size.h {
		src := t.pix[((a.y+y)*t.w+a.x)*t.c:][:row]
		out := dst[y*row:][:row]
		if !a.flip {
			for i, v := range src {
				out[i] = levels[v]
			}
			continue
		}
		if t.c == 1 {
			for i, v := range src {
				out[row-1-i] = levels[v]
			}
			continue
		}
		for i := 0; i < row; i += 3 {
			j := row - 3 - i
			out[j], out[j+1], out[j+2] = levels[src[i]], levels[src[i+1]], levels[src[i+2]]
		}
	}
}
