package y4m

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cyclegan/infer/pixels"
)

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func one(t testing.TB, stream []byte) (Header, *Frame) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(stream), pixels.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Fatalf("after the last frame: %v", err)
	}
	return r.Header(), f
}

// FFmpeg made the streams from an image, which their frames show, and which becomes nearly the same
// stream again.
func TestAgreesWithFFmpeg(t *testing.T) {
	p, err := pixels.Load("../../testdata/pictures/base.png", pixels.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	base := p.Image
	for _, c := range []struct {
		name      string
		depth     int
		tolerance int // levels of 255
		again     int // levels of a sample by which the written frame may differ
	}{
		{"yuv444p", 8, 2, 1}, {"wide", 8, 2, 1}, {"yuv422p", 8, 5, 2}, {"yuv420p", 8, 10, 3}, {"left", 8, 11, 3}, {"full", 8, 9, 3},
		{"yuv411p", 8, 12, 5}, {"yuv420p10le", 10, 10, 12}, {"yuv444p10le", 10, 1, 1}, {"gray", 8, 2, 0},
	} {
		stream := read(t, filepath.Join("testdata", c.name+".y4m"))
		h, f := one(t, stream)
		img := h.Image(f)
		if _, deep := img.(*image.NRGBA64); h.depth != c.depth || deep != (c.depth > 8) || h.Interlaced() {
			t.Errorf("%s: %d bits, %T", c.name, h.depth, img)
		}
		row, rows, worst := make([]uint16, 4*h.Width), pixels.Rows(img), 0
		for y := range h.Height {
			rows(row, y)
			for x := range h.Width {
				want := base.NRGBAAt(x, y)
				if c.name == "wide" {
					want = base.NRGBAAt(x*24/1280, 0)
				}
				if c.name == "gray" {
					l := pixels.Luma16(257*uint16(want.R), 257*uint16(want.G), 257*uint16(want.B))
					want.R, want.G, want.B = uint8(l>>8), uint8(l>>8), uint8(l>>8)
				}
				if at := x * 24 % 1280; c.name == "wide" && (at < 48 || at > 1232) { // between two colors
					continue
				}
				for i, v := range [3]uint8{want.R, want.G, want.B} {
					d := (int(row[4*x+i])+128)/257 - int(v)
					worst = max(worst, d, -d)
				}
			}
		}
		if worst > c.tolerance {
			t.Errorf("%s: %d levels off, want at most %d", c.name, worst, c.tolerance)
		}
		var out bytes.Buffer
		w := NewWriter(&out, h)
		if err := w.Write(img, f.Params); err != nil {
			t.Fatal(err)
		}
		head, _, _ := bytes.Cut(stream, []byte("\n"))
		if !bytes.HasPrefix(out.Bytes(), append(head, "\nFRAME\n"...)) || out.Len() != len(stream) {
			t.Fatalf("%s: header %q became %q", c.name, head, out.Bytes()[:len(head)])
		}
		_, again := one(t, out.Bytes())
		worst = 0
		for i := 0; i < len(f.Data); i += h.bytes() {
			d := int(f.Data[i]) - int(again.Data[i])
			if h.bytes() == 2 {
				d += 256 * (int(f.Data[i+1]) - int(again.Data[i+1]))
			}
			worst = max(worst, d, -d)
		}
		if worst > c.again {
			t.Errorf("%s: written again, samples differ by %d, want at most %d", c.name, worst, c.again)
		}
	}
}

// An image of noisy colors, the worst case, loses little by the way to RGB and back, in every
// sampling.
func TestRoundTrip(t *testing.T) {
	p, err := pixels.Load("../../testdata/pictures/texture.png", pixels.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for space, want := range map[string]float64{"C444": 60, "C422": 36, "C420jpeg": 33, "C420mpeg2": 34, "C411": 31, "C420p10": 34, "C440": 34} {
		h, err := parse(fmt.Sprintf("%sW%d H%d %s", Magic, p.Image.Rect.Dx(), p.Image.Rect.Dy(), space))
		if err != nil {
			t.Fatal(err)
		}
		first := &Frame{Data: h.Data(p.Image)}
		second := h.Data(h.Image(first))
		sum, n := 0.0, 0
		for i := 0; i < len(second); i += h.bytes() {
			d := float64(first.Data[i]) - float64(second[i])
			if h.bytes() == 2 {
				d = (d + 256*(float64(first.Data[i+1])-float64(second[i+1]))) / 4
			}
			sum, n = sum+d*d, n+1
		}
		psnr := 10 * math.Log10(255*255*float64(n)/max(sum, 1e-9))
		t.Logf("%s: %.1f dB", space, psnr)
		if psnr < want {
			t.Errorf("%s: %.1f dB, want %v", space, psnr, want)
		}
	}
}

func TestHeader(t *testing.T) {
	for line, want := range map[string]string{
		"YUV4MPEG2 W4 H2 F25:1":                         "",
		"YUV4MPEG2 W4 H2 F30000:1001 It A1:1 C420mpeg2": "",
		"YUV4MPEG2 W4 H2":                               "",
		"YUV4MPEG2 W4":                                  "4x0 has no pixels",
		"YUV4MPEG2 Wx H2":                               `"Wx": not a number`,
		"YUV4MPEG2 W99999999 H99999999":                 "more than the limit",
		"YUV4MPEG2 W-1 H2":                              "no pixels",
		"YUV4MPEG2 W4 H2 C444alpha":                     "-pix_fmt yuv420p",
		"YUV4MPEG2 W4 H2 C420p99":                       "-pix_fmt yuv420p",
		"YUV4MPEG W4 H2":                                "not a YUV4MPEG2 stream",
		"YUV4MPEG2 W4 H2 " + strings.Repeat("X", 5000):  "too long",
	} {
		r, err := NewReader(strings.NewReader(line+"\n"), pixels.Limits{})
		if want == "" {
			if err != nil || r.Header().String() != line || r.Header().Interlaced() != strings.Contains(line, "It") {
				t.Errorf("%q: %v", line, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", line, err, want)
		}
	}
	for _, cut := range []string{"", "YUV4", "YUV4MPEG2 W4 H2"} {
		if _, err := NewReader(strings.NewReader(cut), pixels.Limits{}); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: %v", cut, err)
		}
	}
}

func TestFrames(t *testing.T) {
	head := "YUV4MPEG2 W2 H2 Cmono\n"
	for stream, want := range map[string]string{
		"FRAME\nabcdFRAME Ixyz\nefgh": "EOF",
		"FRAME\nabcdFRAME\nef":        "frame 2: the stream is cut off",
		"FRAME\nabcdFRA":              "frame 2: the stream is cut off",
		"FRAME\nabcdFRAMES\n":         `frame 2: "FRAMES" instead of FRAME`,
	} {
		r, err := NewReader(strings.NewReader(head+stream), pixels.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if f, err := r.Next(); err != nil || string(f.Data) != "abcd" || f.Params != "" {
			t.Fatal(f, err)
		}
		f, err := r.Next()
		if want == "EOF" {
			if err != nil || string(f.Data) != "efgh" || f.Params != "Ixyz" {
				t.Fatal(f, err)
			}
			_, err = r.Next()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", stream, err, want)
		}
	}
	w := NewWriter(io.Discard, Header{depth: 8, mono: true})
	if err := errors.Join(w.Write(image.NewNRGBA(image.Rect(0, 0, 3, 2)), ""), w.Write(image.NewNRGBA(image.Rect(0, 0, 3, 2)), "")); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(image.NewNRGBA(image.Rect(0, 0, 2, 2)), ""); err == nil {
		t.Error("a frame of another size was written")
	}
}

// FuzzReader reads streams, and writes their frames in the same size.
func FuzzReader(f *testing.F) {
	names, err := filepath.Glob("testdata/*.y4m")
	if err != nil || len(names) == 0 {
		f.Fatal(names, err)
	}
	for _, name := range slices.DeleteFunc(names, func(n string) bool { return strings.Contains(n, "wide") }) {
		f.Add(read(f, name))
	}
	f.Add([]byte("YUV4MPEG2 W3 H5 C411\nFRAME\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := NewReader(bytes.NewReader(data), pixels.Limits{MaxPixels: 1 << 14})
		if err != nil {
			return
		}
		var out bytes.Buffer
		w := NewWriter(&out, r.Header())
		for range 3 {
			frame, err := r.Next()
			if err != nil {
				return
			}
			if err := w.Write(r.Header().Image(frame), frame.Params); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := NewReader(&out, pixels.Limits{}); err != nil {
			t.Fatal(err)
		}
	})
}
