package infer

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"

	"golang.org/x/sync/errgroup"

	"cyclegan/infer/internal/detail"
	"cyclegan/infer/pixels"
)

// The values of Options.Detail.
const (
	DetailAuto  = "auto"
	DetailInput = "input"
	DetailModel = "model"
)

// autoFactor is the number of times that an image is larger than the training size from which on
// DetailAuto stands for DetailInput.
const autoFactor = 2

// chooseDetail sets DetailFrom. A model that is never cut, according to its metadata, keeps the
// detail by itself.
func (i *Info) chooseDetail(choice string) error {
	i.DetailFrom = 0
	if choice == DetailModel || choice != DetailInput && i.MaxPixels < 0 {
		return nil
	}
	side, fixed := min(i.TrainWidth, i.TrainHeight), i.Width > 0 && i.Height > 0
	var reason string
	switch {
	case i.Input.Channels != i.Output.Channels:
		reason = fmt.Sprintf("it needs a model with as many output channels as input channels; this has %d and %d",
			i.Output.Channels, i.Input.Channels)
	case side < 1 && !(fixed && choice == DetailInput):
		reason = "the model does not record its training size\nFix: set Options.TrainSize"
	}
	switch {
	case reason != "" && choice == DetailInput:
		return errors.New("detail from the input: " + reason)
	case reason != "":
	case fixed:
		i.DetailFrom = 1 // larger images are scaled down in any case
	case choice == DetailInput:
		i.DetailFrom = side + 1
	default:
		i.DetailFrom = autoFactor * side
	}
	return nil
}

// copySize returns the size of the copy that the model translates for an image of w x h whose
// detail comes from the input. Ok is false if the detail comes from the model.
func (m *Model) copySize(w, h int) (cw, ch int, ok bool) {
	i := &m.info
	switch {
	case i.DetailFrom < 1 || min(w, h) < i.DetailFrom:
		return 0, 0, false
	case i.Width > 0 && i.Height > 0:
		cw, ch = m.fit(w, h)
	default:
		scale := float64(min(i.TrainWidth, i.TrainHeight)) / float64(min(w, h))
		s := m.sizes()
		side := func(n int) int {
			multiples := math.Round(float64(n) * scale / float64(s.multiple))
			return max(int(multiples)*s.multiple, padded(1, s.multiple, s.least))
		}
		cw, ch = side(w), side(h)
	}
	return cw, ch, cw <= w && ch <= h && (cw < w || ch < h)
}

// keepDetail translates a copy of the image of cw x ch, and applies the change to the image.
func (m *Model) keepDetail(ctx context.Context, img image.Image, cw, ch int) (image.Image, error) {
	before := pixels.Scale(pixels.Colors(img), cw, ch)
	after, err := m.translate(ctx, before)
	if err != nil {
		return nil, err
	}
	spec := pixels.Spec{Range: pixels.Unit, Channels: m.info.Input.Channels}
	in, out := make([]float32, spec.Len(cw, ch)), make([]float32, spec.Len(cw, ch))
	if err := errors.Join(spec.Put(in, before), spec.Put(out, after)); err != nil {
		return nil, err
	}
	return applyChange(ctx, img, m.deep(img), detail.New(in, out, spec.Channels, cw, ch), m.info.Threads)
}

// applyChange returns the changed image, with 16 bits per sample if deep.
func applyChange(ctx context.Context, img image.Image, deep bool, change *detail.Change, threads int) (image.Image, error) {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	var result image.Image
	var put func(row []uint16, y int)
	if deep {
		out := image.NewNRGBA64(b)
		result, put = out, func(row []uint16, y int) {
			to := out.Pix[y*out.Stride:]
			for i, v := range row {
				to[2*i], to[2*i+1] = uint8(v>>8), uint8(v)
			}
		}
	} else {
		out := image.NewNRGBA(b)
		result, put = out, func(row []uint16, y int) {
			to := out.Pix[y*out.Stride:]
			for i, v := range row {
				to[i] = uint8((uint32(v) + 128) / 257)
			}
		}
	}
	var bands errgroup.Group
	n := max(1, min(threads, h))
	for band := range n {
		bands.Go(func() error {
			read, add, row := pixels.Rows(img), change.Rows(w, h), make([]uint16, 4*w)
			for y := band * h / n; y < (band+1)*h/n; y++ {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				read(row, b.Min.Y+y)
				add(row, y)
				put(row, y)
			}
			return nil
		})
	}
	return result, bands.Wait()
}
