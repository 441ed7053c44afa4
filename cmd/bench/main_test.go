package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"cyclegan/cmd/internal/clitest"
	"cyclegan/third_party/native"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"bench": main})
}

func TestScripts(t *testing.T) {
	// The full path, because python3 may be a wrapper that looks for an interpreter in the home
	// folder.
	python, _ := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	tensorFlow, _ := native.FindTensorFlow()
	env := map[string]string{
		"BENCH": clitest.Testdata(t, "cmd", "bench"), "PYTHON3": strings.TrimSpace(string(python)), native.EnvTensorFlow: tensorFlow,
	}
	// The scripts have a home folder of their own, where the go command would build everything
	// again.
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		env[name] = strings.TrimSpace(string(value))
	}
	clitest.Run(t, filepath.Join("testdata", "script"), clitest.Options{
		Env:      env,
		Commands: clitest.Commands{"report": checkReport, "growth": checkGrowth},
		Condition: func(name string) (holds, known bool) {
			switch name {
			case "python3":
				return len(python) > 0, true
			case "tensorflow":
				return tensorFlow != "", true
			}
			return false, false
		},
	})
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
	rounds := clitest.Number(ts, args[1])
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
