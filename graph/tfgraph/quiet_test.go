//go:build tensorflow && linux

package tfgraph

import (
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestFilterStderrPassesAllButTheNoise(t *testing.T) {
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
	done := filterStderr()
	os.Stderr.WriteString("before\nWARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n")
	os.Stderr.WriteString("I0000 x.cc:401] MLIR V1 optimization pass is not enabled\nI0000 auto_mixed_precision.cc:1508] nothing to do\nE0000 out of memory\nunfinished")
	done()
	os.Stderr.WriteString(" after")
	if err := unix.Dup3(real, 2, 0); err != nil {
		t.Fatal(err)
	}
	unix.Close(real)
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if want := "before\nE0000 out of memory\nunfinished after"; string(got) != want {
		t.Errorf("standard error got %q, want %q", got, want)
	}
}

// What is written after Unquiet arrives, though the call in Quietly hangs.
func TestUnquiet(t *testing.T) {
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
	if err := unix.Dup3(real, 2, 0); err != nil {
		t.Fatal(err)
	}
	unix.Close(real)
	got, err := io.ReadAll(r)
	if want := "within\nafter\n"; err != nil || string(got) != want {
		t.Errorf("standard error got %q, %v, want %q", got, err, want)
	}
	close(hangs)
	<-ended
	if _, err := os.Stderr.Stat(); err != nil {
		t.Errorf("standard error is gone: %v", err)
	}
}
