//go:build tensorflow && linux

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A full disk costs no steps: the run reports it, continues, saves again when there is room, and ends
// with the same weights.
func TestFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for some seconds")
	}
	small := t.TempDir()
	if err := unix.Mount("none", small, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(small, unix.MNT_DETACH) })
	whole, run := &training{dir: t.TempDir()}, &training{dir: small}
	whole.finish(t)

	cmd := run.command()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	printed := func(text string) bool {
		data, err := os.ReadFile(out.Name())
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(data), text)
	}
	wait := func(what string, done func() bool) {
		for start := time.Now(); !done(); time.Sleep(5 * time.Millisecond) {
			if time.Since(start) > time.Minute {
				data, _ := os.ReadFile(out.Name())
				t.Fatalf("timeout waiting for %s:\n%s", what, data)
			}
		}
	}
	wait("a checkpoint", func() bool {
		found, _ := filepath.Glob(filepath.Join(small, "run", "checkpoints", "step_*"))
		return len(found) > 0
	})
	filler, err := os.Create(filepath.Join(small, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 1<<14); err == nil; {
		_, err = filler.Write(block)
	}
	filler.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	wait("a message about it", func() bool { return printed("no space left on device") })
	if err := os.Remove(filler.Name()); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		data, _ := os.ReadFile(out.Name())
		t.Fatalf("%v\n%s", err, data)
	}
	if !printed("the run continues") {
		t.Error("no message that the run continues")
	}
	if worst := sameWeights(t, whole, run); worst != 0 {
		t.Errorf("weights differ by up to %g", worst)
	}
}
