package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

func TestSettings(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string
	}{
		{nil, []string{
			"step resnet_6blocks 128 64 64 b1 f32 3/0",
			"step resnet_6blocks 128 64 64 b1 bf16 3/0",
			"step resnet_6blocks 64 32 64 b1 f32 15/0",
			"convert resnet_9blocks 256 64 0 b0 f32 0/60",
			"cold resnet_9blocks 256 64 0 b0 f32 0/1",
		}},
		{[]string{"-work", "step", "-precision", "bf16"}, []string{"step resnet_6blocks 128 64 64 b1 bf16 3/0"}},
		{[]string{"-work", "step", "-steps", "2", "-precision", "f32"}, []string{
			"step resnet_6blocks 128 64 64 b1 f32 2/0", "step resnet_6blocks 64 32 64 b1 f32 2/0",
		}},
		{[]string{"-work", "step", "-batch_size", "4"}, []string{"step resnet_6blocks 128 64 64 b4 f32 3/0"}},
		{[]string{"-work", "cold,convert", "-size", "128", "-images", "7", "-batch_size", "4", "-ndf", "8", "-steps", "5"}, []string{
			"convert resnet_9blocks 128 64 0 b0 f32 0/7", "cold resnet_9blocks 128 64 0 b0 f32 0/1",
		}},
		{[]string{"growth"}, []string{"step resnet_6blocks 128 64 64 b1 f32 3/0", "convert resnet_9blocks 256 64 0 b0 f32 0/60"}},
		{[]string{"growth", "-grow", "convert.ngf=2", "-size", "32"}, []string{"convert resnet_9blocks 32 64 0 b0 f32 0/60"}},
	} {
		command, _, err := parse(c.args)
		if err != nil {
			t.Errorf("%q: %v", c.args, err)
			continue
		}
		var got []string
		for _, s := range command.settings {
			got = append(got, fmt.Sprintf("%s %s %d %d %d b%d %s %d/%d", s.Work, s.NetG, s.Size, s.NGF, s.NDF, s.Batch, s.Precision, s.Steps, s.Images))
			if s.Rounds != 5 || s.Threads != runtime.NumCPU() {
				t.Errorf("%q: %d rounds, %d threads", c.args, s.Rounds, s.Threads)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%q: settings\n%q\nwant\n%q", c.args, got, c.want)
		}
	}
}

func TestParseAxes(t *testing.T) {
	axes, err := parseAxes("step.size=128,64,64 convert.images=3")
	want := []axis{{workStep, "size", []int{64, 128}}, {workConvert, "images", []int{3}}}
	if err != nil || !reflect.DeepEqual(axes, want) {
		t.Errorf("%+v, %v, want %+v", axes, err, want)
	}
	for list, word := range map[string]string{
		"":                              "-grow is empty",
		"step.size":                     "followed by = and numbers",
		"step.images=1":                 "must be one of step.size, step.batch_size, step.ngf, convert.size",
		"fly.size=64":                   "must be one of",
		"step.ngf=0":                    `"0" is not a number`,
		"step.ngf=":                     `"" is not a number`,
		"convert.size=30":               "size 30: must be a multiple of 4",
		"step.ngf=2 step.ngf=4":         "given twice",
		"step.ngf=x convert.images=one": `"x" is not a number`,
	} {
		if _, err := parseAxes(list); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: %v, want %q", list, err, word)
		}
	}
}

// python3 returns an interpreter, or skips the test.
func python3(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	return path
}

// Python can parse the scripts, whatever is installed, and every contender's script is embedded.
func TestPeers(t *testing.T) {
	for _, w := range allWorks {
		for _, c := range (setting{Work: w}).contenders()[1:] {
			source, err := scripts.ReadFile("peers/" + c.Script)
			if err != nil {
				t.Errorf("%s of %s: %v", c.Name, w, err)
				continue
			}
			cmd := exec.Command(python3(t), "-c", "import sys; compile(sys.stdin.read(), 'script', 'exec')")
			cmd.Stdin = strings.NewReader(string(source))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s", c.Script, err, out)
			}
		}
	}
}

// peer starts a test script that serves as the peers do.
func peer(t *testing.T, script string) (*resident, *ready, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, scripts); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "peers", "script.py")
	if err := os.WriteFile(path, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python3(t), path)
	r, is, err := startResident(cmd, spec{Contender: "some", setting: setting{Work: workStep, Steps: 2}}, filepath.Join(dir, "log"))
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
    return {"losses": [[1.5, 2.5]], "versions": {"Some": "1"}}, lambda: print("turn of", spec["steps"], file=sys.stderr, flush=True)
protocol.serve(prepare)
`)
	if err != nil {
		t.Fatal(err)
	}
	if len(is.Losses) != 1 || is.Losses[0][1] != 2.5 || is.Versions["Some"] != "1" {
		t.Errorf("ready: %+v", is)
	}
	for range 2 {
		if seconds, err := r.turn(t.Context()); err != nil || seconds <= 0 {
			t.Errorf("a turn took %g s (%v)", seconds, err)
		}
	}
	if peak := r.peak(); runtime.GOOS == "linux" && peak < 1<<20 {
		t.Errorf("the process has a peak of %d bytes", peak)
	}
	if log, err := os.ReadFile(r.log); err != nil || string(log) != "noise on standard output\nturn of 2\nturn of 2\n" {
		t.Errorf("the log is %q (%v)", log, err)
	}
}

func TestProtocolFailures(t *testing.T) {
	for _, c := range []struct{ script, want string }{
		{"import no_such_library", "not installed: No module named 'no_such_library'"},
		{"import sys; print('last words', file=sys.stderr); sys.exit(3)", "exit status 3: last words"},
		{"print('hello')", `cannot parse the answer "hello"`},
		{"import protocol; protocol.answer(seconds=1)", "did not answer that it is ready"},
		{"import protocol; protocol.answer(error='too large')", "too large"},
		{"", "the process ended: exit status 0"},
	} {
		if _, _, err := peer(t, c.script); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", c.script, err, c.want)
		}
	}
	r, _, err := peer(t, "import protocol\nprotocol.serve(lambda spec: ({'versions': {}}, lambda: 1 // 0))")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.turn(t.Context()); err == nil || !strings.Contains(err.Error(), "ZeroDivisionError") {
		t.Errorf("a turn that fails: error %v", err)
	}
}
