//go:build tensorflow

package tfgraph

import (
	"bufio"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

var firstRun sync.Once

// quietly calls f, the first time in a process with two lines of TensorFlow's
// kept off standard error: it announces in its first run that an optimisation
// nobody asked for is off, through a logger that TF_CPP_MIN_LOG_LEVEL doesn't
// reach. Every other line passes as it comes.
func quietly(f func() error) error {
	done := func() {}
	firstRun.Do(func() { done = filterStderr() })
	defer done()
	return f()
}

// filterStderr puts a filter on file descriptor 2 until the function that it
// returns is called. Where that can't be done, nothing is filtered.
func filterStderr() (done func()) {
	none := func() {}
	saved, err := unix.Dup(2)
	if err != nil {
		return none
	}
	out := os.NewFile(uintptr(saved), "stderr")
	r, w, err := os.Pipe()
	if err != nil {
		out.Close()
		return none
	}
	if err := unix.Dup3(int(w.Fd()), 2, 0); err != nil {
		r.Close()
		w.Close()
		out.Close()
		return none
	}
	w.Close() // descriptor 2 is the writing end now
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		defer r.Close()
		for lines := bufio.NewReader(r); ; {
			line, err := lines.ReadString('\n')
			if !isNoise(line) {
				_, _ = out.WriteString(line)
			}
			if err != nil {
				return
			}
		}
	}()
	return func() {
		_ = unix.Dup3(int(out.Fd()), 2, 0) // closes the writing end
		<-finished
		out.Close()
	}
}

func isNoise(line string) bool {
	return strings.HasPrefix(line, "WARNING: All log messages before absl::InitializeLog()") ||
		strings.Contains(line, "MLIR V1 optimization pass is not enabled")
}
