package native

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The program of the made-up checkout. It prints what it gets and does what its first argument says.
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

// madeUpCheckout is a checkout of one program, and an environment in which starting it needs nothing but Go.
func madeUpCheckout(t *testing.T) (root string) {
	t.Helper()
	alone(t)
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

// starting is a process that starts the program of the checkout, with two buffers for what it says.
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
	want := fmt.Sprintf("version 1 args [\"a\" \"b c\" \"-flag\"] dir %s ort %s cflags \"\"\n", cmd.Dir, os.Getenv(EnvONNXRuntime))
	if stdout.String() != want {
		t.Errorf("the program says\n%sand should say\n%s", stdout, want)
	}

	cmd, _, stderr = starting(t, root, "exit")
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 7 || stderr.Len() > 0 {
		t.Errorf("the exit status 7 comes as %v, with %q", err, stderr)
	}

	// what is up to date is not built again
	cache, err := CacheDir()
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
		t.Errorf("after a change of the source: %v\n%s%s", err, stdout, stderr)
	}

	write(t, filepath.Join(root, "cmd", "try", "main.go"), strings.Replace(tryProgram, "fmt.Printf", "fmt.Gone", 1))
	cmd, stdout, stderr = starting(t, root)
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 || stdout.Len() > 0 ||
		!strings.Contains(stderr.String(), "fmt.Gone") || !strings.Contains(stderr.String(), "build ./cmd/try in "+root) {
		t.Errorf("with source that does not compile: %v\n%s%s", err, stdout, stderr)
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
		t.Errorf("the program says %q, %v\n%s", line, err, stderr)
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

func TestStartSideBySide(t *testing.T) {
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

// A build that was killed while it copied leaves a program whose beginning says that it is up to date.
func TestStartAfterKilledBuild(t *testing.T) {
	root := madeUpCheckout(t)
	cmd, _, stderr := starting(t, root)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	cache, err := CacheDir()
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
	if err := os.Remove(p.from); err != nil {
		t.Fatal(err)
	}
	cmd, stdout, stderr := starting(t, root)
	if err := cmd.Run(); err != nil || !strings.HasPrefix(stdout.String(), "version 1") {
		t.Errorf("%v\n%s%s", err, stdout, stderr)
	}
}

func TestSweep(t *testing.T) {
	root := madeUpCheckout(t)
	cache, err := CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	gone, there := newProgram(cache, filepath.Join(root, "gone"), "./cmd/try"), newProgram(cache, t.TempDir(), "./cmd/try")
	for _, p := range []program{gone, there} {
		touch(t, p.path)
		write(t, p.from, p.root+"\n")
	}
	if err := newProgram(cache, root, "./cmd/try").open(); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(tree(t, filepath.Join(cache, "bin")), " ")
	if strings.Contains(got, filepath.Base(gone.path)) || !strings.Contains(got, filepath.Base(there.path)) {
		t.Errorf("%s is gone and %s is there, and the cache holds %s", filepath.Base(gone.path), filepath.Base(there.path), got)
	}
}

func TestLockWaitsAndTells(t *testing.T) {
	file := filepath.Join(t.TempDir(), "deep", "file.lock")
	unlock, err := lock(t.Context(), os.Stderr, file, "")
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(1300*time.Millisecond, unlock)
	var log bytes.Buffer
	again, err := lock(t.Context(), &log, file, "waiting for the other")
	if err != nil || log.String() != "waiting for the other\n" {
		t.Errorf("%v, and it says %q", err, log.String())
	}
	again()
}

func TestCheckout(t *testing.T) {
	root, err := checkout("./third_party/native")
	if err != nil {
		t.Skip("these tests were built with -trimpath:", err)
	}
	if _, err := os.Stat(filepath.Join(root, "third_party", "native", "checkout.go")); err != nil {
		t.Error(err)
	}

	made := madeUpCheckout(t)
	deep := filepath.Join(made, "cmd", "try", "testdata")
	if err := os.Mkdir(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	if root, ok := checkoutAround(deep, "./cmd/try"); root != made || !ok {
		t.Errorf("around %s: %s, %v", deep, root, ok)
	}
	if root, ok := checkoutAround(deep, "./cmd/other"); ok {
		t.Errorf("%s passes for a checkout with cmd/other", root)
	}
	write(t, filepath.Join(made, "go.mod"), "module cyclegan/v2\n")
	if isCheckout(made, "./cmd/try") {
		t.Error("another module passes for this one")
	}
}

func TestCheckoutNotHere(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := checkout("./cmd/nothing")
	wantError(t, err, "the start of nothing", "go run ./third_party go build -o nothing ./cmd/nothing")
}
