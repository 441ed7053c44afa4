package main

import (
	"context"
	"fmt"
	"image"
	"math"

	"cyclegan/cmd/internal/modelcli"
	"cyclegan/infer/batch"
	"cyclegan/infer/pixels"
)

// The values of -preprocess.
const (
	resizeAndCrop     = "resize_and_crop"
	cropOnly          = "crop"
	scaleWidth        = "scale_width"
	scaleWidthAndCrop = "scale_width_and_crop"
	none              = "none"
)

// preprocessing is what the official test.py does to an image before the generator, and to its
// result.
type preprocessing struct {
	mode               string
	loadSize, cropSize int     // in pixels
	aspectRatio        float64 // factor of the width of results; below 1, divisor of their height
}

func (p *preprocessing) size(w, h int) (int, int) {
	switch p.mode {
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
	return p.mode == resizeAndCrop || p.mode == cropOnly || p.mode == scaleWidthAndCrop
}

// before returns the input of the generator, without transparency as in the official code.
func (p *preprocessing) before(img image.Image) (image.Image, error) {
	b := img.Bounds()
	w, h := p.size(b.Dx(), b.Dy())
	if max(w, h) > modelcli.MaxSide {
		return nil, fmt.Errorf("-preprocess %s turns %dx%d into %dx%d: sides are limited to %d pixels", p.mode, b.Dx(), b.Dy(), w, h, modelcli.MaxSide)
	}
	img = pixels.Scale(pixels.Colors(img), w, h)
	if p.crops() {
		img = middle(img, min(w, p.cropSize), min(h, p.cropSize))
	}
	return img, nil
}

// middle returns the middle of an image. Both share their pixels.
func middle(img image.Image, w, h int) image.Image {
	b := img.Bounds()
	corner := b.Min.Add(image.Pt((b.Dx()-w)/2, (b.Dy()-h)/2))
	part := image.Rectangle{Min: corner, Max: corner.Add(image.Pt(w, h))}
	return img.(interface {
		SubImage(image.Rectangle) image.Image
	}).SubImage(part)
}

// after stretches a result by the aspect ratio.
func (p *preprocessing) after(img image.Image) (image.Image, error) {
	if p.aspectRatio == 1 {
		return img, nil
	}
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	if p.aspectRatio > 1 {
		w = int(float64(w) * p.aspectRatio)
	} else {
		h = int(float64(h) / p.aspectRatio)
	}
	if w, h = max(w, 1), max(h, 1); max(w, h) > modelcli.MaxSide {
		return nil, fmt.Errorf("-aspect_ratio %g turns %dx%d into %dx%d: sides are limited to %d pixels", p.aspectRatio, b.Dx(), b.Dy(), w, h, modelcli.MaxSide)
	}
	return pixels.Scale(img, w, h), nil
}

// notes returns remarks about what may be unexpected. Asked is true if the command line sets the
// preprocessing.
func (p *preprocessing) notes(asked bool) []string {
	var notes []string
	if !asked {
		notes = append(notes, fmt.Sprintf("images are resized to %dx%d, as in test.py; -preprocess none keeps their sizes", p.loadSize, p.loadSize))
	}
	if p.crops() && (p.mode == cropOnly || p.cropSize < p.loadSize) {
		notes = append(notes, fmt.Sprintf("-preprocess %s: the middle %dx%d of each image is converted; test.py takes a random part", p.mode, p.cropSize, p.cropSize))
	}
	return notes
}

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
