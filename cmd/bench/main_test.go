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
	checkout, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	// Not by its name, since that may be a program that looks for one in the home folder.
	python, _ := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	library, err := native.FindONNXRuntime()
	found := err == nil && hasCgo(t)
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("CHECKOUT", checkout)
			e.Setenv("PYTHON3", strings.TrimSpace(string(python)))
			if library != "" {
				e.Setenv(native.EnvONNXRuntime, library)
			}
			// The scripts have a home of their own, where the go command would build everything anew.
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
				return withTensorFlow && found, nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": status, "report": checkReport, "growth": checkGrowth},
	})
}

// hasCgo tells whether this test was built with cgo, which ONNX Runtime needs.
func hasCgo(t *testing.T) bool {
	_, err := session.New(nil, nil)
	if errors.Is(err, session.ErrNoCgo) {
		t.Log("the scripts that run models are skipped: ", err)
		return false
	}
	return true
}

// status CODE COMMAND... runs a command and checks its exit status.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// report FILE ROUNDS WORK=NAME,NAME... checks that a JSON report has these
// comparisons, and that each of the contenders took all of its turns.
func checkReport(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: report FILE ROUNDS WORK=NAME,NAME...")
	}
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	rounds, err := strconv.Atoi(args[1])
	ts.Check(err)
	var rep report
	ts.Check(json.Unmarshal(data, &rep))
	if rep.Machine.Processors < 1 || rep.Machine.Threads < 1 || rep.Versions["Go"] == "" {
		ts.Fatalf("the report does not say on what it was made: %+v, %v", rep.Machine, rep.Versions)
	}
	var got []string
	for _, c := range rep.Cases {
		var names []string
		for _, r := range c.Results {
			names = append(names, r.Name)
			if r.Left != "" || len(r.Samples) != rounds || r.Min <= 0 || r.Min > r.Median || r.Median > r.Max || r.Ratio <= 0 {
				ts.Fatalf("%s, %s: %+v", c.Title, r.Name, r)
			}
		}
		got = append(got, c.Setting.Work+"="+strings.Join(names, ","))
	}
	if want := strings.Join(args[2:], " "); strings.Join(got, " ") != want {
		ts.Fatalf("the report has %s, want %s", strings.Join(got, " "), want)
	}
}

// growth FILE AXIS=COUNT... checks that a study has so many points with numbers
// along these axes, and no others.
func checkGrowth(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: growth FILE AXIS=COUNT...")
	}
	s, err := readStudy(ts.MkAbs(args[0]))
	ts.Check(err)
	var got []string
	for _, a := range s.Axes {
		values, points := s.along(a)
		got = append(got, fmt.Sprintf("%s=%d", a, len(values)))
		for i, p := range points {
			if len(p.Samples) == 0 || len(p.Starts) == 0 || p.Samples[0] <= 0 || p.Predicted.Seconds <= 0 || p.Takes.FLOPs <= 0 {
				ts.Fatalf("%s=%d: %+v", a, values[i], p)
			}
			if runtime.GOOS == "linux" && p.PeakBytes < 1<<20 {
				ts.Fatalf("%s=%d: its process had %d bytes", a, values[i], p.PeakBytes)
			}
		}
		if peaks := s.Peaks[a.Work]; peaks.FLOPs < 1e8 || peaks.Bandwidth < 1e8 {
			ts.Fatalf("peaks of %s: %+v", a.Work, peaks)
		}
	}
	if want := strings.Join(args[1:], " "); strings.Join(got, " ") != want {
		ts.Fatalf("the study has %s, want %s", strings.Join(got, " "), want)
	}
	if s.Machine.Processors < 1 || s.Versions["Go"] == "" || s.Versions["ONNX Runtime"] == "" && s.Versions["TensorFlow's C library"] == "" {
		ts.Fatalf("the study does not say on what it was made: %+v, %v", s.Machine, s.Versions)
	}
}
