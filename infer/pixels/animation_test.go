package pixels

import (
	"bytes"
	"image"
	"image/color"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

var animations = []string{"parts.gif", "parts.png", "parts.webp"}

func readAll(t testing.TB, a *Animation) (images []*image.NRGBA, delays []int) {
	t.Helper()
	for f, err := range a.All() {
		if err != nil {
			t.Fatal(err)
		}
		images, delays = append(images, f.Image), append(delays, int(f.Delay/time.Millisecond))
	}
	return images, delays
}

// The frames are those that Pillow composes.
func TestAnimation(t *testing.T) {
	for _, name := range animations {
		p, err := Load("testdata/"+name, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		want, err := Load("testdata/"+name+".ref.png", Limits{})
		if err != nil {
			t.Fatal(err)
		}
		a := p.Animation
		if a == nil || a.Frames != 5 || a.Plays != 5 || a.Width != 13 || a.Height != 11 || !slices.Contains(p.Notes, NoteFrames) || a.TooLong() != nil {
			t.Fatalf("%s: %+v, notes %q", name, a, p.Notes)
		}
		images, delays := readAll(t, a)
		if !slices.Equal(delays, []int{40, 70, 100, 200, 50}) {
			t.Errorf("%s: delays %v", name, delays)
		}
		for i, m := range images {
			for y := range 11 {
				for x := range 13 {
					got, ref := m.NRGBAAt(x, y), want.Image.NRGBAAt(x, 11*i+y)
					if d := distance(got, ref); d > 2 && !(got.A == 0 && ref.A == 0) {
						t.Fatalf("%s: frame %d at %d,%d is %v, want %v", name, i, x, y, got, ref)
					}
				}
			}
		}
		if distance(p.Image.NRGBAAt(3, 2), images[0].NRGBAAt(3, 2)) > 0 {
			t.Errorf("%s: the image is not the first frame", name)
		}
	}
	if p := load(t, "base.png"); p.Animation != nil {
		t.Error("a still image is an animation")
	}
}

func distance(a, b color.NRGBA) int {
	d := 0
	for _, v := range [][2]uint8{{a.R, b.R}, {a.G, b.G}, {a.B, b.B}, {a.A, b.A}} {
		d = max(d, int(v[0])-int(v[1]), int(v[1])-int(v[0]))
	}
	return d
}

func write(t testing.TB, opt SaveOptions, plays int, images []*image.NRGBA, delays ...int) *Picture {
	t.Helper()
	w, err := NewFrameWriter(opt, plays)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range images {
		if err := w.Add(m, time.Duration(delays[i%len(delays)])*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	p, err := Decode(encoded(t, func(out io.Writer) error { _, err := w.WriteTo(out); return err }), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Animations of each format can be written as each other, with their delays and number of plays.
func TestFrameWriter(t *testing.T) {
	for _, name := range animations {
		source, err := Load("testdata/"+name, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		want, delays := readAll(t, source.Animation)
		for _, format := range []string{"gif", "png", "webp"} {
			for _, plays := range []int{0, 1, 7} {
				p := write(t, SaveOptions{Format: format, Lossless: true, Profile: wide(t), Metadata: described(t).Metadata}, plays, want, delays...)
				a := p.Animation
				if a == nil || a.Frames != 5 || a.Plays != plays || format != "gif" && (!bytes.Equal(p.Profile, wide(t)) || p.Metadata.Exif == nil) {
					t.Fatalf("%s as %s: %+v", name, format, a)
				}
				got, read := readAll(t, a)
				if !slices.Equal(read, delays) {
					t.Errorf("%s as %s: delays %v, want %v", name, format, read, delays)
				}
				for i := range got {
					for j := 0; j < len(got[i].Pix); j += 4 {
						g, w := got[i].Pix[j:j+4], bytes.Clone(want[i].Pix[j:j+4])
						if format == "gif" { // all or nothing
							w[3] = 255 * (w[3] >> 7)
						}
						if !bytes.Equal(g, w) && !(g[3] == 0 && w[3] == 0) {
							t.Fatalf("%s as %s: frame %d, pixel %d is %v, want %v", name, format, i, j/4, g, w)
						}
					}
				}
			}
		}
	}
	if _, err := NewFrameWriter(SaveOptions{Format: "jpg"}, 0); err == nil || !strings.Contains(err.Error(), "Fix:") {
		t.Errorf("a JPEG animation: %v", err)
	}
	w, err := NewFrameWriter(SaveOptions{Format: "gif"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteTo(io.Discard); err == nil {
		t.Error("an animation without frames was written")
	}
	if err := w.Add(noise(3, 3), 0); err != nil {
		t.Fatal(err)
	}
	if err := w.Add(noise(3, 4), 0); err == nil {
		t.Error("frames of different sizes were added")
	}
}

// Delays that a format rounds keep their sum.
func TestFrameWriterKeepsTime(t *testing.T) {
	images := slices.Repeat([]*image.NRGBA{noise(2, 2)}, 30)
	_, delays := readAll(t, write(t, SaveOptions{Format: "gif"}, 0, images, 33, 33, 34).Animation)
	sum := 0
	for _, d := range delays {
		sum += d
	}
	if sum != 1000 || slices.Max(delays) != 40 || slices.Min(delays) != 30 {
		t.Errorf("delays %v, in all %d ms", delays, sum)
	}
}

// What does not change does not flicker in a GIF, and a new scene gets colors of its own.
func TestGIFIsStable(t *testing.T) {
	photo := Opaque(load(t, "texture.png").Image)
	moved := Opaque(Resize(photo, photo.Rect.Dx(), photo.Rect.Dy()))
	moved = &image.NRGBA{Pix: bytes.Clone(moved.Pix), Stride: moved.Stride, Rect: moved.Rect}
	for y := range 8 { // an object that moves
		for x := range 8 {
			moved.SetNRGBA(x, y, color.NRGBA{250, 10, 10, 255})
		}
	}
	inverted := image.NewNRGBA(photo.Rect)
	for i, v := range photo.Pix {
		inverted.Pix[i] = v
		if i%4 < 3 {
			inverted.Pix[i] = 255 - v/2
		}
	}
	got, _ := readAll(t, write(t, SaveOptions{Format: "gif"}, 0, []*image.NRGBA{photo, moved, photo, inverted}, 50).Animation)
	changed := 0
	for i, v := range got[0].Pix {
		if v != got[1].Pix[i] {
			changed++
		}
	}
	if changed > 4*64 || !bytes.Equal(got[0].Pix, got[2].Pix) {
		t.Errorf("%d values changed with 64 pixels", changed)
	}
	for i, want := range []*image.NRGBA{photo, moved, photo, inverted} {
		if p := psnr(got[i], want); p < 30 {
			t.Errorf("frame %d: %.1f dB", i, p)
		}
	}
}

func psnr(a, b *image.NRGBA) float64 {
	sum := 0.0
	for i, v := range a.Pix {
		d := float64(v) - float64(b.Pix[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255*float64(len(a.Pix))/max(sum, 1e-9))
}

// Damaged animations fail or lose frames, but never more.
func TestAnimationDamaged(t *testing.T) {
	for _, name := range animations {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; n < len(data); n += 3 {
			checkAnimation(t, data[:n])
			flipped := bytes.Clone(data)
			flipped[n] ^= 0x55
			checkAnimation(t, flipped)
		}
	}
}

func checkAnimation(t testing.TB, data []byte) {
	t.Helper()
	p, err := Decode(data, fuzzLimits)
	if err != nil || p.Animation == nil || p.Animation.TooLong() != nil {
		return
	}
	n := 0
	for f, err := range p.Animation.All() {
		if n++; err != nil {
			break
		}
		if f.Image.Rect != image.Rect(0, 0, p.Animation.Width, p.Animation.Height) || f.Delay < 0 {
			t.Fatalf("frame %v, delay %v", f.Image.Rect, f.Delay)
		}
		if n == 20 {
			return
		}
	}
	if n > p.Animation.Frames {
		t.Fatalf("%d frames of %d", n, p.Animation.Frames)
	}
}

func FuzzAnimation(f *testing.F) {
	for _, name := range animations {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkAnimation(t, data) })
}

func TestAnimationTooLong(t *testing.T) {
	p, err := Load("testdata/parts.gif", Limits{MaxPixels: 13 * 11})
	if err != nil || p.Animation.TooLong() != nil {
		t.Fatal(err)
	}
	p.Animation.Frames = framesFactor + 1
	if err := p.Animation.TooLong(); err == nil || !strings.Contains(err.Error(), "limit of 2860 pixels") {
		t.Error(err)
	}
}

// All frames of an animation with an orientation are upright, like its first image.
func TestAnimationUpright(t *testing.T) {
	file, err := os.ReadFile("testdata/parts.png")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Decode(file, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	exif := newExif([]metaEntry{{tag: tagOrientation, kind: typeShort, count: 1, value: []byte{6, 0}}})
	turned, err := Decode(slices.Insert(file, 8+25, appendChunk(nil, "eXIf", exif)...), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want, _ := readAll(t, plain.Animation)
	got, _ := readAll(t, turned.Animation)
	if a := turned.Animation; a.Width != 11 || a.Height != 13 || len(got) != 5 || !bytes.Equal(got[0].Pix, turned.Image.Pix) {
		t.Errorf("%d frames of %dx%d, the first differs from the image: %v", len(got), a.Width, a.Height, !bytes.Equal(got[0].Pix, turned.Image.Pix))
	}
	for i := range got {
		if got[i].Rect.Dx() != 11 || got[i].NRGBAAt(10-3, 5) != want[i].NRGBAAt(5, 3) {
			t.Errorf("frame %d is not turned", i+1)
		}
	}
}

// The frames of a crafted file are not all kept in memory.
func TestTooManyFrames(t *testing.T) {
	file := []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00")
	file = append(file, bytes.Repeat([]byte(",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x00"), 2*mostFrames)...)
	a := readAnimation(file, Info{Format: "gif", Width: 1, Height: 1, Orientation: 1}, Limits{})
	if a == nil || a.Frames != mostFrames+1 {
		t.Fatalf("%+v", a)
	}
	if err := a.TooLong(); err == nil || !strings.Contains(err.Error(), "100000 frames") {
		t.Error(err)
	}
}
