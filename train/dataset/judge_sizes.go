package dataset

import (
	"fmt"
	"math"
	"slices"
)

// What preprocessing may do to a picture before a person is told. The official
// sizes enlarge 256 pixels to 286, by 1.12.
const (
	muchEnlarged  = 1.5
	muchStretched = 1.1
	manyPictures  = 0.05        // share of a domain from which it is a warning
	largeSample   = 1024 * 1024 // pixels; the official networks train at 256x256
)

// change is what preprocessing does to a picture.
type change struct {
	f       file
	scale   float64 // of the side that grows most
	stretch float64 // of the width against the height
}

// judgeSizes is about how the training pictures are brought to size.
func (in *inspector) judgeSizes() {
	o := &in.d.opt
	var all [2][]change
	largest := frame{}
	for k, p := range in.training() {
		for i, h := range p.files.headers {
			if p.looks[i].err != nil {
				continue
			}
			to := o.prepared(h.size.w, h.size.h)
			x, y := float64(to.w)/float64(h.size.w), float64(to.h)/float64(h.size.h)
			all[k] = append(all[k], change{file{p, i}, max(x, y), x / y})
			if s := o.sample(h.size.w, h.size.h); s.w*s.h > largest.w*largest.h {
				largest = s
			}
		}
		if len(all[k]) == 0 {
			return // told already
		}
	}
	if !o.Preprocess.crops() && largest.w*largest.h > largeSample {
		in.add(SeverityWarning, "large_samples", nil, fmt.Sprintf("training samples are as large as %v", largest),
			fmt.Sprintf("Preprocess %s does not crop, and memory and time grow with the number of pixels. Use preprocess scale_width_and_crop, or smaller pictures.", o.Preprocess))
	}
	if o.Preprocess == Crop || o.Preprocess == None {
		return // sizes stay, but for rounding
	}
	in.judgeEnlarged(all)
	in.judgeStretched(all)
}

// judgeEnlarged is about pictures that become blurred.
func (in *inspector) judgeEnlarged(all [2][]change) {
	var files []string
	s := SeverityNote
	worst := 0.0
	for _, changes := range all {
		n := 0
		for _, c := range changes {
			if c.scale >= muchEnlarged {
				n++
				files = append(files, fmt.Sprintf("%s: %v, %.2g times", c.f.name(), c.f.p.files.headers[c.f.i].size, c.scale))
				worst = max(worst, c.scale)
			}
		}
		if float64(n) > manyPictures*float64(len(changes)) {
			s = SeverityWarning
		}
	}
	o := in.d.opt
	if n := len(files); n > 0 {
		in.add(s, "enlarged", files, fmt.Sprintf("%s enlarged to load_size %d, up to %.2g times", isAre(n, "training picture"), o.LoadSize, worst),
			"They become blurred, and the networks learn that. Use a smaller load_size and crop_size, or larger pictures.")
	}
	a, b := median(all[0], func(c change) float64 { return c.scale }), median(all[1], func(c change) float64 { return c.scale })
	if max(a, b) >= 0.9 && max(a, b) > 2*min(a, b) {
		in.add(SeverityWarning, "sharpness_differs", nil, fmt.Sprintf("pictures of %s are scaled by %.2g and those of %s by %.2g", in.parts[0].label(), a, in.parts[1].label(), b),
			"One domain will look sharper than the other, and the networks learn to sharpen and to blur. Use a smaller load_size and crop_size, or pictures of like size.")
	}
}

// judgeStretched is about pictures whose shape changes.
func (in *inspector) judgeStretched(all [2][]change) {
	var files []string
	n, total := 0, 0
	least, most, strongest := math.Inf(1), 0.0, 1.0
	for _, changes := range all {
		for _, c := range changes {
			total++
			least, most = min(least, c.stretch), max(most, c.stretch)
			by := max(c.stretch, 1/c.stretch)
			if by <= muchStretched {
				continue
			}
			n++
			strongest = max(strongest, by)
			files = append(files, fmt.Sprintf("%s: %v", c.f.name(), c.f.p.files.headers[c.f.i].size))
		}
	}
	if n == 0 {
		return
	}
	o := in.d.opt
	s, how := SeverityNote, "some more than others"
	switch mixed := most > muchStretched*least; {
	case !mixed:
		how, files = "all alike, as new pictures are not", nil
	case float64(n) > manyPictures*float64(total):
		s = SeverityWarning
	}
	why := fmt.Sprintf("Preprocess %s makes them %dx%d whatever their shape", o.Preprocess, o.LoadSize, o.LoadSize)
	mend := "Preprocess scale_width_and_crop and crop keep shapes."
	if o.Preprocess != ResizeAndCrop {
		why = fmt.Sprintf("At a width of load_size %d they are lower than crop_size %d, and drawn out to it", o.LoadSize, o.CropSize)
		mend = "Use a larger load_size, or cut the widest pictures."
	}
	in.add(s, "stretched", files, fmt.Sprintf("%s squeezed or stretched, up to %.2g times", isAre(n, "training picture"), strongest),
		fmt.Sprintf("%s, so that the networks learn distorted things, %s. %s", why, how, mend))

	a, b := median(all[0], func(c change) float64 { return c.stretch }), median(all[1], func(c change) float64 { return c.stretch })
	if max(a, b) > 1.25*min(a, b) {
		in.add(SeverityWarning, "shapes_differ", nil, "the domains are squeezed by different factors",
			fmt.Sprintf("The width is changed against the height by %.2g in %s and by %.2g in %s. The networks can tell the domains by that alone, and learn to stretch. %s", a, in.parts[0].label(), b, in.parts[1].label(), mend))
	}
}

func median(all []change, of func(change) float64) float64 {
	values := make([]float64, len(all))
	for i, c := range all {
		values[i] = of(c)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
