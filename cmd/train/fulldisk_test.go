//go:build tensorflow && linux

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"cyclegan/cmd/internal/cli"
	"cyclegan/train"
)

// A full disk costs no steps: the run reports it, continues, saves again when there is room, and
// ends with the same weights.
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
	makeRoom := fill(t, small)
	wait("a message about it", func() bool { return printed("no space left on device") })
	makeRoom()
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

	// A resume finds that it cannot write before it trains, and changes nothing.
	fill(t, small)
	files := []string{train.OptionsFile, "checkpoints/step_000000060.safetensors", "log.jsonl", "G_AB.onnx"}
	var before [][]byte
	for _, name := range files {
		data, err := os.ReadFile(filepath.Join(small, "run", name))
		if err != nil {
			t.Fatal(err)
		}
		before = append(before, data)
	}
	var exit *exec.ExitError
	err = run.command("-max_steps", "62").Run()
	if !errors.As(err, &exit) || exit.ExitCode() != cli.Failed || !strings.Contains(run.out.String(), "no space left on device") || strings.Contains(run.out.String(), "step 61/62") {
		t.Errorf("resumed on a full disk: %v\n%s", err, run.out.String())
	}
	for i, name := range files {
		if data, err := os.ReadFile(filepath.Join(small, "run", name)); err != nil || !bytes.Equal(data, before[i]) {
			t.Errorf("%s was changed: %v", name, err)
		}
	}
}

// fill writes a file to a disk until it is full, and returns a function that removes it.
func fill(t *testing.T, disk string) (makeRoom func()) {
	t.Helper()
	filler, err := os.Create(filepath.Join(disk, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for size := 1 << 14; size > 0; size /= 2 { // to the last byte
		for block := make([]byte, size); err == nil; {
			_, err = filler.Write(block)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		err = nil
	}
	if err := filler.Close(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(filler.Name()); err != nil {
			t.Fatal(err)
		}
	}
}
