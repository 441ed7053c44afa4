package y4m

import (
	"encoding/binary"
	"image"
	"math"

	"cyclegan/infer/pixels"
)

// coefficients are those of a conversion between RGB from 0 to 65535 and samples.
type coefficients struct {
	kr, kg, kb        float32 // of brightness
	black, white, mid float32 // samples of black and white, and of no color
	chroma            float32 // between the extremes of a chroma sample
	toRed, toBlue     float32
	top               float32 // the largest sample
}

func (h Header) coefficients() coefficients {
	c := coefficients{kr: 0.299, kb: 0.114}
	if h.wide {
		c.kr, c.kb = 0.2126, 0.0722
	}
	c.kg = 1 - c.kr - c.kb
	c.toRed, c.toBlue = 2*(1-c.kr), 2*(1-c.kb)
	unit := float32(int(1) << (h.depth - 8))
	c.top = 256*unit - 1
	c.mid = 128 * unit
	if h.full {
		c.white, c.chroma = c.top, c.top
	} else {
		c.black, c.white, c.chroma = 16*unit, 235*unit, 224*unit
	}
	return c
}

// A tap is a sample with its weight.
type tap struct {
	at     int
	weight float32
}

// upTaps returns for each of n pixels the two chroma samples between which it is.
func upTaps(n int, shift uint, left bool) [][2]tap {
	count := (n + 1<<shift - 1) >> shift
	scale := float64(int(1) << shift)
	taps := make([][2]tap, n)
	for x := range taps {
		at := float64(x) / scale
		if !left {
			at = (float64(x)+0.5)/scale - 0.5
		}
		i := int(math.Floor(at))
		far := float32(at - float64(i))
		taps[x] = [2]tap{{min(max(i, 0), count-1), 1 - far}, {min(max(i+1, 0), count-1), far}}
	}
	return taps
}

// downTaps returns for each chroma sample the pixels of which it is the mean: those it covers, or,
// if it is on the left one, weighted by their distance to that.
func downTaps(n int, shift uint, left bool) [][]tap {
	taps := make([][]tap, (n+1<<shift-1)>>shift)
	size := 1 << shift
	for i := range taps {
		first, last := i*size, i*size+size-1
		if left {
			first = i*size - size + 1
		}
		sum := float32(0)
		for x := first; x <= last; x++ {
			weight := float32(1)
			if left {
				weight = float32(size - max(x-i*size, i*size-x))
			}
			sum += weight
			taps[i] = append(taps[i], tap{min(max(x, 0), n-1), weight})
		}
		for k := range taps[i] {
			taps[i][k].weight /= sum
		}
	}
	return taps
}

// samples converts the samples of data from number at on.
func (h Header) samples(dst []float32, data []byte, at int) {
	if h.bytes() == 1 {
		for i, v := range data[at : at+len(dst)] {
			dst[i] = float32(v)
		}
		return
	}
	data = data[2*at:]
	for i := range dst {
		dst[i] = float32(binary.LittleEndian.Uint16(data[2*i:]))
	}
}

// put rounds samples to data from number at on.
func (h Header) put(data []byte, at int, src []float32, top float32) {
	for i, v := range src {
		s := int(min(max(v+0.5, 0), top))
		if h.bytes() == 1 {
			data[at+i] = uint8(s)
		} else {
			binary.LittleEndian.PutUint16(data[2*(at+i):], uint16(s))
		}
	}
}

// Image converts a frame to RGB: an *image.NRGBA, or an *image.NRGBA64 for more than 8 bits.
// Brightness and chroma are those of BT.709 from 1280 pixels of width or 577 of height on, and else
// of BT.601.
func (h Header) Image(f *Frame) image.Image {
	c := h.coefficients()
	rect := image.Rect(0, 0, h.Width, h.Height)
	var narrow *image.NRGBA
	var deep *image.NRGBA64
	if h.bytes() == 1 {
		narrow = image.NewNRGBA(rect)
	} else {
		deep = image.NewNRGBA64(rect)
	}
	cw, ch := h.chroma()
	across, down := upTaps(h.Width, h.shiftX, h.left), upTaps(h.Height, h.shiftY, false)
	luma, red, green, blue := make([]float32, h.Width), make([]float32, h.Width), make([]float32, h.Width), make([]float32, h.Width)
	cb, cr, far := make([]float32, cw), make([]float32, cw), make([]float32, cw)
	for y := range h.Height {
		h.samples(luma, f.Data, y*h.Width)
		for x, v := range luma {
			luma[x] = (v - c.black) / (c.white - c.black)
		}
		if h.mono {
			red, green, blue = luma, luma, luma
		} else {
			for plane, dst := range [2][]float32{cb, cr} {
				start := h.Width*h.Height + plane*cw*ch
				h.samples(dst, f.Data, start+down[y][0].at*cw)
				h.samples(far, f.Data, start+down[y][1].at*cw)
				for i := range dst {
					dst[i] = (down[y][0].weight*dst[i] + down[y][1].weight*far[i] - c.mid) / c.chroma
				}
			}
			for x, l := range luma {
				t, u := across[x][0], across[x][1]
				red[x] = l + c.toRed*(t.weight*cr[t.at]+u.weight*cr[u.at])
				blue[x] = l + c.toBlue*(t.weight*cb[t.at]+u.weight*cb[u.at])
				green[x] = (l - c.kr*red[x] - c.kb*blue[x]) / c.kg
			}
		}
		if narrow != nil {
			row := narrow.Pix[y*narrow.Stride:][:4*h.Width]
			for x := range luma {
				p := row[4*x : 4*x+4 : 4*x+4]
				p[0], p[1], p[2], p[3] = uint8(level(red[x], 255)), uint8(level(green[x], 255)), uint8(level(blue[x], 255)), 255
			}
			continue
		}
		row := deep.Pix[y*deep.Stride:][:8*h.Width]
		for x := range luma {
			for i, v := range [4]float32{red[x], green[x], blue[x], 1} {
				binary.BigEndian.PutUint16(row[8*x+2*i:], uint16(level(v, 65535)))
			}
		}
	}
	if narrow != nil {
		return narrow
	}
	return deep
}

// level rounds v, from 0 to 1, to whole levels up to top.
func level(v, top float32) int { return int(min(max(v*top+0.5, 0), top)) }

// Data converts an image, which has the size of h, to the data of a frame. Alpha is ignored.
func (h Header) Data(img image.Image) []byte {
	c := h.coefficients()
	data := make([]byte, h.frameSize())
	cw, ch := h.chroma()
	across := downTaps(h.Width, h.shiftX, h.left)
	rows, row := pixels.Rows(img), make([]uint16, 4*h.Width)
	luma, blue, red := make([]float32, h.Width), make([]float32, h.Width), make([]float32, h.Width)
	cb, cr, count := make([]float32, cw), make([]float32, cw), float32(0) // sums of the rows of a chroma sample
	for y := range h.Height {
		rows(row, img.Bounds().Min.Y+y)
		for x := range luma {
			p := row[4*x : 4*x+4 : 4*x+4]
			r, b := float32(p[0])/65535, float32(p[2])/65535
			l := c.kr*r + c.kg*float32(p[1])/65535 + c.kb*b
			red[x], blue[x] = (r-l)*c.chroma/c.toRed, (b-l)*c.chroma/c.toBlue
			luma[x] = c.black + l*(c.white-c.black)
		}
		h.put(data, y*h.Width, luma, c.top)
		if h.mono {
			continue
		}
		for i, taps := range across {
			for _, t := range taps {
				cb[i] += t.weight * blue[t.at]
				cr[i] += t.weight * red[t.at]
			}
		}
		count++
		if y == h.Height-1 || (y+1)>>h.shiftY != y>>h.shiftY {
			for plane, sums := range [2][]float32{cb, cr} {
				for i, v := range sums {
					sums[i] = c.mid + v/count
				}
				h.put(data, h.Width*h.Height+plane*cw*ch+y>>h.shiftY*cw, sums, c.top)
				clear(sums)
			}
			count = 0
		}
	}
	return data
}
