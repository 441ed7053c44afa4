package fetch

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"cyclegan/third_party/native"
)

// tryProgram is the program of the made-up checkout. It prints its input and does what its first
// argument says.
const tryProgram = `//go:build tensorflow

package main

import (
	"fmt"
	"os"
	"time"
)

func main() {
	dir, _ := os.Getwd()
	fmt.Printf("version 1 args %q dir %s ort %s cflags %q\n", os.Args[1:], dir, os.Getenv("CYCLEGAN_ONNXRUNTIME"), os.Getenv("CGO_CFLAGS"))
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "exit":
			os.Exit(7)
		case "wait":
			time.Sleep(time.Minute)
		}
	}
}
`

// madeUpCheckout makes a checkout of one program and an environment in which starting it needs only
// Go.
func madeUpCheckout(t *testing.T) (root string) {
	t.Helper()
	isolate(t)
	stubLibraries(t)
	compilerIs(t, "mycc")
	root = filepath.Join(t.TempDir(), "a checkout")
	write(t, filepath.Join(root, "go.mod"), "module cyclegan\n\ngo 1.26\n")
	write(t, filepath.Join(root, "cmd", "try", "main.go"), tryProgram)
	return root
}

func write(t *testing.T, path, text string) {
	t.Helper()
	touch(t, path)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// starting returns a process that starts the program of the checkout, and its output.
func starting(t *testing.T, root string, args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	cmd = exec.Command(self, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "TEST_START_ROOT="+root)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return cmd, stdout, stderr
}

func TestStart(t *testing.T) {
	root := madeUpCheckout(t)
	cmd, stdout, stderr := starting(t, root, "a", "b c", "-flag")
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	want := fmt.Sprintf("version 1 args [\"a\" \"b c\" \"-flag\"] dir %s ort %s cflags \"\"\n", cmd.Dir, os.Getenv(native.EnvONNXRuntime))
	if stdout.String() != want {
		t.Errorf("output:\n%swant:\n%s", stdout, want)
	}

	cmd, _, stderr = starting(t, root, "exit")
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 7 || stderr.Len() > 0 {
		t.Errorf("exit status 7 becomes %v, with %q", err, stderr)
	}

	// An executable that is up to date is not built again.
	cache, err := native.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	built := newProgram(cache, root, "./cmd/try").path
	before, err := os.Stat(built)
	if err != nil {
		t.Fatal(err)
	}
	cmd, _, stderr = starting(t, root)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	if after, err := os.Stat(built); err != nil || !os.SameFile(before, after) {
		t.Errorf("the program was built again: %v", err)
	}

	write(t, filepath.Join(root, "cmd", "try", "main.go"), strings.Replace(tryProgram, "version 1", "version 2", 1))
	cmd, stdout, stderr = starting(t, root)
	if err := cmd.Run(); err != nil || !strings.HasPrefix(stdout.String(), "version 2") {
		t.Errorf("after a source change: %v\n%s%s", err, stdout, stderr)
	}

	write(t, filepath.Join(root, "cmd", "try", "main.go"), strings.Replace(tryProgram, "fmt.Printf", "fmt.Gone", 1))
	cmd, stdout, stderr = starting(t, root)
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 || stdout.Len() > 0 ||
		!strings.Contains(stderr.String(), "fmt.Gone") || !strings.Contains(stderr.String(), "build ./cmd/try in "+root) {
		t.Errorf("source that does not compile: %v\n%s%s", err, stdout, stderr)
	}
}

func TestStartSignal(t *testing.T) {
	root := madeUpCheckout(t)
	cmd, _, stderr := starting(t, root, "wait")
	cmd.Stdout = nil
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 9)
	if _, err := out.Read(line); err != nil || string(line) != "version 1" {
		t.Errorf("output %q, %v\n%s", line, err, stderr)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("after the interrupt: %v", err)
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("the interrupt did not reach the program: %v", err)
	}
}

func TestStartConcurrently(t *testing.T) {
	root := madeUpCheckout(t)
	var wg sync.WaitGroup
	for i := range 4 {
		cmd, stdout, stderr := starting(t, root, fmt.Sprint(i))
		wg.Go(func() {
			if err := cmd.Run(); err != nil || !strings.HasPrefix(stdout.String(), fmt.Sprintf(`version 1 args ["%d"]`, i)) {
				t.Errorf("start %d: %v\n%s%s", i, err, stdout, stderr)
			}
		})
	}
	wg.Wait()
}

// A build that is killed while it copies leaves an incomplete executable that looks up to date.
func TestStartAfterKilledBuild(t *testing.T) {
	root := madeUpCheckout(t)
	cmd, _, stderr := starting(t, root)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	cache, err := native.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	p := newProgram(cache, root, "./cmd/try")
	info, err := os.Stat(p.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(p.path, info.Size()/2); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(p.mark); err != nil {
		t.Fatal(err)
	}
	cmd, stdout, stderr := starting(t, root)
	if err := cmd.Run(); err != nil || !strings.HasPrefix(stdout.String(), "version 1") {
		t.Errorf("%v\n%s%s", err, stdout, stderr)
	}
}

func TestCheckout(t *testing.T) {
	root, err := checkout("./third_party/native/fetch")
	if err != nil {
		t.Skip("the tests were built with -trimpath:", err)
	}
	if _, err := os.Stat(filepath.Join(root, "third_party", "native", "fetch", "launch.go")); err != nil {
		t.Error(err)
	}

	made := madeUpCheckout(t)
	if !isCheckout(made, "./cmd/try") || isCheckout(made, "./cmd/other") {
		t.Error("a checkout is not recognized by its package")
	}
	write(t, filepath.Join(made, "go.mod"), "module cyclegan/v2\n")
	if isCheckout(made, "./cmd/try") {
		t.Error("another module is taken for this one")
	}
}

func TestCheckoutNotHere(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := checkout("./cmd/nothing")
	wantError(t, err, "the launcher of nothing", "go run ./third_party go build -o nothing ./cmd/nothing")
}

func TestOverlay(t *testing.T) {
	got := overlay([]string{"A=1", "B=2", "AB=3", "C"}, []string{"B=4", "D=5=6"})
	if want := []string{"A=1", "AB=3", "C", "B=4", "D=5=6"}; !slices.Equal(got, want) {
		t.Errorf("overlay: %q, want %q", got, want)
	}
}

func TestRunNothing(t *testing.T) {
	if _, err := Run(nil, nil); err == nil {
		t.Error("no error without a command")
	}
	if _, err := Run([]string{"no such command"}, nil); err == nil {
		t.Error("no error for an unknown command")
	}
}
