package pixels

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSaveEveryFormat(t *testing.T) {
	dir := t.TempDir()
	m := load(t, "base.png").Image
	for _, c := range []struct {
		name      string
		opt       SaveOptions
		format    string
		tolerance int
	}{
		{"a.png", SaveOptions{}, "png", 0},
		{"a.BMP", SaveOptions{}, "bmp", 0},
		{"a.tif", SaveOptions{}, "tiff", 0},
		{"a.jpg", SaveOptions{}, "jpeg", 12},
		{"b.jpg", SaveOptions{Quality: 20}, "jpeg", 60},
		{"a.webp", SaveOptions{}, "webp", 40},
		{"b.webp", SaveOptions{Lossless: true}, "webp", 0},
		{"a.gif", SaveOptions{}, "gif", 24}, // dithered to 256 colors
		{"named-otherwise.jpg", SaveOptions{Format: "PNG"}, "png", 0},
	} {
		path := filepath.Join(dir, c.name)
		if err := Save(path, m, c.opt); err != nil {
			t.Fatal(err)
		}
		p, err := Load(path, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if d := farthest(t, p.Image, m); p.Format != c.format || d > c.tolerance {
			t.Errorf("%s: format %s, %d levels off", c.name, p.Format, d)
		}
	}
	small, large := size(t, filepath.Join(dir, "b.jpg")), size(t, filepath.Join(dir, "a.jpg"))
	if small >= large {
		t.Errorf("quality 20 takes %d bytes, the default %d", small, large)
	}
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestSaveKeepsAlphaOrBlendsOntoWhite(t *testing.T) {
	dir := t.TempDir()
	m := image.NewNRGBA(image.Rect(0, 0, 16, 16))
	for i := range 256 {
		m.SetNRGBA(i%16, i/16, color.NRGBA{0, 0, 0, 51})
	}
	for name, want := range map[string]color.NRGBA{"a.png": {0, 0, 0, 51}, "a.jpg": {204, 204, 204, 255}, "a.bmp": {204, 204, 204, 255}} {
		path := filepath.Join(dir, name)
		if err := Save(path, m, SaveOptions{}); err != nil {
			t.Fatal(err)
		}
		p, err := Load(path, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Image.NRGBAAt(8, 8); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// PNG and TIFF keep alpha; GIF's is all or nothing.
func TestSaveAlpha(t *testing.T) {
	m := load(t, "alpha.png").Image
	for _, format := range []string{"png", "tiff"} {
		p, err := Decode(encoded(t, func(w io.Writer) error { return Encode(w, m, SaveOptions{Format: format}) }), Limits{})
		if err != nil || farthest(t, p.Image, m) != 0 {
			t.Errorf("%s: %v, or the image changed", format, err)
		}
	}
	p, err := Decode(encoded(t, func(w io.Writer) error { return Encode(w, m, SaveOptions{Format: "gif"}) }), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for i := 3; i < len(m.Pix); i += 4 {
		want := uint8(0)
		if m.Pix[i] >= 128 {
			want = 255
		}
		if p.Image.Pix[i] != want {
			t.Fatalf("gif: alpha %d became %d", m.Pix[i], p.Image.Pix[i])
		}
	}
}

// GIF keeps the colors of an image that has few, and a fully transparent image stays transparent.
func TestSaveGIFKeepsFewColors(t *testing.T) {
	for _, name := range []string{"palette.png", "two.png"} {
		m := load(t, name).Image
		p, err := Decode(encoded(t, func(w io.Writer) error { return Encode(w, m, SaveOptions{Format: "gif"}) }), Limits{})
		if err != nil || farthest(t, p.Image, m) != 0 {
			t.Errorf("%s: %v, or colors changed", name, err)
		}
	}
	p, err := Decode(encoded(t, func(w io.Writer) error {
		return Encode(w, image.NewNRGBA(image.Rect(0, 0, 3, 3)), SaveOptions{Format: "gif"})
	}), Limits{})
	if err != nil || p.Image.Pix[3] != 0 {
		t.Errorf("a transparent image became %v, %v", p, err)
	}
}

// An image that was turned upright is written without an orientation, so that viewers do not turn
// it again.
func TestSaveTurnsOnce(t *testing.T) {
	base := load(t, "base.png").Image
	for _, name := range []string{"orientation_6.jpg", "orientation_6.png", "orientation_6.webp", "orientation_6.tiff"} {
		for _, format := range []string{"png", "tiff", "bmp", "gif", "jpg", "webp"} {
			data := encoded(t, func(w io.Writer) error { return Encode(w, load(t, name).Image, SaveOptions{Format: format}) })
			p, err := Decode(data, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if p.Orientation != 1 || p.Image.Rect != base.Rect || bytes.Contains(data, []byte(exifPrefix)) {
				t.Errorf("%s as %s: orientation %d, %v", name, format, p.Orientation, p.Image.Rect)
			}
		}
	}
}

func TestSaveErrorsLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	m := noise(2, 2)
	old := filepath.Join(dir, "old.jpg")
	if err := os.WriteFile(old, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		img        image.Image
		opt        SaveOptions
	}{
		{"a.heic", "cannot write", m, SaveOptions{}},
		{"a.xyz", `"xyz"`, m, SaveOptions{}},
		{"plain", "extension", m, SaveOptions{}},
		{"old.jpg", "quality 101", m, SaveOptions{Quality: 101}},
		{"old.jpg", "is empty", &image.NRGBA{}, SaveOptions{}},
		{"missing/a.png", "no such file", m, SaveOptions{}},
	} {
		err := Save(filepath.Join(dir, c.name), c.img, c.opt)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.name) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	// An image that fails during encoding.
	if err := Save(old, cut{m}, SaveOptions{Format: "png"}); err == nil {
		t.Error("an image that cannot be encoded was saved")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(old); len(entries) != 1 || string(data) != "old" {
		t.Errorf("left %v, old file holds %q", entries, data)
	}
}

// cut claims a size that PNG cannot hold.
type cut struct{ image.Image }

func (cut) Bounds() image.Rectangle { return image.Rect(0, 0, 1<<33, 1) }

type fullDisk struct{ left int }

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.left -= len(p); d.left < 0 {
		return 0, errors.New("disk is full")
	}
	return len(p), nil
}

func TestEncodeReportsWriteErrors(t *testing.T) {
	for _, format := range []string{"png", "jpg", "gif", "bmp", "tiff", "webp"} {
		if err := Encode(&fullDisk{40}, noise(64, 64), SaveOptions{Format: format}); err == nil {
			t.Errorf("%s: no error from a full disk", format)
		}
	}
}

func TestWritable(t *testing.T) {
	for format, want := range map[string]bool{"png": true, ".JPG": true, "tif": true, "webp": true, "heic": false, "": false, "exe": false} {
		if Writable(format) != want {
			t.Errorf("Writable(%q) = %v", format, !want)
		}
	}
}

func TestResizeAgreesWithPIL(t *testing.T) {
	src := load(t, "texture.png").Image
	for _, size := range [][2]int{{30, 23}, {97, 80}, {61, 20}, {72, 72}} {
		want := load(t, fmt.Sprintf("texture_%dx%d.png", size[0], size[1])).Image
		d := farthest(t, Resize(src, size[0], size[1]), want)
		if d > 1 {
			t.Errorf("%v: %d levels off", size, d)
		}
	}
	if m := Resize(src, 0, 5); !m.Rect.Empty() {
		t.Errorf("width 0 returned %v", m.Rect)
	}
}

func TestOpaqueKeepsColor(t *testing.T) {
	m := noise(4, 4)
	before := bytes.Clone(m.Pix)
	got := Opaque(m)
	for i := range got.Pix {
		want := m.Pix[i]
		if i%4 == 3 {
			want = 255
		}
		if got.Pix[i] != want {
			t.Fatalf("sample %d: %d, want %d", i, got.Pix[i], want)
		}
	}
	if !bytes.Equal(before, m.Pix) {
		t.Error("the source changed")
	}
}

func BenchmarkResize(b *testing.B) {
	m := Opaque(noise(256, 256))
	b.SetBytes(256 * 256 * 4)
	b.ReportAllocs()
	for b.Loop() {
		Resize(m, 72, 72)
	}
}

func BenchmarkEncode(b *testing.B) {
	m := Resize(load(b, "texture.png").Image, 256, 256)
	for _, format := range []string{"jpeg", "png"} {
		b.Run(format, func(b *testing.B) {
			b.SetBytes(256 * 256 * 4)
			b.ReportAllocs()
			for b.Loop() {
				if err := Encode(&bytes.Buffer{}, m, SaveOptions{Format: format}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
