package pixels

import (
	"bytes"
	"errors"
	"image"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

const badFixtures = "../../testdata/badpictures"

// badOutcomes is the expected result of each file of testdata/badpictures: a part of the error, or
// "read" with the note, if the image itself is intact.
var badOutcomes = map[string][]string{
	"read": {"beyond_palette.png", "bomb_in_pixels.png", "bomb_in_strip.tiff", "bomb_in_text.png", "exif_loops.jpg",
		"four_billion_strips.tiff", "length_lies.webp", "mislabelled_png.jpg", "mislabelled_webp.tiff", "profile_of_4_gigabytes.tiff"},
	"read, the EXIF metadata is damaged and is not kept": {"exif_64k.jpg", "exif_count_lies.jpg", "exif_is_noise.png"},
	"read, " + notePages:              {"directory_loops.tiff"},
	"read, the ICC profile is dama":   {"profile_255_parts.jpg", "profile_cut.png", "profile_nameless.png", "profile_part_missing.jpg"},
	"read, the ICC profile is larger": {"bomb_in_profile.png"},

	"file is empty": {"empty.png"},
	"not a JPEG, PNG, GIF, BMP, TIFF, WebP, HEIC, AVIF or PNM image": {"one_byte.jpg", "sound.webp", "text.png", "zeros.jpg"},
	"damaged heic":                               {"heic.jpg"},
	"damaged avif":                               {"avif.png"},
	"this is a JPEG XL image, not a":             {"jpeg_xl.jpg"},
	"this is a Photoshop file, not a":            {"photoshop.png"},
	"this is a ZIP archive, not a":               {"archive.png"},
	"this is a BigTIFF image, not a":             {"big.tiff"},
	"this is a web page, SVG or XML file, not a": {"vector.png", "web_page.jpg"},
	"unsupported kind of bmp":                    {"negative_width.bmp", "os2.bmp", "run_length.bmp", "sixteen_bits.bmp"},
	"unsupported kind of jpeg":                   {"arithmetic.jpg", "five_colours.jpg", "lossless.jpg", "twelve_bits.jpg"},
	"unsupported kind of png":                    {"claims_2_62.png", "unknown_depth.png"},
	"unsupported kind of tiff":                   {"floats.tiff", "jpeg_inside.tiff", "planes.tiff", "twelve_bits.tiff"},

	"of 0x0 has no pixels": {"no_pixels.bmp", "no_pixels.gif", "no_pixels.jpg"},
	"more than the limit of 100000000 pixels": {"claims_268_million.webp", "claims_4_billion.bmp", "claims_4_billion.gif", "claims_4_billion.jpg",
		"claims_4_billion.png", "claims_4_billion.tiff"},
	"too few for the 11000x9000 pixels": {"animation_canvas_large.webp", "animation_frame_large.webp", "claims_99_million.bmp", "claims_99_million.gif",
		"claims_99_million.jpg", "claims_99_million.png", "claims_99_million.tiff", "claims_99_million.webp", "claims_99_million_16bit.png",
		"claims_99_million_packed.tiff", "claims_99_million_progressive.jpg", "large_alpha.webp", "screen_of_99_million.gif"},
	"more than 200 scans": {"thousand_scans.jpg"},
	"damaged png": {"bad_checksum.png", "bad_filter.png", "bad_zlib.png", "chunk_length_lies.png", "cut_half.png", "cut_header.png",
		"no_data.png", "no_palette.png", "no_pixels.png", "signature_alone.png"},
	"damaged jpeg": {"cut_half.jpg", "cut_half_progressive.jpg", "cut_header.jpg", "no_scan.jpg", "noise.jpg", "segment_length_zero.jpg"},
	"damaged gif":  {"bad_code.gif", "comments_only.gif", "cut_half.gif", "frame_beyond_screen.gif", "no_colours.gif", "no_frame.gif"},
	"damaged bmp":  {"cut_half.bmp", "cut_header.bmp"},
	"damaged tiff": {"bad_lzw.tiff", "cut_half.tiff", "directory_beyond_end.tiff", "directory_count_lies.tiff", "no_bits.tiff", "no_data.tiff", "no_pixels.tiff",
		"palette_missing.tiff", "strip_beyond_end.tiff", "strip_of_4_gigabytes.tiff", "tile_of_4_billion.tiff", "tiles_without_height.tiff"},
	"damaged webp": {"animation_frame_cut.webp", "animation_without_frame.webp", "bad_trees.webp", "canvas_of_2_48.webp", "chunk_length_lies.webp", "cut_half.webp",
		"cut_half_lossless.webp", "no_picture.webp", "small_canvas_large_picture.webp"},
}

// The limits for each file, whatever it claims: allocated bytes, and time, generous for a busy
// machine.
const (
	badBytes = 16 << 20
	badTime  = 5 * time.Second
)

func TestBadImages(t *testing.T) {
	entries, err := os.ReadDir(badFixtures)
	if err != nil {
		t.Fatal(err)
	}
	outcome := map[string]string{}
	for want, names := range badOutcomes {
		for _, name := range names {
			outcome[name] = want
		}
	}
	var worst uint64
	for _, e := range entries {
		name := e.Name()
		if filepath.Ext(name) == ".py" {
			continue
		}
		want, ok := outcome[name]
		delete(outcome, name)
		if !ok {
			t.Errorf("%s has no expected result", name)
			continue
		}
		var p *Picture
		var err error
		took, bytes := cost(func() { p, err = Load(filepath.Join(badFixtures, name), Limits{}) })
		worst = max(worst, bytes)
		if bytes > raceFactor*badBytes || took > badTime {
			t.Errorf("%s: took %d bytes and %v", name, bytes, took)
		}
		got := "read"
		switch {
		case err != nil:
			got = err.Error()
		case len(p.Notes) > 0:
			got += ", " + strings.Join(p.Notes, ", ")
		}
		if !strings.Contains(got, want) || want == "read" && got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		isUnsupported := strings.HasPrefix(want, "this is") || strings.HasPrefix(want, "not a ") || strings.HasPrefix(want, "unsupported")
		if errors.As(err, new(*UnsupportedError)) != isUnsupported {
			t.Errorf("%s: %T for %v", name, err, err)
		}
		if (p == nil) == (err == nil) {
			t.Errorf("%s: image %v, error %v", name, p != nil, err)
		}
	}
	for name := range outcome {
		t.Errorf("%s is missing", name)
	}
	t.Logf("%d files, at most %.1f MiB for one", len(entries)-1, float64(worst)/(1<<20))
}

// raceFactor is how much more memory the race detector takes.
var raceFactor uint64 = 1

func cost(do func()) (time.Duration, uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	do()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	return took, after.TotalAlloc - before.TotalAlloc
}

// Header reads streams and stays within the same limits.
func TestBadHeaders(t *testing.T) {
	for _, names := range badOutcomes {
		for _, name := range names {
			data, err := os.ReadFile(filepath.Join(badFixtures, name))
			if err != nil {
				t.Fatal(err)
			}
			if took, n := cost(func() { Header(bytes.NewReader(data), Limits{}) }); n > 2*badBytes || took > badTime {
				t.Errorf("%s: took %d bytes and %v", name, n, took)
			}
		}
	}
}

// A truncated file does not make a decoder panic and costs no more than a complete one may.
func TestEveryCut(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(fixtures, "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	cuts := 0
	for _, name := range names {
		if !Readable(name) {
			continue
		}
		whole, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; n < len(whole); n += max(1, len(whole)/40) {
			cuts++
			var p *Picture
			_, bytes := cost(func() { p, err = Decode(slices.Clip(whole[:n]), Limits{}) })
			if bytes > badBytes {
				t.Errorf("%s cut to %d bytes took %d", name, n, bytes)
			}
			if err != nil && strings.Contains(err.Error(), "decoder failed") {
				t.Logf("%s cut to %d bytes: %v", name, n, err)
			}
			if (p == nil) == (err == nil) {
				t.Fatalf("%s cut to %d bytes: image %v, error %v", name, n, p != nil, err)
			}
		}
	}
	if cuts < 1000 {
		t.Errorf("only %d cuts", cuts)
	}
}

// Real images above freePixels pass in every format, even those of one color, which compress best.
func TestPlausibleAcceptsPlainImages(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 1500, 1200))
	for i := 3; i < len(m.Pix); i += 4 {
		m.Pix[i] = 255
	}
	for _, format := range []string{"png", "jpg", "gif", "bmp", "tiff"} {
		var b bytes.Buffer
		if err := Encode(&b, m, SaveOptions{Format: format, Quality: 1}); err != nil {
			t.Fatal(err)
		}
		if _, err := open(b.Bytes(), Limits{}); err != nil {
			t.Errorf("%s of %d bytes: %v", format, b.Len(), err)
		}
		if _, err := open(b.Bytes()[:50], Limits{}); err == nil {
			t.Errorf("%s: 50 bytes were accepted as an image of 1500x1200", format)
		}
	}
}
