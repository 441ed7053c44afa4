package pixels

import (
	"bufio"
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
	// Deep is the same image with 16 bits per sample, or nil if the file has fewer or an orientation.
	Deep   image.Image
	Format string // "jpeg", "png", "gif", "bmp", "tiff" or "webp"
	Gray   bool   // every pixel has equal red, green and blue
	Alpha  bool   // some pixel is not opaque
	// Orientation is the file's EXIF orientation, 1 to 8. Image is already turned by it.
	Orientation int
	// Profile is the file's ICC profile, if it is valid and for RGB. It applies to Image; pass it on in
	// SaveOptions.
	Profile Profile
	// Notes list what Image lacks of the file: further frames, more than 8 bits per sample, an ICC
	// profile for CMYK.
	Notes []string
}

// Limits bound the cost of a file. Zero fields mean the defaults. In addition to the file, reading
// usually takes 8 bytes of memory per pixel, up to 15 for 16 bits per sample and progressive JPEG, and
// up to 24 for progressive CMYK and crafted TIFF files.
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
	data, err := readFile(path, lim.WithDefaults().MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("read image: %w", err)
	}
	p, err := Decode(data, lim)
	if err != nil {
		return nil, fmt.Errorf("read image %q: %w", path, err)
	}
	return p, nil
}

func readFile(path string, most int64) ([]byte, error) {
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
	data, err := ReadAll(f, info.Size(), most)
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
	Width, Height int // as stored, before the orientation
	// Orientation is the EXIF orientation if it precedes the pixels, as in JPEG and most TIFF files, and
	// else 1. PNG and WebP may store it at the end.
	Orientation int
}

// Upright returns the size after the orientation is applied.
func (i Info) Upright() (w, h int) {
	if i.Orientation >= 5 {
		return i.Height, i.Width
	}
	return i.Width, i.Height
}

// Header reads an image's format and size without decoding its pixels. An image above the limit is an
// error. Of TIFF files it reads those with gray, palette and RGB pixels.
func Header(r io.Reader, lim Limits) (Info, error) {
	var seen firstBytes
	buffered := bufio.NewReaderSize(io.TeeReader(r, &seen), 4096)
	head, err := buffered.Peek(headLength)
	if err != nil && !errors.Is(err, io.EOF) {
		return Info{}, err
	}
	info, err := header(buffered, head, lim)
	info.Orientation = orientation(info.Format, seen.data)
	return info, err
}

// firstBytes keeps the first bytes that are written to it.
type firstBytes struct{ data []byte }

func (f *firstBytes) Write(p []byte) (int, error) {
	const most = 256 << 10
	f.data = append(f.data, p[:min(len(p), most-len(f.data))]...)
	return len(p), nil
}

// Decode decodes a file: the first frame of an animation, the first of several pages. It checks the
// size in the header before it decodes anything, and returns a decoder's panic as an error.
func Decode(data []byte, lim Limits) (pic *Picture, err error) {
	lim = lim.WithDefaults()
	if int64(len(data)) > lim.MaxBytes {
		return nil, fmt.Errorf("file has %d bytes, more than the limit of %d", len(data), lim.MaxBytes)
	}
	data, fix, err := withKnownInks(data)
	if err != nil {
		return nil, err
	}
	info, err := headerOf(data, lim)
	if err != nil {
		return nil, err
	}
	defer recoverTo(&err, info.Format)
	img, note, err := decodeFrame(data, info, lim)
	if err != nil {
		return nil, err
	}
	if err := lim.Check(img.Bounds().Dx(), img.Bounds().Dy()); err != nil {
		return nil, err
	}
	p := &Picture{Format: info.Format, Orientation: orientation(info.Format, data)}
	p.note(note)
	if Deep(img) {
		p.note(NoteDeep)
	}
	if fix != nil {
		img = fix(img)
	}
	if Deep(img) && p.Orientation == 1 {
		p.Deep = img
	}
	_, cmyk := img.(*image.CMYK)
	p.profile(data, cmyk)
	p.Image = toNRGBA(img)
	if turn := turns[p.Orientation]; turn != nil {
		p.Image = turn(p.Image)
	}
	p.Gray, p.Alpha = survey(p.Image.Pix)
	return p, nil
}

// headerOf reads the header of a file and checks that the file can hold such an image.
func headerOf(data []byte, lim Limits) (Info, error) {
	// A bytes.Reader, since the TIFF decoder copies readers that cannot seek.
	info, err := header(bytes.NewReader(data), data[:min(len(data), headLength)], lim)
	if err != nil {
		return Info{}, err
	}
	if err := plausible(data, info); err != nil {
		return Info{}, fmt.Errorf("damaged %s: %w", info.Format, err)
	}
	return info, nil
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

// Check returns an error unless an image of w x h pixels is within the limits.
func (l Limits) Check(w, h int) error {
	l = l.WithDefaults()
	if w < 1 || h < 1 {
		return fmt.Errorf("image of %dx%d has no pixels", w, h)
	}
	if w > l.MaxPixels/h {
		return fmt.Errorf("image of %dx%d has more than the limit of %d pixels", w, h, l.MaxPixels)
	}
	return nil
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
