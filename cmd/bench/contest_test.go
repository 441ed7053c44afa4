package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"cyclegan/infer/pixels"
)

// fake takes turns of given lengths.
type fake struct {
	name    string
	seconds []float64
	memory  int64
	fails   int // the turn that fails, counted from 1; 0 for none
	taken   int
	turns   *[]string
}

func (f *fake) turn(context.Context) (float64, error) {
	*f.turns = append(*f.turns, f.name)
	f.taken++
	if f.taken == f.fails {
		return 0, errors.New("it broke")
	}
	return f.seconds[f.taken-1], nil
}

func (f *fake) peak() int64 { return f.memory }
func (f *fake) close()      {}

func TestAlternate(t *testing.T) {
	var turns []string
	us := &fake{name: "ours", seconds: []float64{2, 8, 4}, memory: 100, turns: &turns}
	fast := &fake{name: "fast", seconds: []float64{1, 1, 1}, memory: 150, turns: &turns}
	broken := &fake{name: "broken", seconds: []float64{9}, fails: 2, turns: &turns}
	results := []*result{{Name: "ours"}, {Name: "fast"}, {Name: "broken"}, {Name: "absent", Skipped: "not installed"}}
	ended := 0
	err := alternate(t.Context(), []runner{us, fast, broken, nil}, results, 3, 2, func(int, *result) { ended++ })
	if err != nil {
		t.Fatal(err)
	}
	if want := "ours fast broken ours fast broken ours fast"; strings.Join(turns, " ") != want || ended != 7 {
		t.Errorf("turns %v, %d of them reported; want %s", turns, ended, want)
	}
	if r := results[0]; r.spread != (spread{2, 1, 4}) || r.Ratio != 1 || !slices.Equal(r.Samples, []float64{1, 4, 2}) {
		t.Errorf("ours: %+v", r)
	}
	if r := results[1]; r.Ratio != 0.25 || r.PeakBytes != 150 {
		t.Errorf("fast: %+v", r)
	}
	if r := results[2]; r.Skipped != "it broke" || r.Samples != nil || r.Ratio != 0 {
		t.Errorf("broken: %+v", r)
	}
}

func TestAlternateWithoutOurs(t *testing.T) {
	us := &fake{name: "ours", fails: 1, turns: new([]string)}
	err := alternate(t.Context(), []runner{us}, []*result{{Name: "ours"}}, 1, 1, func(int, *result) {})
	if err == nil || !strings.Contains(err.Error(), "it broke") {
		t.Errorf("error %v", err)
	}
}

func TestAlternateInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var turns []string
	us := &fake{name: "ours", seconds: []float64{1, 1}, turns: &turns}
	err := alternate(ctx, []runner{us}, []*result{{Name: "ours"}}, 2, 1, func(int, *result) { cancel() })
	if !errors.Is(err, context.Canceled) || len(turns) != 1 {
		t.Errorf("error %v after %d turns", err, len(turns))
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		samples []float64
		want    spread
	}{
		{[]float64{3}, spread{3, 3, 3}},
		{[]float64{4, 1}, spread{2.5, 1, 4}},
		{[]float64{9, 1, 2}, spread{2, 1, 9}},
		{[]float64{4, 3, 2, 100}, spread{3.5, 2, 100}},
	} {
		if got := spreadOf(c.samples); got != c.want {
			t.Errorf("spread of %v is %v, want %v", c.samples, got, c.want)
		}
	}
}

// checkDisagreement compares an error with the part of its text that is expected, "" for no error.
func checkDisagreement(t *testing.T, name string, err error, want string) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("%s: error %v, want %q", name, err, want)
	}
}

func TestLossesAgree(t *testing.T) {
	us := [][]float64{{1, 2}, {4, 8}}
	for _, c := range []struct {
		name       string
		theirs     [][]float64
		precision  string
		wrong      string
		difference float64
	}{
		{"equal", [][]float64{{1, 2}, {4, 8}}, "f32", "", 0},
		{"close", [][]float64{{1, 2.01}, {4, 8}}, "f32", "", 0.005},
		{"far", [][]float64{{1, 2}, {3.8, 8}}, "f32", "differs from ours by 0.05;", 0.05},
		{"close for bf16", [][]float64{{1, 2}, {3.8, 8}}, "bf16", "", 0.05},
		{"far for bf16", [][]float64{{1, 2}, {3, 8}}, "bf16", "differs from ours by 0.25;", 0.25},
		{"NaN", [][]float64{{1, 2}, {math.NaN(), 8}}, "bf16", "NaN", -1},
		{"one step", [][]float64{{1, 2}}, "f32", "1 steps, ours 2", -1},
		{"one loss", [][]float64{{1, 2}, {4}}, "f32", "1 losses", -1},
	} {
		r := &result{}
		checkDisagreement(t, c.name, r.agreeLosses(us, c.theirs, c.precision), c.wrong)
		switch {
		case c.difference < 0:
			if r.Difference != nil {
				t.Errorf("%s: difference %v, want none", c.name, *r.Difference)
			}
		case r.Difference == nil || math.Abs(*r.Difference-c.difference) > 1e-9 || r.Of != ofLosses:
			t.Errorf("%s: %+v, want a difference of %g", c.name, r, c.difference)
		}
	}
}

func TestOutputsAgree(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, values ...float32) string {
		path := filepath.Join(dir, name)
		if err := writeFloats(path, values); err != nil {
			t.Fatal(err)
		}
		return path
	}
	us := file("ours", -1, 0, 0.5)
	for _, c := range []struct{ path, wrong string }{
		{file("same", -1, 0, 0.5), ""},
		{file("near", -1, 0.001, 0.5), ""},
		{file("far", -1, 0.25, 0.5), "differs from ours by 0.25"},
		{file("NaN", -1, float32(math.NaN()), 0.5), "NaN"},
		{file("short", -1, 0), "2 values, ours 3"},
		{filepath.Join(dir, "missing"), "missing"},
	} {
		checkDisagreement(t, filepath.Base(c.path), new(result).agreeOutputs(us, c.path), c.wrong)
	}
}

func TestFilesAgree(t *testing.T) {
	dir := t.TempDir()
	write := func(folder string, side int, gray uint8) string {
		img := image.NewNRGBA(image.Rect(0, 0, side, side))
		for i := range side * side {
			img.SetNRGBA(i%side, i/side, color.NRGBA{gray, gray, gray, 255})
		}
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := pixels.Save(filepath.Join(dir, folder, "a.png"), img, pixels.SaveOptions{}); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, folder)
	}
	us := write("ours", 16, 100)
	for _, c := range []struct{ folder, wrong string }{
		{write("near", 16, 102), ""},
		{write("far", 16, 140), "its files differ from ours by 40 levels"},
		{write("small", 12, 100), "differ in size"},
		{filepath.Join(dir, "empty"), "a.png"},
	} {
		checkDisagreement(t, filepath.Base(c.folder), agreeFiles(us, c.folder), c.wrong)
	}
}

var update = flag.Bool("update", false, "write the golden texts")

// exampleReport has a peer that was timed and one that was not.
func exampleReport() *report {
	d := 0.00123
	c := comparison{Title: settingsOf(workStep, setting{Rounds: 3, Threads: 2})[0].String(), Unit: "seconds per step", Results: []*result{
		{Name: ours, Title: "ours", spread: spread{2.45, 2.4, 2.5}, Ratio: 1, PeakBytes: 1 << 30},
		{Name: "pytorch", Title: "PyTorch", spread: spread{2.7, 2.6, 2.8}, Ratio: 1.102, Difference: &d, Of: ofLosses, PeakBytes: 900 << 20},
		{Name: "tensorflow", Title: "TensorFlow from Python", spread: spread{123.4, 0.0123, 1234}, Ratio: 50.37},
		{Name: "pytorch_compile", Title: "PyTorch, torch.compile", Skipped: "not installed"},
	}}
	g := curve{axis: axis{workConvert, "images", []int{1, 10, 100}}, Points: []point{
		{Setting: setting{Work: workConvert, Images: 1}, StartSeconds: 2, Samples: []float64{0.5, 1, 2}, PeakBytes: 100 << 20},
		{Setting: setting{Work: workConvert, Images: 10}, Failed: "killed"},
		{Setting: setting{Work: workConvert, Images: 100}, StartSeconds: 2, Samples: []float64{1}},
	}}
	return &report{
		Machine:  machine{CPU: "Example 9000", Processors: 2, Threads: 2, OS: "linux", Arch: "amd64", Bytes: 24 << 30, Load: 4.5},
		Versions: map[string]string{"PyTorch": "2.0", "Go": "1.26"},
		Cases:    []comparison{c},
		Growth:   []curve{g},
	}
}

func TestReport(t *testing.T) {
	r := exampleReport()
	var text bytes.Buffer
	r.Machine.print(&text)
	r.Cases[0].print(&text)
	r.Growth[0].print(&text)
	r.printVersions(&text)
	golden := filepath.Join("testdata", "report.golden")
	if *update {
		if err := os.WriteFile(golden, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if text.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", text.String(), want)
	}
}

func TestReportJSON(t *testing.T) {
	r := exampleReport()
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
		t.Errorf("standard output differs from the file (%v)", err)
	}
	got := &report{}
	if err := json.Unmarshal(data, got); err != nil {
		t.Fatal(err)
	}
	r.Cases[0].Setting = got.Cases[0].Setting
	if !reflect.DeepEqual(got, r) {
		t.Errorf("got %+v\nwant %+v", got, r)
	}
}

func TestSignificant(t *testing.T) {
	for seconds, want := range map[float64]string{1234.5: "1234", 123.45: "123.5", 12.345: "12.35", 1.2345: "1.234", 0.12345: "0.1235", 0.012345: "0.01235"} {
		if got := significant(seconds); got != want {
			t.Errorf("%g is written as %s, want %s", seconds, got, want)
		}
	}
}

func TestPeakMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "status")
	const text = "processor\t: 0\nmodel name\t: Example 9000: fast\nMemTotal:       1024 kB\nmodel name\t: another\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := field(path, "model name"); got != "Example 9000: fast" {
		t.Errorf("model name %q", got)
	}
	if got := kilobytes(path, "MemTotal"); got != 1<<20 {
		t.Errorf("MemTotal of %d bytes", got)
	}
	if got := kilobytes(path, "MemFree") + kilobytes(path+"x", "MemTotal"); got != 0 {
		t.Errorf("missing fields have %d bytes", got)
	}
}
