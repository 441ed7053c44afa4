package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/jpeg"
	_ "image/png" // sheets are PNG files
	"os"

	"golang.org/x/image/draw"
)

// Limits of the sheets on a page. Tests change maxSheetBytes.
const (
	maxSheets     = 40
	maxSheetWidth = 1600 // pixels; wider sheets are scaled down
	sheetQuality  = 88   // of JPEG
)

var maxSheetBytes = 12 << 20 // of base64, all sheets together, if there are more than two

// A sheetKey identifies the content of a file.
type sheetKey struct {
	path       string
	time, size int64
}

// An encodedSheet is a sheet in the form in which the page embeds it.
type encodedSheet struct {
	step   int64
	base64 string
	size   image.Point // as embedded
	err    error       // why the page cannot show it
}

// encode returns the sheets to embed, and messages about those that it cannot read. If there are
// too many it takes every second, fourth, eighth one and always the last: that choice changes
// little during a run, so each page has about one new sheet to encode.
func (w *PageWriter) encode(sheets []Sheet) (chosen []*encodedSheet, unread []string) {
	used := make(map[sheetKey]*encodedSheet)
	for stride := 1; ; stride *= 2 {
		if (len(sheets)-1)/stride+2 > maxSheets {
			continue
		}
		chosen, unread = nil, nil
		size := 0
		for i, s := range sheets {
			if i%stride != 0 && i != len(sheets)-1 {
				continue
			}
			e := w.sheet(s, used)
			if e.err != nil {
				unread = append(unread, fmt.Sprintf("skipped the sheet of step %d: %v", s.Step, e.err))
				continue
			}
			chosen = append(chosen, e)
			size += len(e.base64)
		}
		if size <= maxSheetBytes || stride >= len(sheets) {
			break
		}
	}
	// Keep only the sheets that were used now.
	w.sheets = used
	return chosen, unread
}

func (w *PageWriter) sheet(s Sheet, used map[sheetKey]*encodedSheet) *encodedSheet {
	info, err := os.Stat(s.Path)
	if err != nil {
		return &encodedSheet{step: s.Step, err: err}
	}
	key := sheetKey{s.Path, info.ModTime().UnixNano(), info.Size()}
	e := used[key]
	if e == nil {
		e = w.sheets[key]
	}
	if e == nil {
		e = embed(s.Path)
	}
	e.step = s.Step
	used[key] = e
	return e
}

// embed reads the image at path and converts it to JPEG.
func embed(path string) *encodedSheet {
	data, err := os.ReadFile(path)
	if err != nil {
		return &encodedSheet{err: err}
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return &encodedSheet{err: err}
	}
	img = fitWidth(img, maxSheetWidth)
	var buf bytes.Buffer
	err = jpeg.Encode(&buf, img, &jpeg.Options{Quality: sheetQuality})
	return &encodedSheet{base64: base64.StdEncoding.EncodeToString(buf.Bytes()), size: img.Bounds().Size(), err: err}
}

// fitWidth scales img down to the given width. It never enlarges.
func fitWidth(img image.Image, most int) image.Image {
	b := img.Bounds()
	if b.Dx() <= most {
		return img
	}
	small := image.NewRGBA(image.Rect(0, 0, most, max(1, b.Dy()*most/b.Dx())))
	draw.CatmullRom.Scale(small, small.Bounds(), img, b, draw.Src, nil)
	return small
}
