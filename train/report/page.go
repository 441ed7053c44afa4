// Package report presents a run while it trains and afterwards: [Page] is an HTML report,
// [LossPlot] a plot of the losses, and [Grid] a sheet of sample images. [Events] writes event files
// for TensorBoard.
//
// The record of a run is its log. Package train does not know this package: a hook appends a
// [Record] to a [Log] now and then, and any process can read the log and draw at any time. Nothing
// drawn depends on an earlier drawing, so the curves of a resumed run continue where those of the
// killed run ended.
//
//	log, err := report.OpenLog(filepath.Join(dir, "log.jsonl"))
//	err = log.TruncateAfter(checkpoint.Step) // when resuming
//	err = log.Append(report.Record{Step: 100, Epoch: 1, Losses: losses})
//
//	history, err := report.ReadHistory(filepath.Join(dir, "log.jsonl"))
//	plot := report.LossPlot{Title: name, Series: history.Losses()}
//	err = plot.Save(filepath.Join(dir, "losses.png"))
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

// A Page is everything that report.html shows of a run: one file that a browser opens from the
// disk, with no server and no network. All fields but the name are optional; the page leaves out
// what is missing. Names and texts may contain anything.
//
//	page := report.Page{Name: "s2w", Status: report.Running, Refresh: 30 * time.Second, History: history}
//	var writer report.PageWriter
//	err := writer.Save(&page, filepath.Join(dir, "report.html"))
type Page struct {
	Name   string
	Status Status
	// Refresh is how often an open page reloads itself while the status is Running; 0 is never. It
	// does not interrupt a reader who uses the page, and keeps the scroll position and what was
	// selected.
	Refresh time.Duration

	Step, Steps      int64 // done, over all resumes, and planned
	Epoch, Epochs    int
	Started, Updated time.Time     // a zero Updated is the time of writing
	Elapsed          time.Duration // training, over all resumes
	Remaining        time.Duration // estimated
	SecondsPerStep   float64
	MemoryPeak       int64    // bytes
	Device           string   // such as "CPU, 2 threads"
	Precision        string   // such as "bf16"
	Version          string   // of the program
	Data             []string // about the images
	Result           []string // sentences

	History     *History
	Evaluations []Evaluation // in the order of time, like Sheets and Warnings
	Sheets      []Sheet
	Warnings    []Warning
	Options     []Option
	Commands    []Command
}

// A Status is the state of a run. The page shows any other text as it is.
type Status string

const (
	Running     Status = "running"
	Done        Status = "done"
	Interrupted Status = "interrupted"
	Diverged    Status = "diverged"
	Failed      Status = "stopped by an error"
)

// A Sheet is a file with sample images, PNG or JPEG. It should not change once written.
type Sheet struct {
	Step int64
	Path string
}

// An Option is one of the run's options.
type Option struct {
	Name, Value string
	Default     string // the preset's
	Usage       string
	Changed     bool // Value is not Default
}

// A Command is a command line for the reader to run next.
type Command struct {
	What string // what it does: "continue training"
	Line string
}

// A PageWriter writes the page of one run repeatedly. It keeps the encoded sheets, some megabytes,
// so that it only has to encode new ones. The zero value is ready to use, by one goroutine at a
// time.
type PageWriter struct {
	sheets map[sheetKey]*encodedSheet
}

// Save writes the page to path. It replaces the file atomically.
func (w *PageWriter) Save(p *Page, path string) error {
	if err := atomicfile.Write(path, func(to io.Writer) error { return w.Write(p, to) }); err != nil {
		return fmt.Errorf("save the report: %w", err)
	}
	return nil
}

// Write writes the page as one HTML file. It leaves out sheets that it cannot read, and lists them.
func (w *PageWriter) Write(p *Page, to io.Writer) error {
	sheets, unread := w.encode(p.Sheets)
	v := newPageView(p, time.Now())
	v.SheetCount, v.Unread = len(sheets), unread
	uris := make([]string, len(sheets))
	for i, s := range sheets {
		v.Script.Sheets = append(v.Script.Sheets, shownSheet{s.step, s.size.X, s.size.Y})
		uris[i] = `"data:image/jpeg;base64,` + s.base64 + `"`
	}
	if err := v.half("top", to); err != nil {
		return err
	}
	// The template would scan megabytes of base64 for characters to escape.
	_, err := fmt.Fprintf(to, "<script type=\"application/json\" id=\"images\">[%s]</script>\n", strings.Join(uris, ",\n"))
	if err != nil {
		return err
	}
	return v.half("bottom", to)
}

// half executes one of the templates, and replaces invalid UTF-8 in names.
func (v *pageView) half(name string, to io.Writer) error {
	var buf bytes.Buffer
	if err := pageTemplate.ExecuteTemplate(&buf, name, v); err != nil {
		return err
	}
	_, err := to.Write(bytes.ToValidUTF8(buf.Bytes(), []byte("\uFFFD")))
	return err
}

var (
	//go:embed page/page.html
	pageHTML string
	//go:embed page/page.css
	pageCSS string
	//go:embed page/page.js
	pageJS string

	pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
		"grouped": grouped,
		"css":     func() template.CSS { return template.CSS(pageCSS) },
		"js":      func() template.JS { return template.JS(pageJS) },
		"policy":  func() string { return policy },
		"rfc3339": func(t time.Time) string { return t.Format(time.RFC3339) },
		"clock": func(t time.Time) string {
			if t.IsZero() {
				return ""
			}
			return t.Format("2006-01-02 15:04:05 MST")
		},
		// json escapes <, > and &, so that no name ends the script element.
		"json": func(v any) (template.JS, error) {
			data, err := json.Marshal(v)
			return template.JS(data), err
		},
	}).Parse(pageHTML))

	// policy forbids every connection, and every script but the page's own, even if a name were not
	// escaped correctly.
	policy = func() string {
		sum := sha256.Sum256([]byte(pageJS))
		return "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-" +
			base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
	}()
)
