package pixels

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"go/version"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/tiff"
)

// agree checks that the header of a file is that of the decoded image.
func agree(t *testing.T, name string, data []byte, p *Picture) {
	t.Helper()
	info, err := Header(bytes.NewReader(data), Limits{})
	if err != nil {
		t.Fatalf("%s: decoded, but its header: %v", name, err)
	}
	w, h := info.Upright()
	if info.Format != p.Format || info.Orientation != p.Orientation || image.Pt(w, h) != p.Image.Rect.Size() {
		t.Fatalf("%s: header %+v, decoded %s of %v with orientation %d", name, info, p.Format, p.Image.Rect.Size(), p.Orientation)
	}
}

func TestHeaderAgreesOnFixtures(t *testing.T) {
	n := 0
	for _, dir := range []string{fixtures, badFixtures} {
		names, _ := filepath.Glob(filepath.Join(dir, "*.*"))
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if p, err := Decode(data, Limits{}); err == nil {
				agree(t, name, data, p)
				n++
			}
		}
	}
	if n < 60 {
		t.Errorf("only %d files", n)
	}
}

// exif makes an Exif block that has nothing but the orientation, as a value of the given type.
func exif(order binary.ByteOrder, kind uint16, orientation int) []byte {
	b := make([]byte, 8+2+12+4)
	copy(b, "II*\x00")
	if order == binary.BigEndian {
		copy(b, "MM\x00*")
	}
	order.PutUint32(b[4:], 8)
	order.PutUint16(b[8:], 1)
	copy(b[10:], exifEntry(order, kind, orientation))
	return b
}

func exifEntry(order binary.ByteOrder, kind uint16, orientation int) []byte {
	e := make([]byte, 12)
	order.PutUint16(e, tagOrientation)
	order.PutUint16(e[2:], kind)
	order.PutUint32(e[4:], 1)
	switch kind {
	case typeByte:
		e[8] = byte(orientation)
	case typeShort:
		order.PutUint16(e[8:], uint16(orientation))
	case typeLong:
		order.PutUint32(e[8:], uint32(orientation))
	}
	return e
}

func pngChunk(name string, body []byte) []byte { return appendChunk(nil, name, body) }

// inserted returns a copy of a file with more at an offset.
func inserted(file []byte, at int, more []byte) []byte {
	return slices.Concat(file[:at], more, file[at:])
}

// rawProfile is ImageMagick's text for a profile.
func rawProfile(kind string, block []byte) []byte {
	text := fmt.Appendf(nil, "\n%s\n%8d\n", kind, len(block))
	for line := range slices.Chunk(block, 36) {
		text = append(hex.AppendEncode(text, line), '\n')
	}
	return text
}

func zipped(t *testing.T, b []byte) []byte {
	return encoded(t, func(w io.Writer) error {
		z := zlib.NewWriter(w)
		z.Write(b)
		return z.Close()
	})
}

// The header has the orientation wherever a file stores it, in every type and byte order.
func TestHeaderFindsOrientation(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 5, 3))
	for i := range img.Pix {
		img.Pix[i] = uint8(i*9) | 1
	}
	jpg := encoded(t, func(w io.Writer) error { return jpeg.Encode(w, img, nil) })
	webp, err := os.ReadFile(filepath.Join(fixtures, "lossless.webp"))
	if err != nil {
		t.Fatal(err)
	}
	pngs := encoded(t, func(w io.Writer) error { return png.Encode(w, img) })
	tiffs := encoded(t, func(w io.Writer) error { return tiff.Encode(w, img, nil) })
	segment := func(marker byte, body []byte) []byte {
		return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(body)+2)), body...)
	}
	pad := bytes.Repeat(segment(app2, make([]byte, 60000)), 9)
	scan := bytes.Index(jpg, []byte{0xff, startOfScan})
	data, end := bytes.Index(pngs, []byte("IDAT"))-4, len(pngs)-12
	places := map[string]func(block []byte) []byte{
		"jpeg": func(b []byte) []byte {
			return inserted(jpg, 2, segment(app1, append([]byte(exifPrefix), b...)))
		},
		"jpeg, after half a MiB": func(b []byte) []byte {
			return slices.Concat(jpg[:2], pad, segment(app1, append([]byte(exifPrefix), b...)), jpg[2:])
		},
		"jpeg, before the scan": func(b []byte) []byte {
			return inserted(jpg, scan, segment(app1, append([]byte(exifPrefix), b...)))
		},
		"png":                   func(b []byte) []byte { return inserted(pngs, data, pngChunk("eXIf", b)) },
		"png, after the pixels": func(b []byte) []byte { return inserted(pngs, end, pngChunk("eXIf", b)) },
		"png, text": func(b []byte) []byte {
			return inserted(pngs, data, pngChunk("tEXt", append([]byte("Raw profile type exif\x00"), rawProfile("exif", append([]byte(exifPrefix), b...))...)))
		},
		"png, packed text": func(b []byte) []byte {
			return inserted(pngs, end, pngChunk("zTXt", append([]byte("Raw profile type APP1\x00\x00"), zipped(t, rawProfile("generic", append([]byte(exifPrefix), b...)))...)))
		},
		"png, international text": func(b []byte) []byte {
			return inserted(pngs, end, pngChunk("iTXt", append([]byte("Raw profile type exif\x00\x00\x00en\x00\x00"), rawProfile("exif", b)...)))
		},
		"png, packed international": func(b []byte) []byte {
			return inserted(pngs, data, pngChunk("iTXt", append([]byte("Raw profile type exif\x00\x01\x00\x00\x00"), zipped(t, rawProfile("exif", b))...)))
		},
		"webp": func(b []byte) []byte {
			size := storedCanvas(t, webp)
			list := slices.Concat([]byte("WEBPVP8X\x0a\x00\x00\x00\x08\x00\x00\x00"), size, webp[12:], []byte("EXIF"), binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b)
			return slices.Concat([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(len(list))), list)
		},
		"tiff, at the end": func(b []byte) []byte {
			exif := readTIFFDir(b)
			v := exif.number(tagOrientation, 0)
			d := readTIFFDir(tiffs)
			return d.with(exifEntry(d.order, exif.order.Uint16(exif.entries[2:]), v))
		},
	}
	for place, file := range places {
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			for _, kind := range []uint16{typeByte, typeShort, typeLong} {
				for o := range 10 { // 0 and 9 are invalid
					name := fmt.Sprintf("%s, %v, type %d, orientation %d", place, order, kind, o)
					data := file(exif(order, kind, o))
					p, err := Decode(data, Limits{})
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					agree(t, name, data, p)
					want := o
					if o < 1 || o > 8 {
						want = 1
					}
					if p.Orientation != want {
						t.Errorf("%s: read as %d", name, p.Orientation)
					}
				}
			}
		}
	}
}

// storedCanvas returns the size of a WebP file as VP8X stores it.
func storedCanvas(t *testing.T, webp []byte) []byte {
	info, err := Header(bytes.NewReader(webp), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return []byte{byte(info.Width - 1), 0, 0, byte(info.Height - 1), 0, 0}
}

// A first frame larger than the screen enlarges it, for the header too.
func TestGIFFrameBeyondScreen(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(fixtures, "palette.gif"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := Decode(data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	data = bytes.Clone(data)
	copy(data[6:], []byte{3, 0, 2, 0})
	p, err := Decode(data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	agree(t, "palette.gif", data, p)
	if farthest(t, p.Image, want.Image) != 0 {
		t.Error("another image")
	}
}

// PNG files that browsers and libpng read although they break a rule. The pixels must be whole.
func TestPNGWithOddChunks(t *testing.T) {
	for _, fixture := range []string{"base.png", "interlaced.png", "palette_alpha.png", "two.png"} {
		data, err := os.ReadFile(filepath.Join(fixtures, fixture))
		if err != nil {
			t.Fatal(err)
		}
		want := load(t, fixture).Image
		first, end := bytes.Index(data, []byte("IDAT"))-4, len(data)-12
		text := pngChunk("tEXt", []byte("a\x00b"))
		text[len(text)-1] ^= 1
		var before, packed []byte
		for name, body := range pngChunks(data) {
			switch name {
			case "IHDR", "PLTE", "tRNS":
				before = append(before, pngChunk(name, body)...)
			case "IDAT":
				packed = append(packed, body...)
			}
		}
		raw := append(inflate(packed, 1<<20), "more pixels"...)
		files := map[string][]byte{
			"bad checksum before": inserted(data, first, text),
			"bad checksum after":  inserted(data, end, text),
			"no end":              data[:end],
			"after the end":       append(bytes.Clone(data), "trailing"...),
			"surplus":             slices.Concat(data[:8], before, pngChunk("IDAT", zipped(t, raw)), data[end:]),
		}
		if fixture == "base.png" {
			files["late palette"] = inserted(data, end, pngChunk("PLTE", []byte{1, 2, 3}))
		}
		for name, file := range files {
			p, err := Decode(file, Limits{})
			if err != nil {
				t.Errorf("%s, %s: %v", fixture, name, err)
				continue
			}
			agree(t, name, file, p)
			if farthest(t, p.Image, want) != 0 {
				t.Errorf("%s, %s: another image", fixture, name)
			}
		}
		damaged := bytes.Clone(data)
		damaged[first+12]++
		if _, err := Decode(damaged, Limits{}); err == nil {
			t.Errorf("%s: damaged pixels were read", fixture)
		}
	}
}

// JPEG files whose components have unusual resolutions are read as far as image/jpeg can, from Go
// 1.27 on.
func TestJPEGSampling(t *testing.T) {
	want, err := Load("testdata/sampling_1x1.jpg", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, sampling := range []string{"1x4", "1x1_2x2_2x2", "2x1_1x1_1x2", "3x1"} {
		data, err := os.ReadFile("testdata/sampling_" + sampling + ".jpg")
		if err != nil {
			t.Fatal(err)
		}
		p, err := Decode(data, Limits{})
		if old := version.Compare(runtime.Version(), "go1.27") < 0; old || sampling == "3x1" {
			if !errors.As(err, new(*UnsupportedError)) || strings.Contains(err.Error(), "Go 1.27") != old {
				t.Errorf("%s: %v", sampling, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", sampling, err)
			continue
		}
		agree(t, sampling, data, p)
		sum := 0
		for i := range want.Image.Pix {
			sum += max(int(want.Image.Pix[i]), int(p.Image.Pix[i])) - min(int(want.Image.Pix[i]), int(p.Image.Pix[i]))
		}
		if mean := float64(sum) / float64(len(want.Image.Pix)); mean > 8 {
			t.Errorf("%s: differs by %.1f on average", sampling, mean)
		} else {
			t.Logf("%s: differs by %.1f on average", sampling, mean)
		}
	}
}
