package report

import (
	"io"
	"time"
)

// A Page is all that report.html shows of a run: one file that a browser opens
// from the disk, with no server and no network. Everything is optional but the
// name; what is missing is left out. Names and texts may hold anything.
//
//	page := report.Page{Name: "s2w", Status: report.Running, Refresh: 30 * time.Second, History: history}
//	err := page.Save(filepath.Join(dir, "report.html"))
//
// A run that writes its page again and again keeps a [PageWriter].
type Page struct {
	Name   string
	Status Status
	// Refresh is how often an open page loads itself again while the status is
	// Running; 0 is never. It waits for a reader who is at work on the page,
	// and keeps what was scrolled to and chosen.
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
	Data             []string // about the pictures
	Result           []string // what came out, in sentences

	History     *History     // the log
	Evaluations []Evaluation // in the order of their making
	Sheets      []Sheet      // in the order of their making

	Warnings []Warning // in the order of their making
	Options  []Option
	Commands []Command
}

// A Status says how a run stands.
type Status string

// What a run can be. Another text is shown as it is.
const (
	Running     Status = "running"
	Done        Status = "done"
	Interrupted Status = "interrupted"
	Diverged    Status = "diverged"
	Failed      Status = "stopped by an error"
)

// A Sheet is a picture sheet on disk, as PNG or JPEG. The file of a step is
// expected not to change.
type Sheet struct {
	Step int64
	Path string
}

// A Warning tells what may go wrong and how to mend it.
type Warning struct {
	Step  int64
	Time  time.Time
	Title string // one line
	Text  string // the measured signal, and what to do; "" for none
}

// An Option is one of the run's options.
type Option struct {
	Name, Value string
	Default     string // the preset's
	Usage       string
	Changed     bool // Value is not Default
}

// A Command is a command line to go on with.
type Command struct {
	What string // what it does: "go on training"
	Line string
}

// Write writes the page as one HTML file. Sheets that cannot be read are left
// out, and the page says which.
func (p *Page) Write(w io.Writer) error { return new(PageWriter).Write(p, w) }

// Save writes the page to path, in one piece: who looks at it while a run
// trains sees the old page or the whole new one.
func (p *Page) Save(path string) error { return new(PageWriter).Save(p, path) }
