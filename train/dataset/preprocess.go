package dataset

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"sync"

	"cyclegan/infer/pixels"
)

// Prepared returns the size in which an image is kept: everything before the random steps.
func (o *Options) Prepared(s Size) Size {
	switch o.Preprocess {
	case ResizeAndCrop:
		return Size{o.LoadSize, o.LoadSize}
	case ScaleWidth:
		s = o.scaleWidth(s)
		return Size{multipleOf4(s.Width), multipleOf4(s.Height)}
	case ScaleWidthAndCrop:
		return o.scaleWidth(s)
	case None:
		return Size{multipleOf4(s.Width), multipleOf4(s.Height)}
	}
	return s
}

func (o *Options) scaleWidth(s Size) Size {
	if s.Width == o.LoadSize && s.Height >= o.CropSize {
		return s
	}
	scaled := int(float64(o.LoadSize) * float64(s.Height) / float64(s.Width))
	return Size{o.LoadSize, max(scaled, o.CropSize)}
}

// multipleOf4 rounds halves to even, as Python does.
func multipleOf4(n int) int { return max(4, int(math.RoundToEven(float64(n)/4))*4) }

// SampleSize returns the size of a training sample made from an image of size s.
func (o *Options) SampleSize(s Size) Size {
	if o.Preprocess.Crops() {
		return Size{o.CropSize, o.CropSize}
	}
	return o.Prepared(s)
}

// fits returns an UnfitError unless an image of size s yields a sample.
func (o *Options) fits(s Size) error {
	p := o.Prepared(s)
	if o.Preprocess.Crops() && min(p.Width, p.Height) < o.CropSize {
		return &UnfitError{fmt.Sprintf("image of %v is smaller than crop_size %d. Fix: use a smaller crop_size, or preprocess resize_and_crop", s, o.CropSize)}
	}
	// A long strip scaled to the width may need any height.
	if p.Height > maxSide || p.Width > maxSide {
		return &UnfitError{fmt.Sprintf("image of %v would become %v; the limit is %d pixels per side", s, p, maxSide)}
	}
	return nil
}

// UnfitError reports an image that is sound but does not suit the options.
type UnfitError struct{ text string }

func (e *UnfitError) Error() string { return e.text }

func unequal(o Options, name1 string, size1 Size, name2 string, size2 Size) error {
	need, fix := "a batch needs equal sizes", "use batch_size 1, or a preprocess that crops"
	if o.OneSize {
		need, fix = "a run needs one size per domain", "use a preprocess that crops, such as scale_width_and_crop"
	}
	return fmt.Errorf("preprocess %s with batch_size %d: %s becomes %v and %s becomes %v, but %s. Fix: %s",
		o.Preprocess, o.BatchSize, name1, size1, name2, size2, need, fix)
}

// tile is a prepared image. One of pix and deep holds its h * w * c samples, by their bits.
type tile struct {
	Size
	c    int
	pix  []uint8
	deep []uint16
}

// bytes returns the memory that the samples take.
func (t *tile) bytes() int64 { return int64(len(t.pix) + 2*len(t.deep)) }

// prepare applies the steps that are not random, in the official order: convert to gray if the
// domain has one channel, then resize.
func (o *Options) prepare(img image.Image, channels int) (*tile, error) {
	b := img.Bounds()
	size := Size{b.Dx(), b.Dy()}
	if err := o.fits(size); err != nil {
		return nil, err
	}
	size = o.Prepared(size)
	if channels == 1 {
		img = toGray(img)
	}
	return pack(pixels.Scale(img, size.Width, size.Height), channels), nil
}

// toGray returns the luma of an opaque image, with its bits per sample.
func toGray(img image.Image) image.Image {
	switch m := img.(type) {
	case *image.NRGBA:
		return gray(m)
	case *image.Gray16:
		return m
	}
	b := img.Bounds()
	dst := image.NewGray16(b)
	read, row := pixels.Rows(img), make([]uint16, 4*b.Dx())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		read(row, y)
		for x := range b.Dx() {
			p := row[4*x:]
			dst.SetGray16(b.Min.X+x, y, color.Gray16{Y: pixels.Luma16(p[0], p[1], p[2])})
		}
	}
	return dst
}

func gray(img *image.NRGBA) *image.NRGBA {
	dst := image.NewNRGBA(img.Rect)
	for i := 0; i+3 < len(img.Pix); i += 4 {
		l := pixels.Luma(img.Pix[i], img.Pix[i+1], img.Pix[i+2])
		dst.Pix[i], dst.Pix[i+1], dst.Pix[i+2], dst.Pix[i+3] = l, l, l, 255
	}
	return dst
}

// pack drops alpha and, for one channel, two of the three equal colors.
func pack(img image.Image, channels int) *tile {
	b := img.Bounds()
	t := &tile{Size: Size{b.Dx(), b.Dy()}, c: channels}
	if m, ok := img.(*image.NRGBA); ok {
		t.pix = appendChannels(make([]uint8, 0, t.Width*t.Height*channels), m.Pix, channels)
		return t
	}
	t.deep = make([]uint16, 0, t.Width*t.Height*channels)
	read, row := pixels.Rows(img), make([]uint16, 4*b.Dx())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		read(row, y)
		t.deep = appendChannels(t.deep, row, channels)
	}
	return t
}

// appendChannels appends the first channels of pixels with four.
func appendChannels[T uint8 | uint16](to, pixels []T, channels int) []T {
	for i := 0; i+3 < len(pixels); i += 4 {
		to = append(to, pixels[i:i+channels]...)
	}
	return to
}

// draw chooses crop and flip. It always draws three numbers, so that switching one option off does
// not change the other choices.
func (o *Options) draw(r *rand.Rand, t *tile) (x, y int, flip bool) {
	u, v, f := r.Float64(), r.Float64(), r.Float64()
	if o.Preprocess.Crops() {
		x = int(u * float64(t.Width-o.CropSize+1))
		y = int(v * float64(t.Height-o.CropSize+1))
	}
	return x, y, !o.NoFlip && f < 0.5
}

// The values of the levels of 8 and of 16 bits.
var (
	levels     = pixels.Symmetric.Table()
	deepLevels = sync.OnceValue(pixels.Symmetric.DeepTable)
)

// put writes the part of a tile that starts at (x, y) to dst [h, w, c].
func (t *tile) put(dst []float32, size Size, x, y int, flip bool) {
	if t.deep != nil {
		putSamples(dst, t.deep, deepLevels(), t, size, x, y, flip)
	} else {
		putSamples(dst, t.pix, levels[:], t, size, x, y, flip)
	}
}

func putSamples[T uint8 | uint16](dst []float32, samples []T, levels []float32, t *tile, size Size, x, y int, flip bool) {
	row := size.Width * t.c
	for j := range size.Height {
		src := samples[((y+j)*t.Width+x)*t.c:][:row]
		out := dst[j*row:][:row]
		if !flip {
			for i, v := range src {
				out[i] = levels[v]
			}
			continue
		}
		for i := 0; i < row; i += t.c {
			for c, v := range src[i : i+t.c] {
				out[row-t.c-i+c] = levels[v]
			}
		}
	}
}
