package pixels

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func wide(t testing.TB) Profile {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(fixtures, "wide.icc"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestLoadReadsProfile(t *testing.T) {
	want := wide(t)
	for _, name := range []string{"wide.png", "wide.jpg", "wide.tiff", "wide.webp"} {
		if got := load(t, name).Profile; !bytes.Equal(got, want) {
			t.Errorf("%s: profile of %d bytes, want %d", name, len(got), len(want))
		}
	}
	if want.Name() != "Wide test space" || want.SRGB() || !Profile(nil).SRGB() {
		t.Errorf("name %q, sRGB %v", want.Name(), want.SRGB())
	}
}

// stretched returns a profile of n bytes whose header and tags are valid.
func stretched(p Profile, n int) Profile {
	p = append(bytes.Clone(p), make([]byte, n-len(p))...)
	for i := 1000; i < n; i++ { // incompressible, and without a pattern of 64 KiB
		p[i] = byte(i * i >> 7)
	}
	binary.BigEndian.PutUint32(p, uint32(n))
	return p
}

func TestSaveKeepsProfile(t *testing.T) {
	m := load(t, "alpha.png").Image
	for _, p := range []Profile{wide(t), stretched(wide(t), 65519), stretched(wide(t), 65520), stretched(wide(t), 200_001)} {
		for _, format := range []string{"png", "jpg", "tiff", "gif", "bmp", "webp"} {
			data := encoded(t, func(w io.Writer) error { return Encode(w, m, SaveOptions{Format: format, Profile: p}) })
			plain := encoded(t, func(w io.Writer) error { return Encode(w, m, SaveOptions{Format: format}) })
			got, err := Decode(data, Limits{})
			if err != nil {
				t.Fatalf("%s: %v", format, err)
			}
			if bytes.Equal(got.Profile, p) != KeepsProfile(format) {
				t.Errorf("%s: profile of %d bytes, want %d", format, len(got.Profile), len(p))
			}
			if without, _ := Decode(plain, Limits{}); farthest(t, got.Image, without.Image) != 0 {
				t.Errorf("%s: the profile changes the pixels", format)
			}
			if err := Encode(&fullDisk{100}, m, SaveOptions{Format: format, Profile: p}); err == nil {
				t.Errorf("%s: no error from a full disk", format)
			}
		}
	}
	if err := Encode(io.Discard, m, SaveOptions{Format: "png", Profile: make(Profile, maxProfile+1)}); err == nil {
		t.Error("a profile above the limit was written")
	}
}

// A profile that is not for RGB, or is damaged, is ignored and noted.
func TestProfileIgnored(t *testing.T) {
	m := load(t, "base.png").Image
	inks, damaged, long := bytes.Clone(wide(t)), bytes.Clone(wide(t)), bytes.Clone(wide(t))
	copy(inks[16:], "CMYK")
	copy(damaged[36:], "none")
	binary.BigEndian.PutUint32(long, uint32(len(long)+1))
	for want, p := range map[string]Profile{`"Wide test space" is for CMYK`: inks, "is damaged": damaged, "damaged and is ignored": long} {
		for _, format := range []string{"png", "jpg", "tiff", "webp"} {
			got, err := Decode(encoded(t, func(w io.Writer) error { return Encode(w, m, SaveOptions{Format: format, Profile: p}) }), Limits{})
			if err != nil || got.Profile != nil || !strings.Contains(strings.Join(got.Notes, "; "), want) {
				t.Errorf("%s: profile %v, notes %q, %v; want %q", format, got.Profile != nil, got.Notes, err, want)
			}
		}
	}
}

// The parts of a JPEG's profile may come in any order, once each.
func TestJPEGProfileParts(t *testing.T) {
	p := stretched(wide(t), 150_000)
	whole := encoded(t, func(w io.Writer) error {
		return Encode(w, load(t, "base.png").Image, SaveOptions{Format: "jpg", Profile: p})
	})
	const part = 2 + 65535
	first, second, rest := whole[2:2+part], whole[2+part:2+2*part], whole[2+2*part:]
	join := func(parts ...[]byte) []byte { return bytes.Join(append([][]byte{whole[:2]}, parts...), nil) }
	for name, c := range map[string]struct {
		data []byte
		want bool
	}{
		"in order": {whole, true}, "swapped": {join(second, first, rest), true},
		"one missing": {join(first, rest), false}, "one twice": {join(first, first, second, rest), false},
	} {
		got, err := Decode(c.data, Limits{})
		if err != nil || bytes.Equal(got.Profile, p) != c.want || (len(got.Notes) == 0) != c.want {
			t.Errorf("%s: profile of %d bytes, notes %q, %v", name, len(got.Profile), got.Notes, err)
		}
	}
}

func TestProfileName(t *testing.T) {
	make4 := func(body string) Profile {
		p := make(Profile, 128+4+12)
		binary.BigEndian.PutUint32(p[128:], 1)
		copy(p[132:], "desc")
		binary.BigEndian.PutUint32(p[136:], uint32(len(p)))
		binary.BigEndian.PutUint32(p[140:], uint32(len(body)))
		return append(p, body...)
	}
	mluc := "mluc\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0cenUS\x00\x00\x00\x08\x00\x00\x00\x1c\x00s\x00R\x00\x1b\x00G"
	for body, want := range map[string]string{
		mluc:               "sRG",
		mluc[:len(mluc)-1]: "", // cut short
		"desc\x00\x00\x00\x00\xff\xff\xff\xffAdobe": "Adobe",
		"none": "", "": "",
	} {
		if got := make4(body).Name(); got != want {
			t.Errorf("%q: name %q, want %q", body, got, want)
		}
	}
	if got := (Profile{1, 2, 3}).Name(); got != "" {
		t.Errorf("name %q of an invalid profile", got)
	}
}
