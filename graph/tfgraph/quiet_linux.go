//go:build tensorflow

package tfgraph

import (
	"bufio"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

var quiet sync.Mutex

// Quietly calls f, which runs a part of a graph for the first time, with what
// TensorFlow announces then kept off standard error: which rewrites it makes
// and which not, two lines and with bf16 two more for every part, through a
// logger that TF_CPP_MIN_LOG_LEVEL doesn't reach. Every other line passes as
// it comes.
func Quietly(f func() error) error {
	quiet.Lock()
	defer quiet.Unlock()
	done := sync.OnceFunc(filterStderr())
	filtering.Store(&done)
	defer done()
	return f()
}

// filtering ends the filter of the newest Quietly.
var filtering atomic.Pointer[func()]

// Unquiet ends the filter of a Quietly that will never return, since what it
// calls hangs: nothing that is written from here on can be lost in it.
func Unquiet() {
	if done := filtering.Load(); done != nil {
		(*done)()
	}
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
		strings.HasPrefix(line, "I") && strings.Contains(line, " grpc_server_lib.cc:") && strings.Contains(line, "Started server") ||
		strings.Contains(line, "MLIR V1 optimization pass is not enabled") ||
		strings.HasPrefix(line, "I") && strings.Contains(line, " auto_mixed_precision.cc:")
}
