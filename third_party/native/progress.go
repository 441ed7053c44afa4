package native

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// progress tells a person how far one piece of work is: on a terminal in a line that changes, elsewhere in a line now and then.
type progress struct {
	log   io.Writer
	what  string
	total int64

	terminal bool
	last     time.Time
	shown    bool
}

func newProgress(log io.Writer, what string, total int64) *progress {
	f, ok := log.(*os.File)
	p := &progress{log: log, what: what, total: total, terminal: ok && term.IsTerminal(int(f.Fd())), last: time.Now()}
	if p.terminal {
		p.at(0)
	} else {
		fmt.Fprintf(log, "%s (%s)\n", what, megabytes(total))
	}
	return p
}

// at shows that done bytes of the total are through.
func (p *progress) at(done int64) {
	pause := 10 * time.Second
	if p.terminal {
		pause = 100 * time.Millisecond
	}
	if now := time.Now(); !p.shown || now.Sub(p.last) >= pause {
		p.show(done, now)
	}
}

func (p *progress) show(done int64, now time.Time) {
	if !p.terminal && now.Sub(p.last) < time.Second {
		return
	}
	p.last, p.shown = now, true
	done = min(done, p.total)
	start, end := "", "\n"
	if p.terminal {
		start, end = "\r", "   "
	}
	fmt.Fprintf(p.log, "%s%s: %s of %s, %d%%%s", start, p.what, megabytes(done), megabytes(p.total), 100*done/max(p.total, 1), end)
}

// end leaves the line as it is and starts the next.
func (p *progress) end() {
	if p.terminal {
		fmt.Fprintln(p.log)
	}
}

func megabytes(n int64) string {
	if n < 10e6 {
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%d MB", (n+5e5)/1e6)
}
