package pixels

import (
	"fmt"
	"image"
	"strconv"
	"strings"
)

// Window is the closed interval of stored values that 16-bit samples use: Lo is black for a model
// and Hi is white. Scans and depth maps of 12 bits use 0 to 4095 of the 65536 values that a 16-bit
// file can store. 8-bit images fill their type and need no window. The zero value stands for an
// unknown window. Its text form is "LO,HI", such as "0,4095".
type Window struct{ Lo, Hi uint16 }

// String returns "LO,HI", or "" for the zero value.
func (w Window) String() string {
	if w == (Window{}) {
		return ""
	}
	return fmt.Sprintf("%d,%d", w.Lo, w.Hi)
}

// MarshalText returns what String returns.
func (w Window) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText parses what MarshalText returns. Spaces around the numbers are allowed.
func (w *Window) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*w = Window{}
		return nil
	}
	lo, hi, _ := strings.Cut(string(text), ",")
	l, errLo := strconv.ParseUint(strings.TrimSpace(lo), 10, 16)
	h, errHi := strconv.ParseUint(strings.TrimSpace(hi), 10, 16)
	if errLo != nil || errHi != nil || l >= h {
		return fmt.Errorf("%q is not LO,HI: two integers from 0 to 65535 in rising order, such as 0,4095", text)
	}
	*w = Window{uint16(l), uint16(h)}
	return nil
}

// ParseWindows parses one window, which then holds for both, or two that are separated by a colon,
// such as "0,4095:0,65535". The word auto, or nothing, stands for an unknown window.
func ParseWindows(text string) (first, second Window, err error) {
	a, b, two := strings.Cut(text, ":")
	if !two {
		b = a
	}
	for _, part := range []struct {
		text string
		to   *Window
	}{{a, &first}, {b, &second}} {
		if part.text = strings.TrimSpace(part.text); part.text == "auto" {
			continue
		}
		if err := part.to.UnmarshalText([]byte(part.text)); err != nil {
			return Window{}, Window{}, err
		}
	}
	return first, second, nil
}

// FormatWindows returns a text that ParseWindows parses.
func FormatWindows(first, second Window) string {
	text := func(w Window) string {
		if w == (Window{}) {
			return "auto"
		}
		return w.String()
	}
	if first == second {
		return text(first)
	}
	return text(first) + ":" + text(second)
}

const deepest = 1<<16 - 1 // the largest value of a 16-bit sample

// whole reports whether the window changes nothing. One without values, which UnmarshalText
// refuses, does not either.
func (w Window) whole() bool { return w.Lo >= w.Hi || w == Window{0, deepest} }

// Stretch maps the values of the window to 0 to 65535 and clamps others, of which it returns the
// number. Images with 8 bits per sample are returned as they are. So are all images for an unknown
// window.
func (w Window) Stretch(img image.Image) (stretched image.Image, clamped int) {
	if w.whole() || !Deep(img) {
		return img, 0
	}
	lo, width := uint32(w.Lo), uint32(w.Hi)-uint32(w.Lo)
	table := make([]uint16, deepest+1)
	for v := range table {
		inside := min(max(uint32(v), lo), lo+width) - lo
		table[v] = uint16((inside*deepest + width/2) / width)
	}
	return mapSamples(img, func(v uint16) uint16 {
		if v < w.Lo || v > w.Hi {
			clamped++
		}
		return table[v]
	}), clamped
}

// Squeeze is the inverse of Stretch: it maps 0 to 65535 to the values of the window.
func (w Window) Squeeze(img image.Image) image.Image {
	if w.whole() || !Deep(img) {
		return img
	}
	lo, width := uint32(w.Lo), uint32(w.Hi)-uint32(w.Lo)
	return mapSamples(img, func(v uint16) uint16 { return uint16(lo + (uint32(v)*width+deepest/2)/deepest) })
}

// mapSamples returns a 16-bit image with changed colors, gray if img is an *image.Gray16.
func mapSamples(img image.Image, change func(uint16) uint16) image.Image {
	b := img.Bounds()
	out := NewDeep(b, img)
	read, row := Rows(img), make([]uint16, 4*b.Dx())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		read(row, y)
		switch m := out.(type) {
		case *image.Gray16:
			for x := range b.Dx() {
				row[x] = change(row[4*x])
			}
			storeDeep(m.Pix[m.PixOffset(b.Min.X, y):], row[:b.Dx()])
		case *image.NRGBA64:
			for i := range row {
				if i%4 != 3 {
					row[i] = change(row[i])
				}
			}
			storeDeep(m.Pix[m.PixOffset(b.Min.X, y):], row)
		}
	}
	return out
}

// Values counts the stored values of 16-bit images, alpha excluded.
type Values struct {
	counts [deepest + 1]uint64
	images int
}

// Add counts the values of an image if it has 16 bits per sample, and reports whether it does.
func (v *Values) Add(img image.Image) bool {
	if !Deep(img) {
		return false
	}
	v.images++
	b := img.Bounds()
	read, row := Rows(img), make([]uint16, 4*b.Dx())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		read(row, y)
		for i, s := range row {
			if i%4 != 3 {
				v.counts[s]++
			}
		}
	}
	return true
}

// Used returns the lowest and the highest value, or the zero value without images.
func (v *Values) Used() Window { return v.Most(1) }

// Most returns the narrowest window that has the given share of the samples, with at most half of
// the rest below it and half above: Most(0.99) leaves out up to 0.5% of the samples below and
// above.
func (v *Values) Most(share float64) (w Window) {
	var total uint64
	for _, n := range v.counts {
		total += n
	}
	if total == 0 {
		return Window{}
	}
	out := uint64(float64(total) * (1 - share) / 2)
	var below, above uint64
	lo, hi := 0, deepest
	for below += v.counts[lo]; below <= out; below += v.counts[lo] {
		lo++
	}
	for above += v.counts[hi]; above <= out; above += v.counts[hi] {
		hi--
	}
	return Window{uint16(lo), uint16(hi)}
}

// Window returns the window that suits the images: the values that they use if these are less than
// half of the type's, and otherwise all of them, so that data that fills its type is not changed.
func (v *Values) Window() Window {
	w := v.Used()
	if v.images == 0 {
		return w
	}
	if w.Lo >= w.Hi || w.Hi-w.Lo >= deepest/2 { // one value has no width
		return Window{0, deepest}
	}
	return w
}
