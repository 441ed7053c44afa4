// Package y4m reads and writes YUV4MPEG2, uncompressed video in a stream that FFmpeg and other
// programs speak. Its central type is [Reader]; a [Writer] writes frames in the format of a
// [Header].
//
//	r, err := y4m.NewReader(os.Stdin, pixels.Limits{})
//	w := y4m.NewWriter(os.Stdout, r.Header())
//	frame, err := r.Next() // io.EOF at the end
//	err = w.Write(r.Header().Image(frame), frame.Params)
package y4m

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"io"
	"regexp"
	"strconv"
	"strings"

	"cyclegan/infer/pixels"
)

// Magic begins every stream.
const Magic = "YUV4MPEG2 "

// maxLine limits the lines of a stream, which are parameters.
const maxLine = 4 << 10

// Header describes the frames of a stream.
type Header struct {
	Width, Height int
	// Params are the other parameters, such as "F25:1" and "C420jpeg", as they stand in the stream.
	Params []string

	depth            int  // bits per sample, 8 to 16
	shiftX, shiftY   uint // a chroma sample covers 1<<shift pixels
	mono             bool
	left             bool // chroma samples are on the left pixel, not in the middle
	full             bool // black is 0 and not 16, in 8 bits
	interlaced, wide bool // wide: BT.709
}

var (
	colorSpace = regexp.MustCompile(`^(420|422|444|411|440)(?:jpeg|mpeg2|paldv)?(?:p(\d+))?$`)
	monoSpace  = regexp.MustCompile(`^mono(\d*)$`)
)

// parse reads the line of a header without its line feed.
func parse(line string) (h Header, err error) {
	rest, ok := strings.CutPrefix(line, Magic)
	if !ok {
		return h, errors.New("not a YUV4MPEG2 stream")
	}
	color := "420jpeg"
	for _, p := range strings.Fields(rest) {
		value := p[1:]
		switch p[0] {
		case 'W':
			h.Width, err = strconv.Atoi(value)
		case 'H':
			h.Height, err = strconv.Atoi(value)
		case 'C':
			color = value
		case 'I':
			h.interlaced = value != "p" && value != "?"
		case 'X':
			if value == "COLORRANGE=FULL" {
				h.full = true
			}
		}
		if err != nil {
			return h, fmt.Errorf("parameter %q: not a number", p)
		}
		if p[0] != 'W' && p[0] != 'H' {
			h.Params = append(h.Params, p)
		}
	}
	h.depth = 8
	depth := ""
	if m := colorSpace.FindStringSubmatch(color); m != nil {
		depth = m[2]
		h.shiftX = map[string]uint{"420": 1, "422": 1, "411": 2}[m[1]]
		h.shiftY = map[string]uint{"420": 1, "440": 1}[m[1]]
		h.left = color != "420" && color != "420jpeg"
	} else if m := monoSpace.FindStringSubmatch(color); m != nil {
		h.mono, depth = true, m[1]
	} else {
		return h, fmt.Errorf("pixels of kind %q are not supported. Fix: with ffmpeg, add -pix_fmt yuv420p", color)
	}
	if depth != "" {
		if h.depth, _ = strconv.Atoi(depth); h.depth < 9 || h.depth > 16 {
			return h, fmt.Errorf("pixels of kind %q are not supported. Fix: with ffmpeg, add -pix_fmt yuv420p", color)
		}
	}
	// The stream does not name its matrix. As in players, larger than standard definition is
	// BT.709.
	h.wide = h.Width >= 1280 || h.Height > 576
	return h, nil
}

// Interlaced reports whether the frames consist of two fields of different times.
func (h Header) Interlaced() bool { return h.interlaced }

// String returns the header as in a stream, without the line feed.
func (h Header) String() string {
	return strings.Join(append([]string{fmt.Sprintf("%sW%d H%d", Magic, h.Width, h.Height)}, h.Params...), " ")
}

// bytes is the size of a sample.
func (h Header) bytes() int { return (h.depth + 7) / 8 }

// chroma returns the size of the chroma planes.
func (h Header) chroma() (w, height int) {
	if h.mono {
		return 0, 0
	}
	return (h.Width + 1<<h.shiftX - 1) >> h.shiftX, (h.Height + 1<<h.shiftY - 1) >> h.shiftY
}

// frameSize is the size of a frame in bytes.
func (h Header) frameSize() int {
	cw, ch := h.chroma()
	return h.bytes() * (h.Width*h.Height + 2*cw*ch)
}

// A Frame is a frame as it stands in the stream.
type Frame struct {
	Params string // of the frame alone; usually empty
	Data   []byte // brightness, then two planes of chroma
}

// A Reader reads a stream.
type Reader struct {
	r      *bufio.Reader
	header Header
	frames int
}

// NewReader reads the header of a stream. A size above the limit is an error.
func NewReader(r io.Reader, lim pixels.Limits) (*Reader, error) {
	y := &Reader{r: bufio.NewReaderSize(r, maxLine)}
	line, err := y.line()
	if err == nil {
		y.header, err = parse(line)
	}
	if err == nil {
		err = lim.Check(y.header.Width, y.header.Height)
	}
	if err != nil {
		return nil, fmt.Errorf("read video: %w", cutOff(err))
	}
	return y, nil
}

// line returns a line without its line feed.
func (r *Reader) line() (string, error) {
	line, err := r.r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", errors.New("a line of parameters is too long")
	case err == io.EOF && len(line) > 0:
		return "", io.ErrUnexpectedEOF
	case err != nil:
		return "", err
	}
	return string(line[:len(line)-1]), nil
}

// cutOff explains the end of the stream where more is expected.
func cutOff(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the stream is cut off: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// Header returns the header of the stream.
func (r *Reader) Header() Header { return r.header }

// Next returns the next frame, or io.EOF after the last. A frame that is cut off is an error that
// wraps io.ErrUnexpectedEOF.
func (r *Reader) Next() (*Frame, error) {
	line, err := r.line()
	if err == io.EOF {
		return nil, err
	}
	r.frames++
	f := &Frame{}
	if err == nil {
		rest, ok := strings.CutPrefix(line, "FRAME")
		if !ok || rest != "" && rest[0] != ' ' {
			err = fmt.Errorf("%q instead of FRAME", line[:min(len(line), 20)])
		}
		f.Params = strings.TrimSpace(rest)
	}
	if err == nil {
		f.Data = make([]byte, r.header.frameSize())
		_, err = io.ReadFull(r.r, f.Data)
	}
	if err != nil {
		return nil, fmt.Errorf("read video: frame %d: %w", r.frames, cutOff(err))
	}
	return f, nil
}

// A Writer writes a stream.
type Writer struct {
	w      io.Writer
	header Header
	begun  bool
}

// NewWriter returns a Writer of frames in the format of h, whatever their size.
func NewWriter(w io.Writer, h Header) *Writer { return &Writer{w: w, header: h} }

// Write writes an image as the next frame. The first one sets the size of all. Params are those of
// the frame.
func (w *Writer) Write(img image.Image, params string) error {
	size := img.Bounds().Size()
	if !w.begun {
		w.header.Width, w.header.Height = size.X, size.Y
		if _, err := fmt.Fprintf(w.w, "%s\n", w.header); err != nil {
			return err
		}
		w.begun = true
	}
	if size.X != w.header.Width || size.Y != w.header.Height {
		return fmt.Errorf("frame of %v in a video of %dx%d", size, w.header.Width, w.header.Height)
	}
	head := "FRAME\n"
	if params != "" {
		head = "FRAME " + params + "\n"
	}
	_, err := w.w.Write(append([]byte(head), w.header.Data(img)...))
	return err
}
