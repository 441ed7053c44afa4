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

// Picture is a decoded file.
type Picture struct {
	Image  *image.NRGBA // upright, starting at the origin
	Format string       // "jpeg", "png", "gif", "bmp", "tiff" or "webp"
	Gray   bool         // every pixel has equal red, green and blue
	Alpha  bool         // some pixel is not opaque
	// Orientation is the EXIF orientation that the file carried, 1 to 8; Image
	// has been turned by it.
	Orientation int
	// Profile is the file's ICC profile, if that is for RGB and whole: the
	// numbers in Image are as it says. SaveOptions take it on.
	Profile Profile
	// Notes say what the file has that Image has not, a sentence each: further
	// frames, more than 8 bits a sample, an ICC profile for CMYK.
	Notes []string
}

// Limits bounds what a file may cost. Zero fields mean the defaults. Beside the
// file, reading takes 8 bytes of memory for a pixel as a rule, up to 15 with 16
// bits a sample and in progressive JPEG, and up to 24 in progressive CMYK and
// crafted TIFF files.
type Limits struct {
	MaxPixels int   // width times height; default 100 million
	MaxBytes  int64 // size of the file; default 512 MiB
}

const (
	defaultMaxPixels = 100_000_000
	defaultMaxBytes  = 512 << 20
)

// WithDefaults gives the limits with the defaults in the place of zero fields.
func (l Limits) WithDefaults() Limits {
	if l.MaxPixels <= 0 {
		l.MaxPixels = defaultMaxPixels
	}
	if l.MaxBytes <= 0 {
		l.MaxBytes = defaultMaxBytes
	}
	return l
}

// Load reads the picture at path. What the file holds decides how it is read,
// not its name. Errors name the path.
func Load(path string, lim Limits) (*Picture, error) {
	data, err := readFile(path, lim.WithDefaults().MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("read picture: %w", err)
	}
	p, err := Decode(data, lim)
	if err != nil {
		return nil, fmt.Errorf("read picture %q: %w", path, err)
	}
	return p, nil
}

func readFile(path string, most int64) ([]byte, error) {
	// Asked before opening, since opening a named pipe would wait for a writer.
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

// ReadAll reads a whole file of the given expected size from r, and refuses
// more than most bytes however long r turns out to be.
func ReadAll(r io.Reader, size, most int64) ([]byte, error) {
	if size > most {
		return nil, fmt.Errorf("file has %d bytes, more than the %d allowed", size, most)
	}
	// A size that is only claimed (a zip entry's) must not cost memory ahead.
	buf := bytes.NewBuffer(make([]byte, 0, min(max(size, 0), 16<<20)+bytes.MinRead))
	if _, err := buf.ReadFrom(io.LimitReader(r, most+1)); err != nil {
		return nil, err
	}
	if int64(buf.Len()) > most {
		return nil, fmt.Errorf("file has more than the %d bytes allowed", most)
	}
	return buf.Bytes(), nil
}

// Info is what a file's header tells.
type Info struct {
	Format        string
	Width, Height int // as stored, before the orientation
	// Orientation is the EXIF orientation if it stands before the pixels, as in
	// JPEG and most TIFF files; PNG and WebP may keep it at the end, and have 1.
	Orientation int
}

// Upright gives the size after the orientation.
func (i Info) Upright() (w, h int) {
	if i.Orientation >= 5 {
		return i.Height, i.Width
	}
	return i.Width, i.Height
}

// Header reads a picture's format and size without decoding its pixels, and
// refuses a picture above the limit. Of the TIFF files that Decode reads it
// knows those with gray, palette and RGB pixels.
func Header(r io.Reader, lim Limits) (Info, error) {
	var seen firstBytes
	buffered := bufferedPeek(io.TeeReader(r, &seen))
	head, err := buffered.Peek(headLength)
	if err != nil && !errors.Is(err, io.EOF) {
		return Info{}, err
	}
	info, err := header(buffered, head, lim)
	info.Orientation = orientation(info.Format, seen.data)
	return info, err
}

// firstBytes keeps the beginning of what is written to it.
type firstBytes struct{ data []byte }

func (f *firstBytes) Write(p []byte) (int, error) {
	const most = 256 << 10
	f.data = append(f.data, p[:min(len(p), most-len(f.data))]...)
	return len(p), nil
}

// Decode reads a picture from the bytes of a file: of an animation the first
// frame, of several pages the first. The size in the header is checked before
// anything is decoded, and a decoder that panics over a damaged file gives an
// error.
func Decode(data []byte, lim Limits) (pic *Picture, err error) {
	lim = lim.WithDefaults()
	if int64(len(data)) > lim.MaxBytes {
		return nil, fmt.Errorf("file has %d bytes, more than the %d allowed", len(data), lim.MaxBytes)
	}
	var inks inks
	if inks, data, err = withKnownInks(data); err != nil {
		return nil, err
	}
	info, err := headerOf(data, lim)
	if err != nil {
		return nil, err
	}
	defer recoverTo(&err, info.Format)
	img, err := decodeFrame(data, info, lim)
	if err != nil {
		return nil, err
	}
	if err := lim.checkSize(img.Bounds().Dx(), img.Bounds().Dy()); err != nil {
		return nil, err
	}
	p := &Picture{Format: info.Format, Orientation: orientation(info.Format, data)}
	p.note(several(info.Format, data))
	switch img.(type) {
	case *image.Gray16, *image.RGBA64, *image.NRGBA64:
		p.note(noteDeep)
	}
	img = inks.apply(img)
	_, cmyk := img.(*image.CMYK)
	p.profile(data, cmyk)
	p.Image = upright(toNRGBA(img), p.Orientation)
	p.Gray, p.Alpha = survey(p.Image.Pix)
	return p, nil
}

// headerOf checks the header of a whole file, and that the file can hold what
// the header tells of.
func headerOf(data []byte, lim Limits) (Info, error) {
	// The TIFF decoder takes a reader that can seek as it is, and others apart
	// in pieces of 10 MiB.
	info, err := header(bytes.NewReader(data), data[:min(len(data), headLength)], lim)
	if err != nil {
		return Info{}, err
	}
	if err := plausible(data, info); err != nil {
		return Info{}, fmt.Errorf("damaged %s: %w", info.Format, err)
	}
	return info, nil
}

func decodeFrame(data []byte, info Info, lim Limits) (image.Image, error) {
	if info.Format == "webp" && animated(data) {
		return decodeFirst(data, info, lim)
	}
	img, err := decodeFormat(info.Format, data)
	if err == nil && info.Format == "gif" {
		img = onScreen(img, img.Bounds().Min, info.Width, info.Height)
	}
	return img, err
}

func decodeFormat(format string, data []byte) (image.Image, error) {
	img, err := codecs[format].decode(bytes.NewReader(data))
	if err != nil {
		return nil, fault(format, "", err)
	}
	switch format {
	case "webp":
		img = studioRange{img}
	case "tiff":
		tiffPalette(img)
	}
	return img, nil
}

// note adds a note, if there is one.
func (p *Picture) note(s string) {
	if s != "" {
		p.Notes = append(p.Notes, s)
	}
}

// profile takes over the file's ICC profile, or notes why not.
func (p *Picture) profile(data []byte, cmyk bool) {
	profile, err := readProfile(p.Format, data)
	switch {
	case err != nil:
		p.note(err.Error() + ": it is left out")
	case profile != nil && (cmyk || profile.space() != "RGB"):
		p.note(fmt.Sprintf("its ICC profile %q is for %s, not for RGB: it is left out", profile.Name(), profile.space()))
	default:
		p.Profile = profile
	}
	if cmyk {
		p.note(noteCMYK)
	}
}

// Check tells whether a picture of w x h pixels is within the limits.
func (l Limits) Check(w, h int) error { return l.WithDefaults().checkSize(w, h) }

func (l Limits) checkSize(w, h int) error {
	if w < 1 || h < 1 {
		return fmt.Errorf("picture of %dx%d has no pixels", w, h)
	}
	if w > l.MaxPixels/h {
		return fmt.Errorf("picture of %dx%d has more than the %d pixels allowed", w, h, l.MaxPixels)
	}
	return nil
}

// recoverTo turns a decoder's panic into an error.
func recoverTo(err *error, format string) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("damaged %s: decoder failed: %v", format, r)
	}
}

// survey tells whether all pixels are gray and whether one is not opaque.
func survey(pix []byte) (gray, alpha bool) {
	gray = true
	for i := 0; i+3 < len(pix); i += 4 {
		p := pix[i : i+4 : i+4]
		if p[0] != p[1] || p[1] != p[2] {
			gray = false
		}
		if p[3] != 255 {
			alpha = true
		}
		if !gray && alpha {
			break
		}
	}
	return gray, alpha
}
