package pixels

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// described returns the fixture that ExifTool wrote: 40x30 pixels as stored, turned by a quarter.
func described(t testing.TB) *Picture {
	t.Helper()
	p, err := Load("testdata/metadata.jpg", Limits{})
	if err != nil || len(p.Notes) > 0 {
		t.Fatal(err, p.Notes)
	}
	return p
}

// All formats but GIF and BMP keep the metadata, which then describes the upright image, in any
// number of steps from format to format.
func TestMetadataIsKept(t *testing.T) {
	source := described(t)
	for _, steps := range [][]string{{"jpg"}, {"png"}, {"webp"}, {"tiff"}, {"tiff", "png"}, {"png", "tiff", "webp", "jpg"}} {
		p, name := source, strings.Join(steps, " > ")
		for _, format := range steps {
			if i := slices.Index(p.Metadata.Lost(format), noteMaker); i >= 0 {
				t.Errorf("%s: maker notes in a file without", name)
			}
			data := encoded(t, func(w io.Writer) error {
				return Encode(w, p.Image, SaveOptions{Format: format, Profile: wide(t), Metadata: p.Metadata})
			})
			var err error
			if p, err = Decode(data, Limits{}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if p.Image.Rect != image.Rect(0, 0, 30, 40) || p.Orientation != 1 || !bytes.Equal(p.Profile, wide(t)) || len(p.Notes) > 0 {
			t.Errorf("%s: %v, orientation %d, notes %q", name, p.Image.Rect, p.Orientation, p.Notes)
		}
		first, _ := firstDir(p.Metadata.Exif)
		var below []int
		for _, d := range first.below() {
			below = append(below, d.number(tagPixelXDim, 0), d.number(tagPixelYDim, 0))
		}
		if !slices.Equal(below, []int{30, 40, 0, 0}) || first.next != 0 {
			t.Errorf("%s: sizes %v, thumbnail at %d", name, below, first.next)
		}
		for _, text := range []string{"Camera", "Jane Doe", "(c) Jane", "2020:01:02 03:04:05", "ASCII\x00\x00\x00hello"} {
			if !bytes.Contains(p.Metadata.Exif, []byte(text)) {
				t.Errorf("%s: %q is lost", name, text)
			}
		}
		if x := string(p.Metadata.XMP); !strings.Contains(x, "A valley") || !strings.Contains(x, "<tiff:Orientation>1</") || !strings.Contains(x, "<exif:PixelXDimension>30</") {
			t.Errorf("%s: XMP %s", name, x)
		}
		if hasIPTC := bytes.Contains(p.Metadata.IPTC, []byte("caption")); hasIPTC != (name == "jpg" || name == "tiff") {
			t.Errorf("%s: IPTC is kept: %v", name, hasIPTC)
		}
		for _, v := range p.Metadata.DPI {
			if v < 299.99 || v > 300.01 {
				t.Errorf("%s: %v dots per inch", name, p.Metadata.DPI)
			}
		}
		// The thumbnail, which shows the old image, is gone.
		if bytes.Contains(p.Metadata.Exif, []byte("\xff\xd8\xff")) {
			t.Errorf("%s: the thumbnail is kept", name)
		}
	}
}

// ExifTool reads the same from the outputs as from the input.
func TestMetadataAgreesWithExifTool(t *testing.T) {
	if _, err := exec.LookPath("exiftool"); err != nil {
		t.Skip("exiftool is not installed; TestMetadataIsKept checks the same in this process")
	}
	source, dir := described(t), t.TempDir()
	args := []string{"-j", "-n", "-G1", "-a", "-IFD0:all", "-ExifIFD:all", "-GPS:all", "-InteropIFD:all", "-IFD1:all", "-XMP:all", "-IPTC:all", "-warning", "testdata/metadata.jpg"}
	formats := []string{"jpg", "png", "webp", "tiff"}
	for _, f := range formats {
		path := filepath.Join(dir, "a."+f)
		if err := Save(path, source.Image, SaveOptions{Metadata: source.Metadata}); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	out, err := exec.Command("exiftool", args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var files []map[string]any
	if err := json.Unmarshal(out, &files); err != nil || len(files) != 1+len(formats) {
		t.Fatal(err, len(files))
	}
	want := files[0]
	maps.DeleteFunc(want, func(tag string, _ any) bool { return strings.HasPrefix(tag, "IFD1:") || tag == "SourceFile" })
	want["IFD0:Orientation"], want["XMP-tiff:Orientation"] = 1.0, 1.0
	want["ExifIFD:ExifImageWidth"], want["ExifIFD:ExifImageHeight"], want["XMP-exif:ExifImageWidth"] = 30.0, 40.0, 30.0
	for i, f := range formats {
		for tag, v := range want {
			switch {
			case strings.HasPrefix(tag, "IPTC:") && (f == "png" || f == "webp"):
			case f == "tiff" && (tag == "IFD0:Orientation" || tag == "IFD0:YCbCrPositioning"): // 1 by default; of JPEG
			case fmt.Sprint(files[1+i][tag]) != fmt.Sprint(v):
				t.Errorf("%s: %s is %v, want %v", f, tag, files[1+i][tag], v)
			}
		}
		for tag := range files[1+i] {
			if strings.HasPrefix(tag, "IFD1:") || strings.Contains(tag, "Warning") {
				t.Errorf("%s: %s: %v", f, tag, files[1+i][tag])
			}
		}
	}
}

func TestMetadataLost(t *testing.T) {
	m := described(t).Metadata
	large := m
	large.Exif = append(bytes.Clone(m.Exif), make([]byte, 70_000)...)
	for _, c := range []struct {
		m            Metadata
		format, want string
	}{
		{m, "jpg", ""}, {m, "tif", ""}, {Metadata{}, "gif", ""},
		{m, "png", "png cannot store its IPTC metadata"},
		{m, "webp", "webp cannot store its IPTC metadata"},
		{m, "gif", "gif cannot store its EXIF, XMP, IPTC, resolution metadata"},
		{m, "bmp", "bmp cannot store its EXIF, XMP, IPTC metadata"},
		{large, "jpeg", "jpeg cannot store its EXIF metadata, which is larger than 64 KiB"},
	} {
		if got := strings.Join(c.m.Lost(c.format), "; "); got != c.want {
			t.Errorf("%s: %q, want %q", c.format, got, c.want)
		}
		data := encoded(t, func(w io.Writer) error {
			return Encode(w, noise(8, 8), SaveOptions{Format: c.format, Metadata: c.m})
		})
		if p, err := Decode(data, Limits{}); err != nil || len(p.Notes) > 0 {
			t.Errorf("%s: %v, notes %q", c.format, err, p.Notes)
		}
	}
}

// Maker notes stay in their place, with which their offsets keep their meaning. They cannot move to
// TIFF.
func TestMakerNotes(t *testing.T) {
	const note = "MAKER\x00 with offsets"
	exif := newExif([]metaEntry{{tag: tagExifDir, kind: typeLong, count: 1, below: []metaEntry{{tag: tagMakerNote, kind: typeUndefined, count: uint32(len(note)), value: []byte(note)}}}})
	at := bytes.Index(exif, []byte(note))
	for _, format := range []string{"jpg", "png", "webp", "tiff"} {
		data := encoded(t, func(w io.Writer) error {
			return Encode(w, noise(8, 8), SaveOptions{Format: format, Metadata: Metadata{Exif: exif}})
		})
		p, err := Decode(data, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Index(p.Metadata.Exif, []byte(note)); format != "tiff" && got != at {
			t.Errorf("%s: at %d, was at %d", format, got, at)
		}
		if lost := (Metadata{Exif: exif}).Lost(format); (len(lost) > 0) != (format == "tiff") {
			t.Errorf("%s: notes %q", format, lost)
		}
	}
}

func TestEditXMP(t *testing.T) {
	for in, want := range map[string]string{
		`<a tiff:Orientation="8" exif:PixelXDimension = '4000'/>`: `<a tiff:Orientation="1" exif:PixelXDimension = '3'/>`,
		`<a><tiff:Orientation >8</tiff:Orientation></a>`:          `<a><tiff:Orientation >1</tiff:Orientation></a>`,
		`<a tiff:ImageWidth="10" tiff:ImageLength="20"/>`:         `<a tiff:ImageWidth="3" tiff:ImageLength="4"/>`,
		`<a><xmp:Thumbnails><b/>x</xmp:Thumbnails><c/></a>`:       `<a><c/></a>`,
		`<a><xap:Thumbnails x="1">
			<b/></xap:Thumbnails></a>`: `<a></a>`,
		`<?xpacket begin=""?><a>tiff:Orientation</a>`: `<?xpacket begin=""?><a>tiff:Orientation</a>`,
		`<a`:          "",
		``:            "",
		`no XML`:      "",
		"<a>\xff</a>": "",
	} {
		if got := string(editXMP([]byte(in), 3, 4)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// Metadata that is damaged or huge is dropped with a note, and the image read.
func TestMetadataNeverFails(t *testing.T) {
	png := func(chunks ...[]byte) []byte {
		file := encoded(t, func(w io.Writer) error { return Encode(w, noise(4, 4), SaveOptions{Format: "png"}) })
		return slices.Insert(file, 33, bytes.Join(chunks, nil)...)
	}
	huge := append(newExif([]metaEntry{{tag: 0x010f, kind: 2, count: 1, value: []byte{0}}}), make([]byte, maxMetadata)...)
	for want, data := range map[string][]byte{
		"the EXIF metadata is damaged":          png(appendChunk(nil, "eXIf", []byte("II*\x00\x08\x00\x00\x00\xff\xff"))),
		"the EXIF metadata is larger than 4":    png(appendChunk(nil, "eXIf", huge)),
		"the XMP metadata is damaged":           png(appendChunk(nil, "iTXt", []byte(xmpKeyword+"\x01\x00\x00\x00no zlib"))),
		"the XMP metadata is damaged and is no": png(appendChunk(nil, "iTXt", []byte(xmpKeyword+"\x00\x00\x00\x00<a>&#1;"))),
	} {
		p, err := Decode(data, Limits{})
		if err != nil || len(p.Notes) != 1 || !strings.HasPrefix(p.Notes[0], want) || !p.Metadata.empty() {
			t.Errorf("%s: %v, notes %q", want, err, p.Notes)
		}
	}
	// A block that ends anywhere.
	block := described(t).Metadata.Exif
	for n := range block {
		checkEdit(t, block[:n])
	}
}

// checkEdit checks that a block that is edited can be read, or is dropped.
func checkEdit(t testing.TB, block []byte) {
	t.Helper()
	before := bytes.Clone(block)
	edited := editExif(block, 30, 40)
	if !bytes.Equal(block, before) {
		t.Fatal("the block was changed")
	}
	if edited == nil {
		return
	}
	if len(edited) > len(block) || orientation("tiff", edited) != 1 {
		t.Fatalf("%d bytes became %d, orientation %d", len(block), len(edited), orientation("tiff", edited))
	}
	list, _ := movable(edited)
	if moved := newExif(list); moved != nil {
		if again, _ := movable(moved); fmt.Sprint(again) != fmt.Sprint(list) || editExif(moved, 1, 1) == nil {
			t.Fatalf("%v became %v", list, again)
		}
	}
}

// FuzzExif edits EXIF blocks, and writes images with them.
func FuzzExif(f *testing.F) {
	block := described(f).Metadata.Exif
	f.Add(uint8(0), block)
	list, _ := movable(block)
	f.Add(uint8(1), newExif(list))
	plain := map[string][]byte{}
	for _, format := range []string{"jpeg", "png", "tiff"} {
		plain[format] = encoded(f, func(w io.Writer) error { return Encode(w, noise(24, 16), SaveOptions{Format: format}) })
	}
	plain["webp"], _ = os.ReadFile(filepath.Join(fixtures, "lossless.webp")) // encoding takes long under the fuzzer
	formats := slices.Sorted(maps.Keys(plain))
	f.Fuzz(func(t *testing.T, kind uint8, block []byte) {
		checkEdit(t, block)
		format := formats[kind%4]
		p, err := Decode(embed(format, bytes.Clone(plain[format]), nil, Metadata{Exif: block}.forImage(24, 16)), Limits{})
		if err != nil || p.Image.Rect.Dx() != 24 || p.Orientation != 1 || len(p.Notes) > 0 {
			t.Fatalf("%s: %v, %+v", format, err, p)
		}
	})
}

// A WebP image is the same file on every machine, also on those that have libwebp.
func TestWebPIsReproducible(t *testing.T) {
	m := load(t, "texture.png").Image
	file := encoded(t, func(w io.Writer) error { return Encode(w, m, SaveOptions{Format: "webp"}) })
	const want = "1db50a4ac588702a463ca2768d051267c7493b446f03bcf5a558c45838930621" // libwebp 1.5.0 in gen2brain/webp 0.5.5
	if got := fmt.Sprintf("%x", sha256.Sum256(file)); got != want {
		t.Errorf("SHA-256 %s, want %s", got, want)
	}
}

func TestWebPAlphaAndLimits(t *testing.T) {
	m := load(t, "alpha.png").Image
	for _, lossless := range []bool{false, true} {
		for _, meta := range []Metadata{{}, {DPI: [2]float64{300, 300}}} {
			file := encoded(t, func(w io.Writer) error {
				return Encode(w, m, SaveOptions{Format: "webp", Lossless: lossless, Profile: wide(t), Metadata: meta})
			})
			p, err := Decode(file, Limits{})
			if err != nil || !bytes.Equal(p.Profile, wide(t)) || p.Metadata.DPI != meta.DPI {
				t.Fatalf("%v, resolution %v", err, p.Metadata.DPI)
			}
			for i, v := range m.Pix {
				if i%4 == 3 && p.Image.Pix[i] != v || lossless && m.Pix[i|3] != 0 && p.Image.Pix[i] != v {
					t.Fatalf("lossless %v: value %d is %d, was %d", lossless, i, p.Image.Pix[i], v)
				}
			}
			if size := binary.LittleEndian.Uint32(file[4:]); int(size)+8 != len(file) {
				t.Errorf("RIFF holds %d bytes of %d", size, len(file))
			}
		}
	}
	wide := image.NewNRGBA(image.Rect(0, 0, maxWebPSide+1, 1))
	if err := Encode(io.Discard, wide, SaveOptions{Format: "webp"}); err == nil || !strings.Contains(err.Error(), "16383") {
		t.Errorf("an image of %v: %v", wide.Rect, err)
	}
	wide.Rect.Max.X--
	if err := Encode(io.Discard, wide, SaveOptions{Format: "webp"}); err != nil {
		t.Error(err)
	}
}

// Directories of entries that all lead to the next such directory cost as much as one entry each.
func TestExifOfManyDirectories(t *testing.T) {
	const entries = 20_000
	le := binary.LittleEndian
	block := []byte("II*\x00\x08\x00\x00\x00")
	for _, tag := range []uint16{tagExifDir, tagInteropDir, tagOrientation} {
		block = le.AppendUint16(block, entries)
		next := len(block) + 12*entries + 4
		for range entries {
			block = le.AppendUint16(le.AppendUint16(block, tag), typeLong)
			block = le.AppendUint32(le.AppendUint32(block, 1), uint32(next))
		}
		block = append(block, 0, 0, 0, 0)
	}
	begin := time.Now()
	if editExif(block, 1, 1) == nil {
		t.Error("the block is refused")
	}
	list, _ := movable(block)
	if len(list) != 1 || len(list[0].below) != 1 || len(list[0].below[0].below) != 1 {
		t.Errorf("movable entries: %v", list)
	}
	if took := time.Since(begin); took > badTime {
		t.Errorf("it took %v", took)
	}
}
