package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// interrupt CODE N COMMAND... runs a command, interrupts it N times as soon as it has said how much there is to convert, and checks
// its exit status. What it said goes to the file interrupted.txt.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: interrupt CODE N COMMAND...")
	}
	path := ""
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if p := filepath.Join(dir, args[2]); path == "" && exists(p) {
			path = p
		}
	}
	cmd := exec.Command(path, args[3:]...)
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

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
