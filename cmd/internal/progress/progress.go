// Package progress shows the progress of a command. A [Bar] draws a bar on a terminal, and prints a
// line every few seconds elsewhere.
package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// linePeriod is the time between two lines where there is no bar.
const linePeriod = 5 * time.Second

// A Bar shows the progress of one piece of work. Its methods may be called from several goroutines.
type Bar struct {
	w     io.Writer
	unit  string
	total int

	mu         sync.Mutex
	n          int
	begin      time.Time
	last       time.Time                // of the last line
	onTerminal *progressbar.ProgressBar // nil where lines are printed
}

// New starts to show the progress of total steps on w, or of an unknown number if total is -1. Unit
// names them in the plural, such as "images".
func New(w io.Writer, total int, unit string) *Bar {
	f, ok := w.(*os.File)
	return start(w, ok && term.IsTerminal(int(f.Fd())), total, unit)
}

func start(w io.Writer, terminal bool, total int, unit string) *Bar {
	b := &Bar{w: w, unit: unit, total: total, begin: time.Now(), last: time.Now()}
	if terminal {
		b.onTerminal = progressbar.NewOptions(total, progressbar.OptionSetWriter(w), progressbar.OptionShowCount(),
			progressbar.OptionShowIts(), progressbar.OptionSetItsString(unit), progressbar.OptionSetPredictTime(true),
			progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetWidth(30))
	}
	return b
}

// Step counts one step.
func (b *Bar) Step() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n++
	if b.onTerminal != nil {
		b.onTerminal.Add(1)
	} else if time.Since(b.last) >= linePeriod && b.n != b.total {
		b.last = time.Now()
		took := time.Since(b.begin)
		if b.total < 0 {
			fmt.Fprintf(b.w, "%d %s, %.3g per second\n", b.n, b.unit, float64(b.n)/took.Seconds())
			return
		}
		left := time.Duration(float64(took) / float64(b.n) * float64(b.total-b.n))
		fmt.Fprintf(b.w, "%d of %d %s, %.3g per second, %v left\n", b.n, b.total, b.unit, float64(b.n)/took.Seconds(), left.Round(time.Second))
	}
}

// Printf prints a message instead of the bar, and the next step draws the bar again below it.
func (b *Bar) Printf(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.onTerminal != nil {
		b.onTerminal.Clear()
	}
	fmt.Fprintf(b.w, format, args...)
}

// Finish removes the bar. It may be called twice.
func (b *Bar) Finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.onTerminal != nil {
		b.onTerminal.Finish()
		b.onTerminal = nil
	}
}
