package pixels

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"io"
	"time"
)

// KeepsFrames reports whether a FrameWriter can write a format.
func KeepsFrames(format string) bool {
	f, err := writer(format)
	return err == nil && (f == "gif" || f == "png" || f == "webp")
}

// A FrameWriter encodes an animation frame by frame and keeps only what is encoded. Frames have 8
// bits per sample and one size.
type FrameWriter struct {
	format string
	opt    SaveOptions
	plays  int
	frames int
	size   image.Point
	time   time.Duration // of all frames so far
	body   bytes.Buffer
	parts  []riffChunk // of WebP

	palette *palette // of GIF
	flags   int      // of GIF: place of the last frame's flags in body
}

// NewFrameWriter returns a FrameWriter for opt.Format, "gif", "png" or "webp". Plays is as in
// Animation.
func NewFrameWriter(opt SaveOptions, plays int) (*FrameWriter, error) {
	format, err := opt.complete()
	if err != nil {
		return nil, err
	}
	if !KeepsFrames(format) {
		return nil, fmt.Errorf("%s cannot store animations. Fix: choose gif, png or webp", format)
	}
	return &FrameWriter{format: format, opt: opt, plays: plays}, nil
}

// Frames returns the number of frames so far.
func (w *FrameWriter) Frames() int { return w.frames }

// Add appends a frame.
func (w *FrameWriter) Add(img image.Image, delay time.Duration) error {
	if err := Valid(img); err != nil {
		return err
	}
	m := toNRGBA(img)
	if w.frames == 0 {
		w.size = m.Rect.Size()
	} else if m.Rect.Size() != w.size {
		return fmt.Errorf("frame of %v in an animation of %v", m.Rect.Size(), w.size)
	}
	w.frames++
	switch w.format {
	case "gif":
		return w.addGIF(m, delay)
	case "png":
		return w.addPNG(m, delay)
	}
	return w.addWebP(m, delay)
}

// ticks returns a delay in whole units, so that the sum of all delays keeps its length.
func (w *FrameWriter) ticks(delay, unit time.Duration) int {
	end := w.time + delay
	n := (end+unit/2)/unit - (w.time+unit/2)/unit
	w.time = end
	return int(n)
}

// gifHead is the size of the header of the files that addGIF makes: a screen and two colors.
const gifHead = 13 + 2*3

// addGIF encodes the frame as a file, of which it takes the part behind the header. The palette
// stays as long as it serves.
func (w *FrameWriter) addGIF(img *image.NRGBA, delay time.Duration) error {
	const most = 255 // and transparency, which a later frame may need
	cells := colorCells(img, most)
	if own := paletteOf(cells, most); w.palette == nil || !w.palette.serves(cells, own) {
		w.palette = own
	}
	if w.frames > 1 && !img.Opaque() { // it must not show the one before
		w.body.Bytes()[w.flags] = w.body.Bytes()[w.flags]&^(7<<2) | gif.DisposalBackground<<2
	}
	var file bytes.Buffer
	err := gif.EncodeAll(&file, &gif.GIF{
		Image: []*image.Paletted{w.palette.dither(img)}, Delay: []int{min(w.ticks(delay, 10*time.Millisecond), 0xffff)},
		Disposal: []byte{gif.DisposalNone}, LoopCount: -1,
		// Colors that differ from the frame's, which then has its own.
		Config: image.Config{Width: w.size.X, Height: w.size.Y, ColorModel: color.Palette{color.NRGBA{A: 255}, color.NRGBA{R: 1, A: 255}}},
	})
	if err != nil {
		return err
	}
	data := file.Bytes()
	if w.frames == 1 {
		w.body.Write(data[:gifHead])
		if w.plays != 1 {
			w.body.WriteString("\x21\xff\x0bNETSCAPE2.0\x03\x01")
			w.body.Write(binary.LittleEndian.AppendUint16(nil, uint16(min(max(w.plays-1, 0), 0xffff))))
			w.body.WriteByte(0)
		}
	}
	w.flags = w.body.Len() + 3 // the first block is the control of the frame
	w.body.Write(data[gifHead : len(data)-1])
	return nil
}

// withAlpha makes the PNG encoder use one kind of pixel for all frames.
type withAlpha struct{ image.Image }

func (withAlpha) Opaque() bool { return false }

func (w *FrameWriter) addPNG(img *image.NRGBA, delay time.Duration) error {
	var file bytes.Buffer
	if err := png.Encode(&file, withAlpha{img}); err != nil {
		return err
	}
	be := binary.BigEndian
	control := be.AppendUint32(nil, 0) // numbered at the end
	control = be.AppendUint32(be.AppendUint32(control, uint32(w.size.X)), uint32(w.size.Y))
	control = append(control, make([]byte, 8)...) // at the corner
	control = be.AppendUint16(be.AppendUint16(control, uint16(min(w.ticks(delay, time.Millisecond), 0xffff))), 1000)
	control = append(control, 0, 0) // stays until the next, which replaces it
	var chunks []byte
	chunks = appendChunk(chunks, "fcTL", control)
	for name, body := range pngChunks(file.Bytes()) {
		switch {
		case name != "IDAT":
		case w.frames == 1:
			chunks = appendChunk(chunks, "IDAT", body)
		default:
			chunks = appendChunk(chunks, "fdAT", make([]byte, 4), body)
		}
	}
	if w.frames == 1 {
		const header = 8 + 25
		w.body.Write(file.Bytes()[:header])
		w.body.Write(appendChunk(nil, "acTL", make([]byte, 8)))
	}
	w.body.Write(chunks)
	return nil
}

func (w *FrameWriter) addWebP(img *image.NRGBA, delay time.Duration) error {
	var file bytes.Buffer
	if err := encodeWebP(&file, img, w.opt); err != nil {
		return err
	}
	const noBlending = 2
	body := make([]byte, 6) // at the corner
	for _, v := range []int{w.size.X - 1, w.size.Y - 1, min(w.ticks(delay, time.Millisecond), 1<<24-1)} {
		body = appendU24(body, v)
	}
	body = append(body, noBlending)
	for c := range webpParts(file.Bytes()) {
		body = appendRIFF(body, c.name, c.body)
	}
	w.parts = append(w.parts, riffChunk{"ANMF", body})
	return nil
}

// WriteTo writes the animation of all frames that were added.
func (w *FrameWriter) WriteTo(out io.Writer) (int64, error) {
	if w.frames == 0 {
		return 0, errors.New("animation without frames")
	}
	meta := w.opt.Metadata.forImage(w.size.X, w.size.Y)
	var file []byte
	switch w.format {
	case "gif":
		file = append(bytes.Clone(w.body.Bytes()), 0x3b)
	case "png":
		file = appendChunk(bytes.Clone(w.body.Bytes()), "IEND")
		w.numberPNG(file)
		file = embed("png", file, w.opt.Profile, meta)
	case "webp":
		x := webpExtras{Profile: w.opt.Profile, Metadata: meta, width: w.size.X, height: w.size.Y}
		x.animation = binary.LittleEndian.AppendUint16(make([]byte, 4), uint16(min(w.plays, 0xffff))) // on transparent
		for _, p := range w.parts {
			for name, body := range riffChunks(p.body[webpFrameHeader:]) {
				_, _, alpha := webpSize(riffChunk{name, body})
				x.alpha = x.alpha || alpha
			}
		}
		file = webpFile(w.parts, x)
	}
	n, err := out.Write(file)
	return int64(n), err
}

// numberPNG sets the number of frames and the sequence numbers.
func (w *FrameWriter) numberPNG(file []byte) {
	be := binary.BigEndian
	next := uint32(0)
	for i := 8; i+12 <= len(file); {
		n := int(be.Uint32(file[i:]))
		body := file[i+8 : i+8+n]
		switch string(file[i+4 : i+8]) {
		case "acTL":
			be.PutUint32(body, uint32(w.frames))
			be.PutUint32(body[4:], uint32(w.plays))
		case "fcTL", "fdAT":
			be.PutUint32(body, next)
			next++
		}
		be.PutUint32(file[i+8+n:], crc32.ChecksumIEEE(file[i+4:i+8+n]))
		i += 12 + n
	}
}
