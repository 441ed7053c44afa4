package pixels

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// notRead says what a file is that begins with head, as far as people mistake
// such files for pictures that can be read.
func notRead(head []byte) error {
	begins := func(s string) bool { return bytes.HasPrefix(head, []byte(s)) }
	brand := ""
	if len(head) >= 12 && string(head[4:8]) == "ftyp" {
		brand = string(head[8:12])
	}
	kind := ""
	switch text := strings.ToLower(string(bytes.TrimSpace(head))); {
	case brand == "avif" || brand == "avis":
		kind = "an AVIF picture"
	case strings.HasPrefix(brand, "he") || brand == "mif1":
		kind = "a HEIC picture"
	case begins("\xff\x0a"), begins("\x00\x00\x00\x0cJXL "):
		kind = "a JPEG XL picture"
	case begins("\x00\x00\x00\x0cjP  "):
		kind = "a JPEG 2000 picture"
	case begins("8BPS"):
		kind = "a Photoshop file"
	case begins("II+\x00"), begins("MM\x00+"):
		kind = "a BigTIFF picture"
	case begins("%PDF"):
		kind = "a PDF document"
	case begins("PK\x03\x04"):
		kind = "a ZIP archive"
	case strings.HasPrefix(text, "<!doctype"), strings.HasPrefix(text, "<html"):
		kind = "a web page"
	case strings.HasPrefix(text, "<svg"), strings.HasPrefix(text, "<?xml"):
		kind = "an SVG or XML file"
	}
	const readable = "not a JPEG, PNG, GIF, BMP, TIFF or WebP picture"
	if kind == "" {
		return errors.New(readable)
	}
	return fmt.Errorf("%s but %s", readable, kind)
}
