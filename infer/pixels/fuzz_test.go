package pixels

import (
	"bytes"
	"image"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// fuzzLimits keep one input cheap.
var fuzzLimits = Limits{MaxPixels: 1 << 18, MaxBytes: 1 << 20}

// seed adds the small valid and damaged fixtures of a format, or of all formats if it is "".
func seed(f *testing.F, format string, add func(data []byte)) {
	f.Helper()
	n := 0
	for _, dir := range []string{fixtures, badFixtures} {
		names, err := filepath.Glob(filepath.Join(dir, "*.*"))
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			if len(data) < 3000 && Readable(name) && (format == "" || sniff(data) == format) {
				add(data)
				n++
			}
		}
	}
	if n == 0 {
		f.Fatal("no fixtures")
	}
}

// fuzzDecode checks the contract of Decode on files of one format.
func fuzzDecode(f *testing.F, format string) {
	seed(f, format, func(data []byte) { f.Add(data) })
	f.Fuzz(func(t *testing.T, data []byte) {
		if format != "" && sniff(data) != format {
			t.Skip()
		}
		before := bytes.Clone(data)
		p, err := Decode(data, fuzzLimits)
		if (p == nil) == (err == nil) {
			t.Fatal("want either an image or an error")
		}
		if !bytes.Equal(data, before) {
			t.Fatal("the file's bytes were changed")
		}
		if p == nil {
			return
		}
		w, h := p.Image.Rect.Dx(), p.Image.Rect.Dy()
		if p.Image.Rect.Min != (image.Point{}) || w < 1 || h < 1 || w*h > fuzzLimits.MaxPixels || len(p.Image.Pix) != 4*w*h {
			t.Fatalf("image %v with %d bytes", p.Image.Rect, len(p.Image.Pix))
		}
		if len(p.Profile) > maxProfile || p.Orientation < 1 || p.Orientation > 8 {
			t.Fatalf("profile of %d bytes, orientation %d", len(p.Profile), p.Orientation)
		}
		agree(t, "", data, p)
	})
}

func FuzzDecode(f *testing.F)     { fuzzDecode(f, "") }
func FuzzDecodeJPEG(f *testing.F) { fuzzDecode(f, "jpeg") }
func FuzzDecodePNG(f *testing.F)  { fuzzDecode(f, "png") }
func FuzzDecodeGIF(f *testing.F)  { fuzzDecode(f, "gif") }
func FuzzDecodeBMP(f *testing.F)  { fuzzDecode(f, "bmp") }
func FuzzDecodeTIFF(f *testing.F) { fuzzDecode(f, "tiff") }
func FuzzDecodeWebP(f *testing.F) { fuzzDecode(f, "webp") }
func FuzzDecodePNM(f *testing.F)  { fuzzDecode(f, "pnm") }
func FuzzDecodeHEIC(f *testing.F) { fuzzDecode(f, "heic") }
func FuzzDecodeAVIF(f *testing.F) { fuzzDecode(f, "avif") }

func FuzzHeader(f *testing.F) {
	seed(f, "", func(data []byte) { f.Add(data) })
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := Header(bytes.NewReader(data), fuzzLimits)
		if err == nil && (info.Width < 1 || info.Height < 1 || info.Width*info.Height > fuzzLimits.MaxPixels || info.Orientation < 1 || info.Orientation > 8) {
			t.Fatalf("%+v", info)
		}
	})
}

// FuzzMetadata reads metadata as any format.
func FuzzMetadata(f *testing.F) {
	formats := slices.Sorted(func(yield func(string) bool) {
		for name := range codecs {
			if !yield(name) {
				return
			}
		}
	})
	seed(f, "", func(data []byte) { f.Add(uint8(slices.Index(formats, sniff(data))), data) })
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		format := formats[int(kind)%len(formats)]
		if o := orientation(format, data); o < 1 || o > 8 {
			t.Fatalf("orientation %d", o)
		}
		profile, err := readProfile(format, data)
		if profile != nil && (err != nil || len(profile) > maxProfile) {
			t.Fatalf("profile of %d bytes, %v", len(profile), err)
		}
		if profile != nil {
			profile.SRGB()
			profile.space()
		}
		if len(Profile(data).Name()) > 4*maxProfileName {
			t.Fatal("a long name")
		}
		d := readTIFFDir(data)
		d.number(tagBitsPerSample, 0)
		d.content(tagICCProfile)
		plausible(data, Info{Format: format, Width: 5000, Height: 5000})
	})
}

// FuzzSave checks that an image and its profile survive writing and reading.
func FuzzSave(f *testing.F) {
	profile, err := os.ReadFile(filepath.Join(fixtures, "wide.icc"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint8(0), uint8(3), uint8(5), []byte{1, 2, 3, 255}, profile)
	f.Add(uint8(1), uint8(1), uint8(1), []byte{9, 9, 9, 0}, []byte{})
	f.Add(uint8(2), uint8(40), uint8(9), []byte("colors"), profile)
	f.Add(uint8(3), uint8(40), uint8(9), []byte("colors"), profile[:200])
	f.Add(uint8(4), uint8(17), uint8(2), []byte{0, 0, 0, 127, 4, 5, 6, 128}, profile)
	f.Fuzz(func(t *testing.T, kind, w, h uint8, colors, profile []byte) {
		format := []string{"png", "tiff", "bmp", "jpg", "gif"}[kind%5]
		m := image.NewNRGBA(image.Rect(0, 0, int(w)+1, int(h)+1))
		for i := range m.Pix {
			if len(colors) > 0 {
				m.Pix[i] = colors[i%len(colors)]
			}
		}
		var file bytes.Buffer
		if err := Encode(&file, m, SaveOptions{Format: format, Profile: profile}); err != nil {
			if len(profile) <= maxProfile {
				t.Fatal(err)
			}
			return
		}
		p, err := Decode(file.Bytes(), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if p.Image.Rect != m.Rect || p.Profile != nil && !bytes.HasPrefix(profile, p.Profile) {
			t.Fatalf("%v became %v, the profile of %d bytes %d", m.Rect, p.Image.Rect, len(profile), len(p.Profile))
		}
		if format == "png" || format == "tiff" {
			for i := range m.Pix {
				if m.Pix[i] != p.Image.Pix[i] && !(i%4 < 3 && m.Pix[i|3] == 0) {
					t.Fatalf("%s: value %d is %d, was %d", format, i, p.Image.Pix[i], m.Pix[i])
				}
			}
		}
		if err := Encode(io.Discard, p.Image, SaveOptions{Format: format, Profile: p.Profile}); err != nil {
			t.Fatal(err)
		}
	})
}
