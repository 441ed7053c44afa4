package pixels

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"
	"io/fs"
	"os"
)

// Picture is a decoded image file.
type Picture struct {
	Image *image.NRGBA // upright, starting at the origin
	// Deep is the same image with 16 bits per sample, or nil if the file has fewer.
	Deep   image.Image
	Format string // "jpeg", "png", "gif", "bmp", "tiff", "webp", "heic", "avif" or "pnm"
	Gray   bool   // every pixel has equal red, green and blue
	Alpha  bool   // some pixel is not opaque
	// Orientation is the file's EXIF orientation, 1 to 8. Image is already turned by it.
	Orientation int
	// Profile is the file's ICC profile, if it is valid and for RGB. It applies to Image; pass it
	// on in SaveOptions.
	Profile Profile
	// Metadata describes the image, as stored in the file. Pass it on in SaveOptions.
	Metadata Metadata
	// Animation has all frames of an animated file, of which Image is the first. Otherwise it is
	// nil.
	Animation *Animation
	// Notes list what Image lacks of the file: further frames, more than 8 bits per sample, an ICC
	// profile for CMYK.
	Notes []string
}

// Limits bound the cost of a file. Zero fields mean the defaults. In addition to the file, reading
// usually takes 8 bytes of memory per pixel, up to 15 for 16 bits per sample and progressive JPEG,
// up to 24 for progressive CMYK, HEIC and crafted TIFF files, and up to 70 for AVIF of more than 8
// bits.
type Limits struct {
	MaxPixels int   // width times height; default 100 million
	MaxBytes  int64 // size of the file; default 512 MiB
}

const (
	defaultMaxPixels = 100_000_000
	defaultMaxBytes  = 512 << 20
)

// WithDefaults returns the limits with zero fields replaced by the defaults.
func (l Limits) WithDefaults() Limits {
	if l.MaxPixels <= 0 {
		l.MaxPixels = defaultMaxPixels
	}
	if l.MaxBytes <= 0 {
		l.MaxBytes = defaultMaxBytes
	}
	return l
}

// Load reads the image at path. The content decides the format, not the name. Errors name the path.
func Load(path string, lim Limits) (*Picture, error) {
	data, err := ReadFile(path, lim)
	if err != nil {
		return nil, fmt.Errorf("read image: %w", err)
	}
	p, err := Decode(data, lim)
	if err != nil {
		return nil, fmt.Errorf("read image %q: %w", path, err)
	}
	return p, nil
}

// ReadFile returns the content of a file. More than lim.MaxBytes are an error.
func ReadFile(path string, lim Limits) ([]byte, error) {
	// Opening a named pipe would wait for a writer.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := ReadAll(f, info.Size(), lim.WithDefaults().MaxBytes)
	if err != nil && !errors.As(err, new(*fs.PathError)) {
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return data, err
}

// ReadAll reads all of r, whose expected size is given. More than most bytes are an error.
func ReadAll(r io.Reader, size, most int64) ([]byte, error) {
	if size > most {
		return nil, fmt.Errorf("file has %d bytes, more than the limit of %d", size, most)
	}
	// The size may be false, as in a zip entry, so it must not cost memory.
	buf := bytes.NewBuffer(make([]byte, 0, min(max(size, 0), 16<<20)+bytes.MinRead))
	if _, err := buf.ReadFrom(io.LimitReader(r, most+1)); err != nil {
		return nil, err
	}
	if int64(buf.Len()) > most {
		return nil, fmt.Errorf("file has more than the limit of %d bytes", most)
	}
	return buf.Bytes(), nil
}

// Info is the content of a file's header.
type Info struct {
	Format        string
	Width, Height int  // as stored, before the orientation
	Orientation   int  // as in EXIF, 1 to 8
	Deep          bool // 16 bits per sample
}

// Upright returns the size after the orientation is applied.
func (i Info) Upright() (w, h int) {
	if i.Orientation >= 5 {
		return i.Height, i.Width
	}
	return i.Width, i.Height
}

// Header returns the format, size and orientation that Decode returns for the file, without
// decoding its pixels. An image above the limit is an error. It reads r completely where metadata
// may follow the pixels, which is so in all formats but JPEG, GIF, BMP and PNM.
func Header(r io.Reader, lim Limits) (Info, error) {
	data, err := readHeader(r, lim.WithDefaults())
	if err != nil {
		return Info{}, err
	}
	f, err := open(data, lim)
	return f.Info, err
}

// readHeader reads as much of a file as open needs.
func readHeader(r io.Reader, lim Limits) ([]byte, error) {
	var buf bytes.Buffer
	// The first part is long enough for plausible to come to the result that it has for the whole
	// file.
	for n := max(16<<10, int64(lim.MaxPixels)/pixelsPerByte+1); ; n *= 4 {
		n = min(n, lim.MaxBytes+1)
		_, err := io.CopyN(&buf, r, n-int64(buf.Len()))
		switch {
		case err != nil && err != io.EOF:
			return nil, err
		case int64(buf.Len()) > lim.MaxBytes:
			return nil, fmt.Errorf("file has more than the limit of %d bytes", lim.MaxBytes)
		case err == io.EOF || hasHeader(buf.Bytes()):
			return buf.Bytes(), nil
		}
	}
}

// Decode decodes a file: the first frame of an animation, the first of several pages. It checks the
// size in the header before it decodes anything, and returns a decoder's panic as an error.
func Decode(data []byte, lim Limits) (pic *Picture, err error) {
	lim = lim.WithDefaults()
	if int64(len(data)) > lim.MaxBytes {
		return nil, fmt.Errorf("file has %d bytes, more than the limit of %d", len(data), lim.MaxBytes)
	}
	f, err := open(data, lim)
	if err != nil {
		return nil, err
	}
	defer recoverTo(&err, f.Format)
	img, note, err := decodeFrame(f.data, f.Info, lim)
	if err != nil {
		return nil, err
	}
	if b := img.Bounds(); b.Dx() != f.Width || b.Dy() != f.Height {
		return nil, fmt.Errorf("damaged %s: the header has %dx%d pixels, the image %dx%d", f.Format, f.Width, f.Height, b.Dx(), b.Dy())
	}
	p := &Picture{Format: f.Format, Orientation: f.Orientation}
	p.note(note)
	if Deep(img) {
		p.note(NoteDeep)
	}
	if f.fix != nil {
		img = f.fix(img)
	}
	if Deep(img) {
		p.Deep = upright(img, p.Orientation)
	}
	_, cmyk := img.(*image.CMYK)
	p.profile(f.data, cmyk)
	p.metadata(f.data)
	p.Animation = readAnimation(f.data, f.Info, lim)
	p.Image = toNRGBA(img)
	if turn := turns[p.Orientation]; turn != nil {
		p.Image = turn(p.Image)
	}
	p.Gray, p.Alpha = survey(p.Image.Pix)
	return p, nil
}

// opened is a file whose header has been read.
type opened struct {
	Info
	data []byte                        // as the decoders need it
	fix  func(image.Image) image.Image // what the decoded image needs; nil for nothing
}

// open reads the header of a file, of which data is at least the part that hasHeader asks for, and
// checks that the file can hold such an image.
func open(data []byte, lim Limits) (f opened, err error) {
	if f.Format, err = identify(data); err != nil {
		return opened{}, err
	}
	if f.data, f.fix, err = repair(f.Format, data); err != nil {
		return opened{}, err
	}
	cfg, err := config(f.Format, f.data)
	if err != nil {
		return opened{}, err
	}
	f.Width, f.Height = cfg.Width, cfg.Height
	f.Deep = f.fix == nil && deepModel(cfg.ColorModel) // what needs a fix becomes 8 bits
	if err := lim.Check(f.Width, f.Height); err != nil {
		return opened{}, err
	}
	if err := plausible(data, f.Info); err != nil {
		return opened{}, fmt.Errorf("damaged %s: %w", f.Format, err)
	}
	f.Orientation = orientation(f.Format, data)
	return f, nil
}

// note adds a note unless it is empty.
func (p *Picture) note(s string) {
	if s != "" {
		p.Notes = append(p.Notes, s)
	}
}

// profile sets the file's ICC profile, or notes why not.
func (p *Picture) profile(data []byte, cmyk bool) {
	profile, err := readProfile(p.Format, data)
	switch {
	case err != nil:
		p.note(err.Error() + " and is ignored")
	case profile != nil && (cmyk || profile.space() != "RGB"):
		p.note(fmt.Sprintf("the ICC profile %q is for %s, not RGB, and is ignored", profile.Name(), profile.space()))
	default:
		p.Profile = profile
	}
	if cmyk {
		p.note(noteCMYK)
	}
}

// metadata sets the file's metadata. Orientation is known.
func (p *Picture) metadata(data []byte) {
	m, notes := readMetadata(p.Format, data)
	if p.Orientation >= 5 {
		m.DPI[0], m.DPI[1] = m.DPI[1], m.DPI[0]
	}
	p.Metadata, p.Notes = m, append(p.Notes, notes...)
}

// Check returns an error unless an image of w x h pixels is within the limits.
func (l Limits) Check(w, h int) error {
	l = l.WithDefaults()
	if w < 1 || h < 1 {
		return fmt.Errorf("image of %dx%d has no pixels", w, h)
	}
	if w > l.MaxPixels/h {
		return &LimitError{w, h, l.MaxPixels}
	}
	return nil
}

// A LimitError reports an image with more pixels than a limit allows.
type LimitError struct{ Width, Height, MaxPixels int }

func (e *LimitError) Error() string {
	return fmt.Sprintf("image of %dx%d has more than the limit of %d pixels", e.Width, e.Height, e.MaxPixels)
}

// recoverTo converts a decoder's panic to an error.
func recoverTo(err *error, format string) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("damaged %s: decoder failed: %v", format, r)
	}
}

// survey reports whether all pixels are gray and whether any is not opaque.
func survey(pix []byte) (gray, alpha bool) {
	gray = true
	for i := 0; i+3 < len(pix); i += 4 {
		p := pix[i : i+4 : i+4]
		gray = gray && p[0] == p[1] && p[1] == p[2]
		alpha = alpha || p[3] != 255
	}
	return gray, alpha
}
