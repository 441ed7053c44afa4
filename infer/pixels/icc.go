package pixels

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"unicode/utf16"
)

// A Profile is an ICC profile (ICC.1), which says what colours the numbers of a
// picture stand for. Pictures without one are taken for sRGB everywhere.
type Profile []byte

// maxProfile bounds a profile; printers' with their large tables take 1 to 3 MiB.
const maxProfile = 4 << 20

// Name is what the profile calls itself, such as "Display P3"; it may be empty.
func (p Profile) Name() string {
	tag := p.tag("desc")
	switch {
	case len(tag) >= 12 && string(tag[:4]) == "desc": // version 2: a string of ASCII
		n := min(int64(binary.BigEndian.Uint32(tag[8:])), int64(len(tag)-12), maxProfileName)
		return printable(string(tag[12 : 12+n]))
	case len(tag) >= 28 && string(tag[:4]) == "mluc": // version 4: texts in UTF-16, the first will do
		n, at := int64(binary.BigEndian.Uint32(tag[20:])), int64(binary.BigEndian.Uint32(tag[24:]))
		n = min(n, 2*maxProfileName) &^ 1
		if at+n > int64(len(tag)) {
			return ""
		}
		units := make([]uint16, n/2)
		for i := range units {
			units[i] = binary.BigEndian.Uint16(tag[at+2*int64(i):])
		}
		return printable(string(utf16.Decode(units)))
	}
	return ""
}

const maxProfileName = 80

// printable drops what would disturb a terminal.
func printable(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\ufffd' {
			return -1
		}
		return r
	}, s))
}

// SRGB tells whether the profile says what is assumed without it.
func (p Profile) SRGB() bool { return p == nil || strings.Contains(p.Name(), "sRGB") }

// space is what the profile's pictures are made of: "RGB", "GRAY", "CMYK", ...
func (p Profile) space() string { return printable(string(p[16:20])) }

// tag gives the content of one of the profile's tags.
func (p Profile) tag(name string) []byte {
	const header = 128
	if len(p) < header+4 {
		return nil
	}
	n := binary.BigEndian.Uint32(p[header:])
	for e := p[header+4:]; n > 0 && len(e) >= 12; n, e = n-1, e[12:] {
		if string(e[:4]) != name {
			continue
		}
		at, size := int64(binary.BigEndian.Uint32(e[4:])), int64(binary.BigEndian.Uint32(e[8:]))
		if at+size > int64(len(p)) {
			return nil
		}
		return p[at : at+size]
	}
	return nil
}

var (
	errProfile     = errors.New("its ICC profile is damaged")
	errProfileSize = errors.New("its ICC profile has more than 4 MiB")
)

// readProfile gives the profile that a file carries, nil without error if it has
// none. Those of GIF and BMP files are not looked for.
func readProfile(format string, data []byte) (Profile, error) {
	var raw []byte
	var err error
	switch format {
	case "jpeg":
		raw, err = jpegProfile(data)
	case "png":
		raw, err = pngProfile(data)
	case "webp":
		raw = find(webpChunks(data), "ICCP", "")
	case "tiff":
		raw = readTIFFDir(data).content(tagICCProfile)
	}
	switch {
	case err != nil || raw == nil:
		return nil, err
	case len(raw) > maxProfile:
		return nil, errProfileSize
	}
	const header = 132
	if len(raw) < header || string(raw[36:40]) != "acsp" {
		return nil, errProfile
	}
	size := int64(binary.BigEndian.Uint32(raw))
	if size < header || size > int64(len(raw)) {
		return nil, errProfile
	}
	// The file's bytes are not kept alive for a few of them.
	return bytes.Clone(raw[:size]), nil
}

const jpegProfilePrefix = "ICC_PROFILE\x00"

// jpegProfile puts together the parts of a profile, which are numbered from 1
// and each tell how many there are.
func jpegProfile(data []byte) ([]byte, error) {
	var parts [256][]byte
	count := 0
	for marker, body := range jpegSegments(data) {
		if marker != app2 || !bytes.HasPrefix(body, []byte(jpegProfilePrefix)) {
			continue
		}
		body = body[len(jpegProfilePrefix):]
		if len(body) < 2 || body[0] == 0 || body[0] > body[1] || parts[body[0]] != nil || count != 0 && count != int(body[1]) {
			return nil, errProfile
		}
		count, parts[body[0]] = int(body[1]), body[2:]
	}
	if count == 0 {
		return nil, nil
	}
	size := 0
	for _, p := range parts[1 : count+1] {
		if p == nil {
			return nil, errProfile
		}
		size += len(p)
	}
	if size > maxProfile {
		return nil, errProfileSize
	}
	return bytes.Join(parts[1:count+1], nil), nil
}

// pngProfile unpacks the iCCP chunk: a name, a zero, the method 0, and zlib's.
func pngProfile(data []byte) ([]byte, error) {
	chunk := find(pngChunks(data), "iCCP", "")
	if chunk == nil {
		return nil, nil
	}
	_, packed, found := bytes.Cut(chunk, []byte{0})
	if !found || len(packed) < 1 || packed[0] != 0 {
		return nil, errProfile
	}
	z, err := zlib.NewReader(bytes.NewReader(packed[1:]))
	if err != nil {
		return nil, errProfile
	}
	raw, err := io.ReadAll(io.LimitReader(z, maxProfile+1))
	if err != nil {
		return nil, errProfile
	}
	return raw, nil
}
