package pixels

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"io"
	"strconv"
)

// pnm is the header of a file of Netpbm's formats PBM, PGM and PPM.
type pnm struct {
	kind          byte // '1' to '6'
	width, height int
	white         int    // the value of the brightest sample
	pixels        []byte // the rest of the file
}

// pnmFormat returns "pnm" for a file that begins like one.
func pnmFormat(head []byte) string {
	if len(head) > 2 && head[0] == 'P' && head[1] >= '1' && head[1] <= '6' && (isSpace(head[2]) || head[2] == '#') {
		return "pnm"
	}
	return ""
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// parsePNM reads a header. It reports whether data holds all of a valid one.
func parsePNM(data []byte) (p pnm, ok bool) {
	if pnmFormat(data) == "" {
		return p, false
	}
	p.kind, p.white, p.pixels = data[1], 1, data[2:]
	values := []*int{&p.width, &p.height, &p.white}
	if p.kind == '1' || p.kind == '4' {
		values = values[:2]
	}
	for _, v := range values {
		if *v, ok = p.number(10); !ok {
			return p, false
		}
	}
	// One space ends the header of binary pixels, which may look like one.
	if len(p.pixels) == 0 || p.width < 1 || p.height < 1 || p.white < 1 || p.white > 0xffff {
		return p, false
	}
	p.pixels = p.pixels[1:]
	return p, true
}

// number reads a decimal number of at most the given number of digits, and what precedes it: spaces
// and comments.
func (p *pnm) number(digits int) (v int, ok bool) {
	b := p.pixels
	for len(b) > 0 && (isSpace(b[0]) || b[0] == '#') {
		n := 1
		if b[0] == '#' {
			n = bytes.IndexAny(b, "\r\n")
		}
		if n < 0 {
			return 0, false
		}
		b = b[n:]
	}
	n := 0
	for n < len(b) && n < digits && b[n] >= '0' && b[n] <= '9' {
		n++
	}
	v, err := strconv.Atoi(string(b[:n]))
	p.pixels = b[n:]
	return v, err == nil
}

var errPNM = errors.New("not enough pixels, or an invalid header")

func pnmConfig(r io.Reader) (image.Config, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return image.Config{}, err
	}
	p, ok := parsePNM(data)
	if !ok {
		return image.Config{}, errPNM
	}
	model := color.NRGBAModel
	switch {
	case p.white > 255 && p.channels() == 1:
		model = color.Gray16Model
	case p.white > 255:
		model = color.NRGBA64Model
	case p.channels() == 1:
		model = color.GrayModel
	}
	return image.Config{ColorModel: model, Width: p.width, Height: p.height}, nil
}

func pnmDecode(r io.Reader) (image.Image, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	p, ok := parsePNM(data)
	if !ok {
		return nil, errPNM
	}
	channels := p.channels()
	sample, ok := p.reader()
	if !ok {
		return nil, errPNM
	}
	full := 255
	if p.white > 255 {
		full = 0xffff
	}
	rect := image.Rect(0, 0, p.width, p.height)
	var img image.Image
	var pix []byte
	switch {
	case channels == 1 && full == 255:
		m := image.NewGray(rect)
		img, pix = m, m.Pix
	case channels == 1:
		m := image.NewGray16(rect)
		img, pix = m, m.Pix
	case full == 255:
		m := image.NewNRGBA(rect)
		img, pix = m, m.Pix
	default:
		m := image.NewNRGBA64(rect)
		img, pix = m, m.Pix
	}
	put := func(v int) {
		if full == 0xffff {
			pix[0], pix = uint8(v>>8), pix[1:]
		}
		pix[0], pix = uint8(v), pix[1:]
	}
	for range p.width * p.height {
		for range channels {
			v, ok := sample()
			if !ok {
				return nil, errPNM
			}
			// 65535 * 65535 does not fit into an int of 32 bits.
			put(int((uint32(min(v, p.white))*uint32(full) + uint32(p.white)/2) / uint32(p.white)))
		}
		if channels == 3 {
			put(full)
		}
	}
	return img, nil
}

func (p *pnm) channels() int {
	if p.kind == '3' || p.kind == '6' {
		return 3
	}
	return 1
}

// reader returns a function that reads the next sample. It reports whether the file can hold all of
// them.
func (p *pnm) reader() (sample func() (v int, ok bool), enough bool) {
	samples := p.channels() * p.width * p.height
	row, x := (p.width+7)/8, 0
	switch {
	case p.kind == '1':
		return func() (int, bool) {
			v, ok := p.number(1)
			return 1 - v, ok && v <= 1
		}, len(p.pixels) >= samples
	case p.kind < '4':
		return func() (int, bool) { return p.number(5) }, len(p.pixels) >= 2*samples-1
	case p.kind == '4':
		return func() (int, bool) {
			v := 1 - int(p.pixels[x/8]>>(7-x%8)&1)
			if x++; x == p.width {
				x, p.pixels = 0, p.pixels[row:]
			}
			return v, true
		}, len(p.pixels) >= row*p.height
	case p.white > 255:
		return func() (int, bool) {
			v := int(p.pixels[0])<<8 | int(p.pixels[1])
			p.pixels = p.pixels[2:]
			return v, true
		}, len(p.pixels) >= 2*samples
	}
	return func() (int, bool) {
		v := int(p.pixels[0])
		p.pixels = p.pixels[1:]
		return v, true
	}, len(p.pixels) >= samples
}
