package pixels

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"iter"
	"slices"
	"time"

	"github.com/disintegration/imaging"
)

// An Animation is an animated GIF, PNG or WebP file. Its frames are decoded one by one.
type Animation struct {
	Width, Height int // of the upright frames
	Frames        int // at least 2
	Plays         int // how often it is shown; 0 for without end

	info   Info
	frames []framePart
	limits Limits
}

// A Frame is a whole, upright image of an animation.
type Frame struct {
	Image *image.NRGBA
	Delay time.Duration // until the next frame
}

// framePart is a frame as stored: a part of the canvas.
type framePart struct {
	file    func() []byte // as a still image
	at      image.Point
	delay   time.Duration
	dispose disposal
	replace bool // the canvas, also where the frame is transparent
}

// disposal says what becomes of the part after its time.
type disposal uint8

const (
	disposeNot disposal = iota
	disposeToTransparent
	disposeToPrevious
)

const (
	// framesFactor limits the pixels of all frames of an animation together, in multiples of
	// Limits.MaxPixels.
	framesFactor = 20
	// mostFrames limits their number: an empty frame takes 12 bytes in a file, and 200 in memory.
	mostFrames = 100_000
)

// readAnimation returns nil if the file is no animation of several frames. PNG and WebP files
// announce that they are one.
func readAnimation(data []byte, info Info, lim Limits) *Animation {
	a := &Animation{Plays: 1, info: info, limits: lim}
	a.Width, a.Height = info.Upright()
	switch info.Format {
	case "gif":
		a.readGIF(data)
	case "png":
		a.readPNG(data)
	case "webp":
		if animated(data) {
			a.readWebP(data)
		}
	}
	if a.Frames = len(a.frames); a.Frames < 2 {
		return nil
	}
	return a
}

// TooLong returns an error if there are too many frames, or too many pixels in all of them
// together. Reading them takes time, not memory.
func (a *Animation) TooLong() error {
	if a.Frames > mostFrames {
		return fmt.Errorf("it has more than the limit of %d frames", mostFrames)
	}
	if most := framesFactor * a.limits.WithDefaults().MaxPixels; a.Frames > most/(a.Width*a.Height) {
		return fmt.Errorf("the %d frames of %dx%d have more than the limit of %d pixels together", a.Frames, a.Width, a.Height, most)
	}
	return nil
}

// All returns the frames, composed to whole images. It ends with the first error.
func (a *Animation) All() iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		canvas := image.NewNRGBA(image.Rect(0, 0, a.info.Width, a.info.Height))
		turn := turns[a.info.Orientation]
		if turn == nil {
			turn = func(img image.Image) *image.NRGBA { return imaging.Clone(img) }
		}
		for i, f := range a.frames {
			part, err := a.decode(f)
			if err != nil {
				yield(Frame{}, fmt.Errorf("frame %d: %w", i+1, err))
				return
			}
			var before []byte
			if f.dispose == disposeToPrevious {
				before = bytes.Clone(canvas.Pix)
			}
			place := part.Rect.Add(f.at).Intersect(canvas.Rect)
			compose(canvas, place, part, f)
			if !yield(Frame{turn(canvas), f.delay}, nil) {
				return
			}
			switch f.dispose {
			case disposeToTransparent:
				for y := place.Min.Y; y < place.Max.Y; y++ {
					clear(canvas.Pix[canvas.PixOffset(place.Min.X, y):canvas.PixOffset(place.Max.X, y)])
				}
			case disposeToPrevious:
				canvas.Pix = before
			}
		}
	}
}

func (a *Animation) decode(f framePart) (part *image.NRGBA, err error) {
	defer recoverTo(&err, a.info.Format)
	opened, err := open(f.file(), a.limits)
	if err != nil {
		return nil, err
	}
	img, _, err := decodeFormat(a.info.Format, opened.data)
	if err != nil {
		return nil, err
	}
	return toNRGBA(img), nil
}

// compose draws a part of an animation to its place on the canvas.
func compose(canvas *image.NRGBA, place image.Rectangle, part *image.NRGBA, f framePart) {
	for y := place.Min.Y; y < place.Max.Y; y++ {
		dst := canvas.Pix[canvas.PixOffset(place.Min.X, y):][:4*place.Dx()]
		src := part.Pix[part.PixOffset(place.Min.X-f.at.X, y-f.at.Y):][:4*place.Dx()]
		if f.replace {
			copy(dst, src)
			continue
		}
		for i := 0; i < len(dst); i += 4 {
			d, s := dst[i:i+4:i+4], src[i:i+4:i+4]
			switch {
			case s[3] == 255 || d[3] == 0:
				copy(d, s)
			case s[3] > 0:
				over, under := 255*uint32(s[3]), uint32(d[3])*(255-uint32(s[3]))
				all := over + under
				for c := range 3 {
					d[c] = uint8((uint32(s[c])*over + uint32(d[c])*under + all/2) / all)
				}
				d[3] = uint8((all + 127) / 255)
			}
		}
	}
}

// readGIF finds the frames of a GIF file. A frame that is cut off is left out, as in browsers.
func (a *Animation) readGIF(data []byte) {
	const screen = 13
	if len(data) < screen {
		return
	}
	head := screen + gifColors(data[10])
	i := head
	var control []byte // of the next frame, with its introduction
	for i+1 < len(data) && len(a.frames) <= mostFrames {
		switch start := i; data[i] {
		case 0x21:
			label := data[i+1]
			if i = subBlocks(data, i+2); i < 0 {
				return
			}
			block := data[start:i]
			switch {
			case label == 0xf9 && len(block) >= 8:
				control = block
			case label == 0xff && len(block) >= 19 && string(block[3:14]) == "NETSCAPE2.0" && block[15] == 1:
				if a.Plays = int(binary.LittleEndian.Uint16(block[16:])); a.Plays > 0 {
					a.Plays++ // GIF counts repetitions
				}
			}
		case 0x2c:
			if i+10 > len(data) {
				return
			}
			if i = subBlocks(data, i+10+gifColors(data[i+9])+1); i < 0 {
				return
			}
			a.frames = append(a.frames, gifPart(data, head, control, data[start:i]))
			control = nil
		default:
			return
		}
	}
}

// gifColors returns the size of the color table that the flags of a screen or a frame announce.
func gifColors(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (1 + flags&7)
}

// subBlocks returns the end of a list of blocks, or -1 if that is beyond the end of data.
func subBlocks(data []byte, i int) int {
	for i < len(data) {
		n := int(data[i])
		if i += 1 + n; n == 0 {
			return i
		}
	}
	return -1
}

func gifPart(data []byte, head int, control, block []byte) framePart {
	le := binary.LittleEndian
	f := framePart{at: image.Pt(int(le.Uint16(block[1:])), int(le.Uint16(block[3:])))}
	if control != nil {
		f.delay = time.Duration(le.Uint16(control[4:])) * 10 * time.Millisecond
		f.dispose = map[byte]disposal{2: disposeToTransparent, 3: disposeToPrevious}[control[3]>>2&7]
	}
	f.file = func() []byte {
		file := slices.Concat(data[:head], control, block, []byte{0x3b})
		copy(file[6:10], block[5:9]) // a screen of the size of the frame, which is at its corner
		clear(file[head+len(control)+1:][:4])
		return file
	}
	return f
}

// readPNG finds the frames of an APNG file. An image before the first fcTL chunk is not one of
// them.
func (a *Animation) readPNG(data []byte) {
	be := binary.BigEndian
	announced := false
	var header, shared []byte // the IHDR chunk's content; chunks for all frames
	var control []byte
	var pixels [][]byte
	flush := func() {
		if control != nil && len(pixels) > 0 {
			a.frames = append(a.frames, pngPart(header, shared, control, pixels))
		}
		control, pixels = nil, nil
	}
	for name, body := range pngChunks(data) {
		if len(a.frames) > mostFrames {
			break
		}
		switch {
		case name == "IHDR" && len(body) == 13:
			header = body
		case name == "acTL" && len(body) == 8:
			announced, a.Plays = true, int(be.Uint32(body[4:]))
		case name == "PLTE" || name == "tRNS":
			shared = appendChunk(shared, name, body)
		case name == "fcTL" && len(body) == 26:
			flush()
			control = body
		case name == "IDAT":
			pixels = append(pixels, body)
		case name == "fdAT" && len(body) > 4:
			pixels = append(pixels, body[4:])
		}
	}
	flush()
	if header == nil || !announced {
		a.frames = nil
	}
}

func pngPart(header, shared, control []byte, pixels [][]byte) framePart {
	be := binary.BigEndian
	f := framePart{
		at:      image.Pt(int(be.Uint32(control[12:])), int(be.Uint32(control[16:]))),
		dispose: map[byte]disposal{1: disposeToTransparent, 2: disposeToPrevious}[control[24]],
		replace: control[25] == 0,
	}
	num, den := time.Duration(be.Uint16(control[20:])), time.Duration(be.Uint16(control[22:]))
	if den == 0 {
		den = 100
	}
	f.delay = num * time.Second / den
	f.file = func() []byte {
		file := appendChunk([]byte("\x89PNG\r\n\x1a\n"), "IHDR", control[4:12], header[8:])
		file = append(file, shared...)
		return appendChunk(appendChunk(file, "IDAT", pixels...), "IEND")
	}
	return f
}

func (a *Animation) readWebP(data []byte) {
	for name, body := range webpChunks(data) {
		if len(a.frames) > mostFrames {
			return
		}
		switch {
		case name == "ANIM" && len(body) >= 6:
			a.Plays = int(binary.LittleEndian.Uint16(body[4:]))
		case name == "ANMF" && len(body) > webpFrameHeader:
			f := framePart{
				at:      image.Pt(2*u24(body), 2*u24(body[3:])),
				delay:   time.Duration(u24(body[12:])) * time.Millisecond,
				replace: body[15]&2 != 0,
				file:    func() []byte { return webpFrame(body) },
			}
			if body[15]&1 != 0 {
				f.dispose = disposeToTransparent
			}
			a.frames = append(a.frames, f)
		}
	}
}
