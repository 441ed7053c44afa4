package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"cyclegan/infer/session"
	"cyclegan/third_party/native"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"bench": main})
}

func TestScripts(t *testing.T) {
	folder, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	// The full path, because python3 may be a wrapper that looks for an interpreter in the home folder.
	python, _ := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	_, noCgo := session.New(nil, nil)
	library, err := native.FindONNXRuntime()
	found := err == nil && !errors.Is(noCgo, session.ErrNoCgo)
	tensorFlow, _ := native.FindTensorFlow()
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("BENCH", folder)
			e.Setenv("PYTHON3", strings.TrimSpace(string(python)))
			e.Setenv(native.EnvONNXRuntime, library)
			e.Setenv(native.EnvTensorFlow, tensorFlow)
			// The scripts have a home folder of their own, where the go command would build everything again.
			for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS"} {
				value, err := exec.Command("go", "env", name).Output()
				if err != nil {
					return err
				}
				e.Setenv(name, strings.TrimSpace(string(value)))
			}
			return nil
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "onnxruntime":
				return found, nil
			case "python3":
				return len(python) > 0, nil
			case "tensorflow":
				return found && tensorFlow != "", nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": status, "report": checkReport, "growth": checkGrowth},
	})
}

// status CODE COMMAND... runs a command and checks its exit status.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE COMMAND...")
	}
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}

func readReport(ts *testscript.TestScript, path string) *report {
	data, err := os.ReadFile(ts.MkAbs(path))
	ts.Check(err)
	rep := &report{}
	ts.Check(json.Unmarshal(data, rep))
	if rep.Machine.Processors < 1 || rep.Machine.Threads < 1 || rep.Versions["Go"] == "" {
		ts.Fatalf("incomplete report: %+v, %v", rep.Machine, rep.Versions)
	}
	return rep
}

// report FILE ROUNDS WORK=NAME,NAME... checks that a report has these comparisons and that each
// contender took all of its turns.
func checkReport(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: report FILE ROUNDS WORK=NAME,NAME...")
	}
	rounds, err := strconv.Atoi(args[1])
	ts.Check(err)
	var got []string
	for _, c := range readReport(ts, args[0]).Cases {
		var names []string
		for _, r := range c.Results {
			names = append(names, r.Name)
			if r.Skipped != "" || len(r.Samples) != rounds || r.Min <= 0 || r.Min > r.Median || r.Median > r.Max || r.Ratio <= 0 {
				ts.Fatalf("%s, %s: %+v", c.Title, r.Name, r)
			}
		}
		got = append(got, c.Setting.Work+"="+strings.Join(names, ","))
	}
	if want := strings.Join(args[2:], " "); strings.Join(got, " ") != want {
		ts.Fatalf("the report has %s, want %s", strings.Join(got, " "), want)
	}
}

// growth FILE AXIS=COUNT... checks that a report has this number of measured points on these axes.
func checkGrowth(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: growth FILE AXIS=COUNT...")
	}
	var got []string
	for _, c := range readReport(ts, args[0]).Growth {
		got = append(got, fmt.Sprintf("%s=%d", c, len(c.Points)))
		for i, p := range c.Points {
			if len(p.Samples) == 0 || p.Samples[0] <= 0 || p.StartSeconds <= 0 || runtime.GOOS == "linux" && p.PeakBytes < 1<<20 {
				ts.Fatalf("%s=%d: %+v", c, c.Values[i], p)
			}
		}
	}
	if want := strings.Join(args[1:], " "); strings.Join(got, " ") != want {
		ts.Fatalf("the report has %s, want %s", strings.Join(got, " "), want)
	}
}
