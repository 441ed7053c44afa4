package inspect

import (
	"fmt"
	"math"
	"slices"

	"cyclegan/train/dataset"
)

// Limits of what preprocessing may do without a finding. The official sizes enlarge 256 pixels to
// 286, a factor of 1.12.
const (
	muchEnlarged  = 1.5
	muchStretched = 1.1
	manyImages    = 0.05        // share of a domain from which a note becomes a warning
	largeSample   = 1024 * 1024 // pixels; the official networks train at 256x256
)

// change is what preprocessing does to an image.
type change struct {
	f       *file
	scale   float64 // of the side that grows most
	stretch float64 // of the width relative to the height
}

// findSizes finds harmful effects of preprocessing on the training images.
func (in *inspector) findSizes() {
	o := &in.options
	var all [2][]change
	var largest dataset.Size
	for k, p := range in.training() {
		for _, f := range p.files {
			to := o.Prepared(f.Size)
			x, y := float64(to.Width)/float64(f.Size.Width), float64(to.Height)/float64(f.Size.Height)
			all[k] = append(all[k], change{f, max(x, y), x / y})
			if s := o.SampleSize(f.Size); s.Width*s.Height > largest.Width*largest.Height {
				largest = s
			}
		}
		if len(all[k]) == 0 {
			return // findUnused has a finding for it
		}
	}
	if !o.Preprocess.Crops() && largest.Width*largest.Height > largeSample {
		in.add(Warning, "large_samples", nil, fmt.Sprintf("training samples of up to %v", largest),
			fmt.Sprintf("Preprocess %s does not crop, and memory and time grow with the number of pixels. Fix: use preprocess scale_width_and_crop, or smaller images.", o.Preprocess))
	}
	if o.Preprocess == dataset.Crop || o.Preprocess == dataset.None {
		return // they keep the sizes, up to rounding
	}
	in.findEnlarged(all)
	in.findStretched(all)
}

// findEnlarged finds images that preprocessing blurs.
func (in *inspector) findEnlarged(all [2][]change) {
	var files []string
	s := Note
	most := 0.0
	for _, changes := range all {
		n := 0
		for _, c := range changes {
			if c.scale >= muchEnlarged {
				n++
				files = append(files, fmt.Sprintf("%s: %v, %.2g times", c.f.Name, c.f.Size, c.scale))
				most = max(most, c.scale)
			}
		}
		if float64(n) > manyImages*float64(len(changes)) {
			s = Warning
		}
	}
	if len(files) > 0 {
		in.add(s, "enlarged", files, fmt.Sprintf("training images enlarged to load_size %d, up to %.2g times: %d", in.options.LoadSize, most, len(files)),
			"Enlarged images are blurred, and the networks learn that. Fix: use a smaller load_size and crop_size, or larger images.")
	}
	a, b := medians(all, func(c change) float64 { return c.scale })
	if max(a, b) >= 0.9 && max(a, b) > 2*min(a, b) {
		labelA, labelB := in.parts[0].folder.Label, in.parts[1].folder.Label
		in.add(Warning, "sharpness_differs", nil, fmt.Sprintf("images of %s are scaled by %.2g, those of %s by %.2g", labelA, a, labelB, b),
			"One domain looks sharper than the other, so the networks learn to sharpen and to blur. Fix: use a smaller load_size and crop_size, or images of similar sizes.")
	}
}

// findStretched finds images whose shape preprocessing changes.
func (in *inspector) findStretched(all [2][]change) {
	var files []string
	n, total := 0, 0
	least, most, strongest := math.Inf(1), 0.0, 1.0
	for _, c := range slices.Concat(all[0], all[1]) {
		total++
		least, most = min(least, c.stretch), max(most, c.stretch)
		if by := max(c.stretch, 1/c.stretch); by > muchStretched {
			n++
			strongest = max(strongest, by)
			files = append(files, fmt.Sprintf("%s: %v", c.f.Name, c.f.Size))
		}
	}
	if n == 0 {
		return
	}
	o := in.options
	s := Note
	if most <= muchStretched*least { // all alike
		files = nil
	} else if float64(n) > manyImages*float64(total) {
		s = Warning
	}
	why := fmt.Sprintf("Preprocess %s makes them %dx%d whatever their shape", o.Preprocess, o.LoadSize, o.LoadSize)
	fix := "Fix: use preprocess scale_width_and_crop or crop, which keep shapes."
	if o.Preprocess != dataset.ResizeAndCrop {
		why = fmt.Sprintf("At a width of load_size %d their height is below crop_size %d, and they are stretched to it", o.LoadSize, o.CropSize)
		fix = "Fix: use a larger load_size, or crop the widest images."
	}
	in.add(s, "stretched", files, fmt.Sprintf("training images squeezed or stretched, up to %.2g times: %d", strongest, n),
		fmt.Sprintf("%s, so the networks learn distorted objects. %s", why, fix))

	if a, b := medians(all, func(c change) float64 { return c.stretch }); max(a, b) > 1.25*min(a, b) {
		labelA, labelB := in.parts[0].folder.Label, in.parts[1].folder.Label
		in.add(Warning, "shapes_differ", nil, "the domains are squeezed by different factors",
			fmt.Sprintf("Width relative to height changes by %.2g in %s and by %.2g in %s. That alone distinguishes the domains, so the networks learn to stretch. %s",
				a, labelA, b, labelB, fix))
	}
}

// medians returns the medians of a number over the images of A and of B.
func medians(all [2][]change, of func(change) float64) (a, b float64) {
	var m [2]float64
	for k, changes := range all {
		values := make([]float64, len(changes))
		for i, c := range changes {
			values[i] = of(c)
		}
		slices.Sort(values)
		m[k] = values[len(values)/2]
	}
	return m[0], m[1]
}
