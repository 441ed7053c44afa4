package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"cyclegan/infer/pixels"
)

// interrupt CODE N COMMAND... runs a command, interrupts it N times as soon as it has said how much there is to convert, and checks
// its exit status. What it said goes to the file interrupted.txt.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: interrupt CODE N COMMAND...")
	}
	cmd := exec.Command(lookUp(ts, args[2]), args[3:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "CYCLEGAN_ONNXRUNTIME="+ts.Getenv("CYCLEGAN_ONNXRUNTIME"))
	out, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	var said strings.Builder
	lines := bufio.NewScanner(out)
	signals := number(ts, args[1])
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		// The second signal waits for the answer to the first, since two at once may arrive as one.
		if signals > 0 && (strings.Contains(lines.Text(), "to convert") || strings.HasPrefix(lines.Text(), "interrupted:")) {
			signals--
			ts.Check(cmd.Process.Signal(os.Interrupt))
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs("interrupted.txt"), []byte(said.String()), 0o644))
	checkStatus(ts, number(ts, args[0]), cmd.Wait())
}

// crash DIR COMMAND... kills a command, without a warning, as soon as it has written some pictures into DIR, and checks that every file there is a
// whole picture, apart from one that has no name of its own yet.
func crash(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: crash DIR COMMAND...")
	}
	cmd := exec.Command(lookUp(ts, args[1]), args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "CYCLEGAN_ONNXRUNTIME="+ts.Getenv("CYCLEGAN_ONNXRUNTIME"))
	ts.Check(cmd.Start())
	pictures := func() []string {
		found, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "[^.]*"))
		ts.Check(err)
		return found
	}
	for begin := time.Now(); len(pictures()) < 3 && time.Since(begin) < time.Minute; {
		time.Sleep(time.Millisecond)
	}
	ts.Check(cmd.Process.Kill())
	cmd.Wait() // it was killed
	found := pictures()
	if len(found) < 3 {
		ts.Fatalf("%d pictures were written before the end", len(found))
	}
	for _, path := range found {
		_, err := pixels.Load(path, pixels.Limits{})
		ts.Check(err)
	}
	ts.Logf("killed after %d pictures", len(found))
}

// lookUp finds a command of the scripts.
func lookUp(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if path := filepath.Join(dir, name); exists(path) {
			return path
		}
	}
	ts.Fatalf("there is no command %s", name)
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
