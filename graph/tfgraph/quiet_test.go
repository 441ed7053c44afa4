//go:build tensorflow && linux

package tfgraph

import (
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// captureStderr takes over standard error; the function that it returns gives it
// back, with what was written meanwhile.
func captureStderr(t *testing.T) (written func() string) {
	t.Helper()
	real, err := unix.Dup(2)
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Dup3(int(w.Fd()), 2, 0); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return func() string {
		if err := unix.Dup3(real, 2, 0); err != nil {
			t.Fatal(err)
		}
		unix.Close(real)
		got, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(got)
	}
}

func TestFilterStderrPassesAllButTheNoise(t *testing.T) {
	written := captureStderr(t)
	done := filterStderr()
	os.Stderr.WriteString("before\nWARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n")
	os.Stderr.WriteString("I0000 x.cc:401] MLIR V1 optimization pass is not enabled\nI0000 auto_mixed_precision.cc:1508] nothing to do\nE0000 out of memory\nunfinished")
	done()
	os.Stderr.WriteString(" after")
	if got, want := written(), "before\nE0000 out of memory\nunfinished after"; got != want {
		t.Errorf("standard error got %q, want %q", got, want)
	}
}

// What is written after Unquiet arrives, though the call in Quietly hangs.
func TestUnquiet(t *testing.T) {
	written := captureStderr(t)
	hangs, begun, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		_ = Quietly(func() error {
			close(begun)
			<-hangs
			return nil
		})
	}()
	<-begun
	os.Stderr.WriteString("within\n")
	Unquiet()
	os.Stderr.WriteString("after\n")
	Unquiet() // once is enough
	if got, want := written(), "within\nafter\n"; got != want {
		t.Errorf("standard error got %q, want %q", got, want)
	}
	close(hangs)
	<-ended
	if _, err := os.Stderr.Stat(); err != nil {
		t.Errorf("standard error is gone: %v", err)
	}
}
