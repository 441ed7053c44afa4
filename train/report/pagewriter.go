package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"cyclegan/infer/atomicfile"
)

// A PageWriter writes the page of one run again and again. It keeps the
// encoded sheets, so that a further writing encodes the new ones only: some
// megabytes of memory. The zero value is ready. It may not be used by several
// goroutines at a time.
type PageWriter struct {
	sheets map[sheetKey]*encodedSheet
}

// Save is [Page.Save].
func (w *PageWriter) Save(p *Page, path string) error {
	err := atomicfile.Write(path, func(to io.Writer) error { return w.write(p, to) })
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// Write is [Page.Write].
func (w *PageWriter) Write(p *Page, to io.Writer) error {
	if err := w.write(p, to); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// write puts the pictures between the two halves of the page by hand: the
// template engine would scan megabytes of base64 for what to escape.
func (w *PageWriter) write(p *Page, to io.Writer) error {
	sheets, unread := w.encode(p.Sheets)
	v := newPageView(p, time.Now())
	v.Sheets, v.Unread = len(sheets), unread
	for _, s := range sheets {
		v.Charts.Sheets = append(v.Charts.Sheets, shownSheet{s.step, s.size.X, s.size.Y})
	}
	if err := v.half("top", to); err != nil {
		return err
	}
	if err := writePictures(to, sheets); err != nil {
		return err
	}
	return v.half("bottom", to)
}

// half writes one of the templates. Names that are no UTF-8 become it here.
func (v *pageView) half(name string, to io.Writer) error {
	var buf bytes.Buffer
	if err := pageTemplate.ExecuteTemplate(&buf, name, v); err != nil {
		return err
	}
	_, err := to.Write(bytes.ToValidUTF8(buf.Bytes(), []byte("\uFFFD")))
	return err
}

// writePictures writes the sheets as a JSON array of data URIs. Base64 needs
// no escaping, neither in JSON nor in HTML.
func writePictures(to io.Writer, sheets []*encodedSheet) error {
	if _, err := io.WriteString(to, `<script type="application/json" id="pictures">[`); err != nil {
		return err
	}
	for i, s := range sheets {
		comma := ",\n"
		if i == 0 {
			comma = ""
		}
		if _, err := fmt.Fprintf(to, `%s"data:%s;base64,%s"`, comma, s.mime, s.base64); err != nil {
			return err
		}
	}
	_, err := io.WriteString(to, "]</script>\n")
	return err
}

var (
	//go:embed page/page.html
	pageHTML string
	//go:embed page/page.css
	pageCSS string
	//go:embed page/page.js
	pageJS string

	pageTemplate = template.Must(template.New("page").Parse(pageHTML))
)

// scriptHash lets the browser run the page's own script and no other, even if
// some name got through the escaping.
var scriptHash = func() string {
	sum := sha256.Sum256([]byte(pageJS))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}()

// ChartsJSON is what the script reads. json.Marshal escapes <, > and &, so
// that no name ends the script element.
func (v *pageView) ChartsJSON() (template.JS, error) {
	data, err := json.Marshal(v.Charts)
	return template.JS(data), err
}

// Style and Script are the page's own, known before any name is.
func (v *pageView) Style() template.CSS { return template.CSS(pageCSS) }

func (v *pageView) Script() template.JS { return template.JS(pageJS) }

// Policy forbids the page every connection.
func (v *pageView) Policy() string {
	return strings.Join([]string{
		"default-src 'none'", "img-src data:", "style-src 'unsafe-inline'", "script-src '" + scriptHash + "'",
		"base-uri 'none'", "form-action 'none'",
	}, "; ")
}
