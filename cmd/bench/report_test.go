package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

func example() *report {
	s := settingsOf(workStep, setting{Threads: 2, Rounds: 3})[0]
	difference := 0.00123
	c := comparison{Title: s.String(), Setting: s, Unit: s.unit(), Results: []*result{
		{Name: ours, Title: "ours", Samples: []float64{2.4, 2.5, 2.45}, PeakBytes: 1 << 30},
		{Name: "pytorch", Title: "PyTorch", Samples: []float64{2.8, 2.6, 2.7}, Difference: &difference, Of: ofLosses, PeakBytes: 3 << 29, family: "PyTorch", idle: 1, waited: 10},
		{Name: "pytorch_compile", Title: "PyTorch, torch.compile", Samples: []float64{2.5, 2.4, 2.6}, PeakBytes: 900 << 20, family: "PyTorch"},
		{Name: "pytorch_channels_last", Title: "PyTorch, channels_last", Left: "it computes something else", family: "PyTorch"},
		{Name: "tensorflow", Title: "TensorFlow from Python", Samples: []float64{0.0123, 123.4, 1234}, family: "TensorFlow from Python"},
	}}
	if err := summarize(c.Results); err != nil {
		panic(err)
	}
	return &report{
		Machine:  machine{CPU: "Example 9000", Processors: 2, Threads: 2, OS: "linux", Arch: "amd64", Bytes: 24 << 30, Load: 4.5, Settings: []string{"OMP_NUM_THREADS=2"}},
		Versions: map[string]string{"PyTorch": "2.0", "Go": "1.26"},
		Cases:    []comparison{c},
	}
}

// checkGolden compares a text with that of a file in testdata, which -update
// writes.
func checkGolden(t *testing.T, name string, text []byte) {
	t.Helper()
	golden := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(golden, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != string(want) {
		t.Errorf("the text is\n%s\nwant\n%s", text, want)
	}
}

func TestReport(t *testing.T) {
	r := example()
	var text bytes.Buffer
	r.Machine.print(&text)
	r.Cases[0].print(&text)
	r.printVersions(&text)
	checkGolden(t, "report.golden", text.Bytes())
}

func TestReportJSON(t *testing.T) {
	r := example()
	path := filepath.Join(t.TempDir(), "report.json")
	if err := r.write(path, nil); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := r.write("-", &out); err != nil || !bytes.Equal(out.Bytes(), data) {
		t.Errorf("on standard output it is not the same (%v)", err)
	}
	var got report
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	for i, c := range got.Cases[0].Results {
		want := *r.Cases[0].Results[i]
		want.family, want.idle, want.waited = "", 0, 0 // for the table alone
		if !reflect.DeepEqual(*c, want) {
			t.Errorf("read back: %+v\nwant %+v", *c, want)
		}
	}
	if !reflect.DeepEqual(got.Machine, r.Machine) || got.Cases[0].Setting != r.Cases[0].Setting {
		t.Errorf("read back: %+v, %+v", got.Machine, got.Cases[0].Setting)
	}
}

func TestSignificant(t *testing.T) {
	for seconds, want := range map[float64]string{1234.5: "1234", 123.45: "123.5", 12.345: "12.35", 1.2345: "1.234", 0.12345: "0.1235", 0.012345: "0.01235"} {
		if got := significant(seconds); got != want {
			t.Errorf("%g is written %s, want %s", seconds, got, want)
		}
	}
}
