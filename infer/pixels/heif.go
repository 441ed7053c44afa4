package pixels

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
	"iter"
	"strings"

	"github.com/Eyevinn/mp4ff/hevc"
)

// heifFormat returns the format of an ISO media file (ISO/IEC 14496-12) that begins with head:
// "heic", "avif", or a description of what cannot be read. It returns "" for other files.
func heifFormat(head []byte) string {
	if len(head) < 16 || string(head[4:8]) != "ftyp" {
		return ""
	}
	size := min(int(binary.BigEndian.Uint32(head)), len(head))
	// The major brand, its version, which matches nothing, and the compatible brands.
	for brands := head[8:max(size, 12)]; len(brands) >= 4; brands = brands[4:] {
		switch string(brands[:4]) {
		case "heic", "heix", "heim", "heis", "hevc", "hevx":
			return "heic"
		case "avif", "avis":
			return "avif"
		case "crx ":
			return "a camera raw image (CR3)"
		}
	}
	switch string(head[8:12]) {
	case "mif1", "msf1", "mif2":
		return "a HEIF image of another kind than HEIC and AVIF"
	}
	return "a video"
}

// boxes iterates over the boxes of an ISO media file: type and content.
func boxes(data []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for len(data) >= 8 {
			size, header := uint64(binary.BigEndian.Uint32(data)), 8
			switch {
			case size == 0: // to the end
				size = uint64(len(data))
			case size == 1 && len(data) >= 16:
				size, header = binary.BigEndian.Uint64(data[8:]), 16
			}
			if size < uint64(header) || size > uint64(len(data)) || !yield(string(data[4:8]), data[header:size]) {
				return
			}
			data = data[size:]
		}
	}
}

// heifProperties iterates over the properties of the primary image of a HEIC or AVIF file, in their
// order.
func heifProperties(data []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		meta := boxes(skip(find(boxes(data), "meta", ""), 4))
		primary := bigEndian(skip(find(meta, "pitm", ""), 4))
		properties := boxes(find(meta, "iprp", ""))
		var all []heifProperty
		for kind, body := range boxes(find(properties, "ipco", "")) {
			all = append(all, heifProperty{kind, body})
		}
		for kind, ipma := range properties {
			if kind != "ipma" || len(ipma) < 8 {
				continue
			}
			idBytes, indexBytes := 2, 1
			if ipma[0] > 0 {
				idBytes = 4
			}
			if ipma[3]&1 != 0 {
				indexBytes = 2
			}
			for items := ipma[8:]; len(items) > idBytes; {
				id, n := bigEndian(items[:idBytes]), int(items[idBytes])
				list := skip(items, idBytes+1)
				items = skip(list, n*indexBytes)
				for ; id == primary && n > 0 && len(list) >= indexBytes; n-- {
					essential := 1 << (8*indexBytes - 1)
					index := bigEndian(list[:indexBytes]) &^ essential
					list = list[indexBytes:]
					if index >= 1 && index <= len(all) && !yield(all[index-1].kind, all[index-1].body) {
						return
					}
				}
			}
		}
	}
}

type heifProperty struct {
	kind string
	body []byte
}

func skip(b []byte, n int) []byte { return b[min(n, len(b)):] }

// bigEndian returns the value of all bytes of b, at most 4.
func bigEndian(b []byte) (v int) {
	for _, c := range b[:min(len(b), 4)] {
		v = v<<8 | int(c)
	}
	return v
}

// avifOrientation returns the EXIF orientation that the rotation and then the mirroring of an AVIF
// file amount to. The Exif block of such a file does not count.
func avifOrientation(data []byte) int {
	rotated, mirrored := 0, 0
	for kind, body := range heifProperties(data) {
		switch {
		case len(body) < 1:
		case kind == "irot":
			rotated = int(body[0] & 3) // times 90 degrees, counterclockwise
		case kind == "imir":
			mirrored = 1 + int(body[0]&1) // 1 exchanges top and bottom, 2 left and right
		}
	}
	return [3][4]int{{1, 8, 3, 6}, {4, 5, 2, 7}, {2, 7, 4, 5}}[mirrored][rotated]
}

// heifProfile returns the ICC profile of a HEIC or AVIF file, or nil.
func heifProfile(data []byte) []byte {
	for _, kind := range []string{"prof", "rICC"} {
		if body := find(heifProperties(data), "colr", kind); body != nil {
			return body[4:]
		}
	}
	return nil
}

// heicNote says what libheif does not return of a HEIC file.
func heicNote(data []byte) string {
	var notes []string
	if bits := find(heifProperties(data), "pixi", ""); len(bits) > 5 && bits[5] > 8 {
		notes = append(notes, fmt.Sprintf("%d bits per sample are rounded to 8", bits[5]))
	}
	if bytes.Contains(data, []byte("urn:mpeg:hevc:2015:auxid:1\x00")) || bytes.Contains(data, []byte("urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\x00")) {
		notes = append(notes, "transparency of HEIC is not read")
	}
	return strings.Join(notes, "; ")
}

// heicColors gives an image the color matrix and range of its file (ITU-T H.273). libheif returns
// the samples unchanged. The file has precedence over its stream. Without both, as in the grids of
// tiles that phones make, the colors are those of JPEG.
func heicColors(img image.Image, data []byte) image.Image {
	matrix, full := unspecified, true
	if nclx := find(heifProperties(data), "colr", "nclx"); len(nclx) >= 11 {
		matrix, full = bigEndian(nclx[8:10]), nclx[10]&0x80 != 0
	} else if config := find(heifProperties(data), "hvcC", ""); config != nil {
		matrix, full = hevcColors(config)
	}
	kr, kb := 0.299, 0.114
	switch matrix {
	case 1:
		kr, kb = 0.2126, 0.0722
	case 9:
		kr, kb = 0.2627, 0.0593
	default:
		if full {
			return img
		}
	}
	black, luma, chroma := 0.0, 1.0, 1.0
	if !full {
		black, luma, chroma = 16, 255.0/219, 255.0/224
	}
	kg := 1 - kr - kb
	level := func(v float64) uint8 { return uint8(max(0, min(v+0.5, 255))) }
	return coded{img, func(y, cb, cr uint8) (r, g, b uint8) {
		l, u, v := luma*(float64(y)-black), chroma*(float64(cb)-128), chroma*(float64(cr)-128)
		return level(l + 2*(1-kr)*v), level(l - 2*kb*(1-kb)/kg*u - 2*kr*(1-kr)/kg*v), level(l + 2*(1-kb)*u)
	}}
}

// unspecified is the color matrix of a file that does not state one.
const unspecified = 2

// maxSPS bounds the sequence parameter set of a HEVC stream, which usually has a hundred bytes. The
// parser may not end on damaged ones of several thousand.
const maxSPS = 1 << 10

// hevcColors returns the color matrix and range that a HEVC stream states in its sequence parameter
// set (ITU-T H.265, annex E). The default is a limited range.
func hevcColors(config []byte) (matrix int, full bool) {
	record, err := hevc.DecodeHEVCDecConfRec(config)
	if err != nil {
		return unspecified, false
	}
	for _, unit := range record.GetNalusForType(hevc.NALU_SPS) {
		if len(unit) > maxSPS {
			continue
		}
		sps, err := hevc.ParseSPSNALUnit(unit)
		if err != nil || sps.VUI == nil {
			continue
		}
		matrix = unspecified
		if sps.VUI.ColourDescriptionFlag {
			matrix = int(sps.VUI.MatrixCoefficients)
		}
		return matrix, sps.VUI.VideoFullRangeFlag
	}
	return unspecified, false
}

// heicConfig and heicDecode use libheif, which turns images upright by itself.
func heicConfig(r io.Reader) (image.Config, error) {
	i, cfg, err := openHEIC(r)
	if err != nil {
		return image.Config{}, err
	}
	i.Close()
	return image.Config{Width: cfg.width, Height: cfg.height}, nil
}

// heicHeader is what libheif says about an image.
type heicHeader struct {
	at                                   uint64 // the address of the numbers below
	width, height, space, chroma, premul int
}

var errHEIF = errors.New("not a valid file, or a kind of coding that the decoder lacks")

// heicCall calls the decoder; see lib/heif.c of package heic.
func (i *instance) heicCall(headerOnly, numbers, out uint64) error {
	ok, err := i.call("decode", i.file, i.length, headerOnly, numbers, numbers+4, numbers+8, numbers+12, numbers+16, out)
	if err == nil && ok == 0 {
		err = errHEIF
	}
	return err
}

func openHEIC(r io.Reader) (*instance, heicHeader, error) {
	// libheif says "maybe" to other major brands, which its caller takes for no.
	i, at, n, err := heicDecoder.header(r, "heic", func(i *instance, at uint64) error { return i.heicCall(1, at, 0) })
	if err != nil {
		return nil, heicHeader{}, err
	}
	return i, heicHeader{at: at, width: n[0], height: n[1], space: n[2], chroma: n[3], premul: n[4]}, nil
}

// Values of libheif.
const (
	heifYCbCr      = 0
	heifRGB        = 1
	heifMonochrome = 2
)

func heicDecode(r io.Reader) (image.Image, error) {
	i, h, err := openHEIC(r)
	if err != nil {
		return nil, err
	}
	defer i.Close()
	i.allow(h.width*h.height, 1)
	// libheif pads rows: to an even number of samples, to 64 of them, and to 16 bytes.
	stride := func(samples, bytes int) int { return (max(samples+samples%2, 64)*bytes + 15) / 16 * 16 }
	rect := image.Rect(0, 0, h.width, h.height)
	y := stride(h.width, 1) * h.height
	chroma, chromaStride, ratio := 0, 0, image.YCbCrSubsampleRatio444
	switch {
	case h.space == heifRGB:
		y = stride(h.width, 4) * h.height
	case h.space == heifYCbCr && h.chroma >= 1 && h.chroma <= 3:
		ratio = []image.YCbCrSubsampleRatio{image.YCbCrSubsampleRatio420, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio444}[h.chroma-1]
		cw, ch := h.width, h.height
		if h.chroma < 3 {
			cw = (cw + 1) / 2
		}
		if h.chroma == 1 {
			ch = (ch + 1) / 2
		}
		chromaStride = stride(cw, 1)
		chroma = chromaStride * ch
	case h.space != heifMonochrome:
		return nil, errHEIF
	}
	out, err := i.alloc(y + 2*chroma)
	if err != nil {
		return nil, err
	}
	if err := i.heicCall(0, h.at, out); err != nil {
		return nil, err
	}
	pix, err := i.bytes(out, y+2*chroma)
	if err != nil {
		return nil, err
	}
	pix = bytes.Clone(pix)
	switch h.space {
	case heifMonochrome:
		return &image.Gray{Pix: pix, Stride: stride(h.width, 1), Rect: rect}, nil
	case heifRGB:
		if h.premul != 0 {
			return &image.RGBA{Pix: pix, Stride: stride(h.width, 4), Rect: rect}, nil
		}
		return &image.NRGBA{Pix: pix, Stride: stride(h.width, 4), Rect: rect}, nil
	}
	return &image.YCbCr{Y: pix[:y], Cb: pix[y : y+chroma], Cr: pix[y+chroma:], YStride: stride(h.width, 1), CStride: chromaStride,
		SubsampleRatio: ratio, Rect: rect}, nil
}

// avifConfig and avifDecode use libavif, which does not turn images.
func avifConfig(r io.Reader) (image.Config, error) {
	i, h, err := openAVIF(r)
	if err != nil {
		return image.Config{}, err
	}
	i.Close()
	model := color.RGBAModel
	if h.depth > 8 {
		model = color.RGBA64Model
	}
	return image.Config{ColorModel: model, Width: h.width, Height: h.height}, nil
}

// avifHeader is what libavif says about an image.
type avifHeader struct {
	at                   uint64
	width, height, depth int
}

// avifCall calls the decoder; see lib/decode.c of package avif.
func (i *instance) avifCall(headerOnly, numbers, out uint64) error {
	const firstFrame = 0
	ok, err := i.call("decode", i.file, i.length, headerOnly, firstFrame, numbers, numbers+4, numbers+8, numbers+12, numbers+16, out)
	if err == nil && ok == 0 {
		err = errHEIF
	}
	return err
}

func openAVIF(r io.Reader) (*instance, avifHeader, error) {
	i, at, n, err := avifDecoder.header(r, "", func(i *instance, at uint64) error { return i.avifCall(1, at, 0) })
	if err != nil {
		return nil, avifHeader{}, err
	}
	return i, avifHeader{at: at, width: n[0], height: n[1], depth: n[2]}, nil
}

func avifDecode(r io.Reader) (image.Image, error) {
	i, h, err := openAVIF(r)
	if err != nil {
		return nil, err
	}
	defer i.Close()
	sampleBytes := 1
	if h.depth > 8 {
		sampleBytes = 2
	}
	i.allow(h.width*h.height, sampleBytes)
	size := 4 * h.width * h.height * sampleBytes
	out, err := i.alloc(size)
	if err != nil {
		return nil, err
	}
	if err := i.avifCall(0, h.at, out); err != nil {
		return nil, err
	}
	pix, err := i.bytes(out, size)
	if err != nil {
		return nil, err
	}
	rect := image.Rect(0, 0, h.width, h.height)
	if h.depth <= 8 {
		return &image.RGBA{Pix: bytes.Clone(pix), Stride: 4 * h.width, Rect: rect}, nil
	}
	m := image.NewRGBA64(rect)
	for k := 0; k < size; k += 2 { // from little to big endian
		m.Pix[k], m.Pix[k+1] = pix[k+1], pix[k]
	}
	return m, nil
}
