package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// python3 is an interpreter, or the test is skipped.
func python3(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3")
	}
	return path
}

// The scripts can be read by Python, whatever it has installed.
func TestPeersCompile(t *testing.T) {
	scripts, err := filepath.Glob(filepath.Join("peers", "*.py"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, s := range scripts {
		const program = "import sys; compile(open(sys.argv[1]).read(), sys.argv[1], 'exec')"
		if out, err := exec.Command(python3(t), "-c", program, s).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", s, err, out)
		}
	}
}

// Every contender's script is there, and embedded.
func TestPeersThere(t *testing.T) {
	for _, w := range allWorks {
		for _, c := range (setting{Work: w}).contenders() {
			if c.Script == "" {
				continue
			}
			if _, err := peers.ReadFile("peers/" + c.Script); err != nil {
				t.Errorf("%s of %s: %v", c.Name, w, err)
			}
		}
	}
}

// peer starts a script of our own that serves as the peers do.
func peer(t *testing.T, script string) (*resident, *ready, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, peers); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "peers", "script.py")
	if err := os.WriteFile(path, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	r, is, err := startResident(t.Context(), spec{Contender: "some", setting: setting{Work: workStep, Steps: 2}}, filepath.Join(dir, "log"), python3(t), path)
	if err == nil {
		t.Cleanup(r.close)
	}
	return r, is, err
}

func TestProtocol(t *testing.T) {
	r, is, err := peer(t, `
import protocol, sys
def prepare(spec):
    print("noise on standard output", flush=True)
    assert spec["work"] == "step" and spec["contender"] == "some"
    return {"losses": [[1.5, 2.5]], "versions": {"Some": "1"}}, lambda: print("round of", spec["steps"], file=sys.stderr, flush=True)
protocol.serve(prepare)
`)
	if err != nil {
		t.Fatal(err)
	}
	if len(is.Losses) != 1 || is.Losses[0][1] != 2.5 || is.Versions["Some"] != "1" {
		t.Errorf("ready: %+v", is)
	}
	for range 2 {
		if seconds, err := r.round(t.Context()); err != nil || seconds <= 0 {
			t.Errorf("a round took %g s (%v)", seconds, err)
		}
	}
	if log, err := os.ReadFile(r.log); err != nil || string(log) != "noise on standard output\nround of 2\nround of 2\n" {
		t.Errorf("the log is %q (%v)", log, err)
	}
}

func TestProtocolFailures(t *testing.T) {
	for _, c := range []struct{ script, want string }{
		{"import no_such_library", "not installed: No module named 'no_such_library'"},
		{"import sys; print('last words', file=sys.stderr); sys.exit(3)", "exit status 3: last words"},
		{"print('hello')", `"hello" is no answer`},
		{"import protocol; protocol.answer(seconds=1)", "something else than that it is ready"},
		{"import protocol; protocol.answer(error='too large')", "too large"},
		{"", "its process ended: exit status 0"},
	} {
		if _, _, err := peer(t, c.script); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", c.script, err, c.want)
		}
	}
	r, _, err := peer(t, "import protocol\nprotocol.serve(lambda spec: ({'versions': {}}, lambda: 1 // 0))")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.round(t.Context()); err == nil || !strings.Contains(err.Error(), "ZeroDivisionError") {
		t.Errorf("a round that fails: error %v", err)
	}
}
