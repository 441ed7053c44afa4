package pixels

import (
	"bytes"
	"image"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// All combinations of rotation and mirroring, against a turn of the pixels. libavif numbers them
// so: irot is in steps of 90 degrees counterclockwise, and imir 0 then exchanges top and bottom.
func TestAVIFOrientation(t *testing.T) {
	square := image.NewNRGBA(image.Rect(0, 0, 2, 2))
	for i := range square.Pix {
		square.Pix[i] = uint8(i)
	}
	rotate := turns[8] // counterclockwise
	for angle := range 4 {
		for axis := -1; axis < 2; axis++ {
			properties := []byte{0, 0, 0, 9, 'i', 'r', 'o', 't', byte(angle)}
			want, used := square, []byte{1}
			for range angle {
				want = rotate(want)
			}
			if axis >= 0 {
				properties = append(properties, 0, 0, 0, 9, 'i', 'm', 'i', 'r', byte(axis))
				want = [...]func(image.Image) *image.NRGBA{turns[4], turns[2]}[axis](want)
				used = append(used, 2)
			}
			box := func(kind string, parts ...string) string {
				body := strings.Join(parts, "")
				return string([]byte{0, 0, 0, byte(8 + len(body))}) + kind + body
			}
			ipma := box("ipma", "\x00\x00\x00\x00", "\x00\x00\x00\x01", "\x00\x05", string([]byte{byte(len(used))}), string(used))
			file := box("ftyp", "avif\x00\x00\x00\x00") +
				box("meta", "\x00\x00\x00\x00", box("pitm", "\x00\x00\x00\x00\x00\x05"), box("iprp", box("ipco", string(properties)), ipma))
			got := square
			if turn := turns[avifOrientation([]byte(file))]; turn != nil {
				got = turn(got)
			}
			if !bytes.Equal(got.Pix, want.Pix) {
				t.Errorf("irot %d, imir %d: orientation %d", angle, axis, avifOrientation([]byte(file)))
			}
		}
	}
}

// Files that phones and cameras make and that cannot be read have their right names.
func TestUnsupportedNames(t *testing.T) {
	for head, want := range map[string]string{
		"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01crx isom": "CR3",
		"\x00\x00\x00\x18ftypqt  \x00\x00\x00\x00qt  ....": "a video",
		"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1miaf": "HEIF image of another kind",
		"\x00\x00\x00\x0cJXL \r\n\x87\n........":           "JPEG XL",
		"\x00\x00\x00\x0cjP  \r\n\x87\n........":           "JPEG 2000",
		"II*\x00\x10\x00\x00\x00CR\x02\x00":                "CR2",
		"FUJIFILMCCD-RAW 0201":                             "RAF",
		"%PDF-1.4":                                         "PDF",
	} {
		if _, err := Decode([]byte(head), Limits{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", head, err, want)
		}
	}
}

// The range and the matrix of colors come from the file or, where it does not state them, from the
// HEVC stream.
func TestHEICColors(t *testing.T) {
	original := load(t, "base.png").Image
	read := func(path string) []byte {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	stated := read(filepath.Join(fixtures, "base.heic"))
	for name, data := range map[string][]byte{
		"limited range": read("testdata/limited.heic"),
		"full range":    bytes.Replace(stated, []byte("colrnclx"), []byte("free...."), 1),
		"stated":        stated,
	} {
		if states := bytes.Contains(data, []byte("colrnclx")); states != (name == "stated") {
			t.Fatalf("%s: the file states its colors: %t", name, states)
		}
		p, err := Decode(data, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if d := farthest(t, p.Image, original); d > 12 {
			t.Errorf("%s: differs by %d", name, d)
		}
	}
	// Streams that state nothing have a limited range, and damaged ones nothing that is used.
	for _, config := range [][]byte{nil, {1}, bytes.Repeat([]byte{1, 0xff}, 600)} {
		if matrix, full := hevcColors(config); matrix != unspecified || full {
			t.Errorf("%.10q: matrix %d, full range %t", config, matrix, full)
		}
	}
}

// Limits hold before anything is decoded, and decoders of one kind run at once.
func TestHEIFLimitsAndConcurrency(t *testing.T) {
	for _, name := range []string{"base.heic", "base.avif"} {
		data, err := os.ReadFile(filepath.Join(fixtures, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(data, Limits{MaxPixels: 24*16 - 1}); err == nil || !strings.Contains(err.Error(), "more than the limit") {
			t.Errorf("%s: %v", name, err)
		}
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				if _, err := Decode(data, Limits{}); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		group.Wait()
		// A mif1 file names its coding among the compatible brands only.
		if name == "base.heic" {
			data := bytes.Clone(data)
			copy(data[8:], "mif1")
			if _, err := Decode(data, Limits{}); err != nil {
				t.Errorf("mif1: %v", err)
			}
		}
	}
	i, err := heicDecoder.open([]byte("no image"))
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	if _, err := i.alloc(freeMemory); err == nil {
		t.Error("an instance took more memory than it may")
	}
}

// EXIF and XMP of files that ExifTool has written are kept, wherever a file has them.
func TestHEIFMetadata(t *testing.T) {
	want, err := Load("testdata/metadata.jpg", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"heic", "avif"} {
		p, err := Load("testdata/metadata."+name, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"Camera", "Jane Doe", "(c) Jane", "2020:01:02 03:04:05"} {
			if !bytes.Contains(want.Metadata.Exif, []byte(text)) || !bytes.Contains(p.Metadata.Exif, []byte(text)) {
				t.Errorf("%s: %q is lost", name, text)
			}
		}
		if !strings.Contains(string(p.Metadata.XMP), "A valley") || p.Metadata.DPI != want.Metadata.DPI || len(p.Notes) > 0 {
			t.Errorf("%s: XMP %q, DPI %v, notes %q", name, p.Metadata.XMP, p.Metadata.DPI, p.Notes)
		}
	}
}

// An item is read from the file or from the meta box, in parts, and no place is beyond their ends.
func TestHEIFItem(t *testing.T) {
	box := func(kind string, body string) string {
		return string([]byte{0, 0, 0, byte(8 + len(body))}) + kind + body
	}
	item := func(method, base string, extents string) []byte {
		iloc := box("iloc", "\x01\x00\x00\x00\x11\x40\x00\x01"+"\x00\x07\x00"+method+"\x00\x00"+base+extents)
		return []byte(iloc + box("idat", "0123456789"))
	}
	file := []byte("abcdefghij")
	for _, c := range []struct {
		what                  string
		method, base, extents string
		want                  string
	}{
		{"one part of the file", "\x00", "\x00\x00\x00\x02", "\x00\x01\x01\x03", "def"},
		{"two parts of the meta box", "\x01", "\x00\x00\x00\x00", "\x00\x02\x08\x02\x01\x01", "891"},
		{"to the end", "\x00", "\x00\x00\x00\x05", "\x00\x01\x02\x00", "hij"},
		{"beyond the end", "\x00", "\x00\x00\x00\x05", "\x00\x01\x02\x04", ""},
		{"begins beyond the end", "\x00", "\x00\x00\x00\x0b", "\x00\x01\x00\x00", ""},
		{"base that is too large", "\x00", "\xff\xff\xff\xff", "\x00\x01\xff\x01", ""},
		{"from another item", "\x02", "\x00\x00\x00\x00", "\x00\x01\x01\x03", ""},
	} {
		if got := heifItem(file, item(c.method, c.base, c.extents), 7); string(got) != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
	whole := item("\x00", "\x00\x00\x00\x02", "\x00\x02\x01\x03\x01\x01")
	for n := range whole {
		heifItem(file, whole[:n], 7) // must not panic
	}
}
