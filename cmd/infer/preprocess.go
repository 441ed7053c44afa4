package main

import (
	"context"
	"fmt"
	"image"
	"image/draw"
	"math"

	"cyclegan/cmd/internal/modelcli"
	"cyclegan/infer/batch"
	"cyclegan/infer/pixels"
)

// The ways of -preprocess.
const (
	resizeAndCrop     = "resize_and_crop"
	cropOnly          = "crop"
	scaleWidth        = "scale_width"
	scaleWidthAndCrop = "scale_width_and_crop"
	none              = "none"
)

// preprocessing is what the official test.py does to a picture before the generator, and to its result.
type preprocessing struct {
	way                string
	loadSize, cropSize int     // in pixels
	aspectRatio        float64 // factor of a result's width; below 1, divisor of its height
}

// size is what a picture of w x h is resized to.
func (p *preprocessing) size(w, h int) (int, int) {
	switch p.way {
	case resizeAndCrop:
		return p.loadSize, p.loadSize
	case scaleWidth, scaleWidthAndCrop:
		if w == p.loadSize && h >= p.cropSize {
			return w, h
		}
		return p.loadSize, max(int(float64(p.loadSize)*float64(h)/float64(w)), p.cropSize)
	case none:
		return multipleOf4(w), multipleOf4(h)
	}
	return w, h
}

// multipleOf4 rounds halves to even, as Python does.
func multipleOf4(n int) int { return max(4, int(math.RoundToEven(float64(n)/4))*4) }

func (p *preprocessing) crops() bool {
	return p.way == resizeAndCrop || p.way == cropOnly || p.way == scaleWidthAndCrop
}

// before gives the picture that the generator sees, opaque as in the official code.
func (p *preprocessing) before(img image.Image) (*image.NRGBA, error) {
	pic := straight(img)
	w, h := p.size(pic.Rect.Dx(), pic.Rect.Dy())
	if max(w, h) > modelcli.MaxSide {
		return nil, fmt.Errorf("-preprocess %s makes %dx%d of a picture of %dx%d, with more than %d pixels a side", p.way, w, h, pic.Rect.Dx(), pic.Rect.Dy(), modelcli.MaxSide)
	}
	pic = pixels.Resize(pixels.Opaque(pic), w, h)
	if p.crops() {
		pic = middle(pic, min(w, p.cropSize), min(h, p.cropSize))
	}
	return pic, nil
}

// straight gives img itself where it is of the kind that everything here makes.
func straight(img image.Image) *image.NRGBA {
	if pic, ok := img.(*image.NRGBA); ok {
		return pic
	}
	pic := image.NewNRGBA(img.Bounds())
	draw.Draw(pic, pic.Rect, img, pic.Rect.Min, draw.Src)
	return pic
}

// middle gives the middle of a picture, with its corner at the origin. The two share their pixels.
func middle(pic *image.NRGBA, w, h int) *image.NRGBA {
	corner := pic.Rect.Min.Add(image.Pt((pic.Rect.Dx()-w)/2, (pic.Rect.Dy()-h)/2))
	part := *pic
	part.Pix = pic.Pix[pic.PixOffset(corner.X, corner.Y):]
	part.Rect = image.Rect(0, 0, w, h)
	return &part
}

// after stretches a result by the aspect ratio.
func (p *preprocessing) after(img image.Image) (image.Image, error) {
	if p.aspectRatio == 1 {
		return img, nil
	}
	pic := straight(img)
	w, h := pic.Rect.Dx(), pic.Rect.Dy()
	if p.aspectRatio > 1 {
		w = int(float64(w) * p.aspectRatio)
	} else {
		h = int(float64(h) / p.aspectRatio)
	}
	if w, h = max(w, 1), max(h, 1); max(w, h) > modelcli.MaxSide {
		return nil, fmt.Errorf("-aspect_ratio %g makes %dx%d of a result of %dx%d, with more than %d pixels a side", p.aspectRatio, w, h, pic.Rect.Dx(), pic.Rect.Dy(), modelcli.MaxSide)
	}
	return pixels.Resize(pic, w, h), nil
}

// notes say what a person may not expect of it; asked says that it was asked for.
func (p *preprocessing) notes(asked bool) []string {
	var notes []string
	if !asked {
		notes = append(notes, fmt.Sprintf("pictures are resized to %dx%d, as test.py does; -preprocess none keeps their sizes", p.loadSize, p.loadSize))
	}
	if p.crops() && (p.way == cropOnly || p.cropSize < p.loadSize) {
		notes = append(notes, fmt.Sprintf("-preprocess %s: the middle %dx%d of each picture is converted; test.py takes a random part", p.way, p.cropSize, p.cropSize))
	}
	return notes
}

// prepared is a model with the preprocessing around it.
type prepared struct {
	model batch.Translator
	*preprocessing
}

func (p prepared) Translate(ctx context.Context, img image.Image) (image.Image, error) {
	pic, err := p.before(img)
	if err != nil {
		return nil, err
	}
	out, err := p.model.Translate(ctx, pic)
	if err != nil {
		return nil, err
	}
	return p.after(out)
}
