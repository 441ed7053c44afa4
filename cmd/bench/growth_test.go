package main

import (
	"bytes"
	"fmt"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"cyclegan/cmd/bench/predict"
)

// grown is a study whose measurements are the model's own with what is given: a
// factor of the time, seconds of the start, and bytes.
func grown(t *testing.T, add constants) *study {
	t.Helper()
	g, err := parseGrowth([]string{"-o", "x", "-threads", "2", "-netG", "resnet_6blocks", "-ngf", "8", "-ndf", "8", "-size", "64",
		"-grow", "step.size=32,64,128 step.batch_size=1,2 convert.size=64,128,256 convert.pictures=1,10,100"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	s := &study{
		Machine:  machine{CPU: "Example 9000", Processors: 2, Threads: 2, OS: "linux", Arch: "amd64", Bytes: 24 << 30, Load: 0.1},
		Versions: map[string]string{"Go": "1.26", "ONNX Runtime": "1.0"},
		Base:     g.settings, Axes: g.axes,
		Peaks: map[string]predict.Peaks{workStep: {FLOPs: 2e11, Bandwidth: 3e10}, workConvert: {FLOPs: 1e11, Bandwidth: 3e10}},
	}
	for _, a := range s.Axes {
		for _, v := range a.Values {
			set, err := a.at(s.base(a.Work), v)
			if err != nil {
				t.Fatal(err)
			}
			if s.point(a, set) != nil {
				continue
			}
			p := &point{Setting: set, Started: a.Name == axisPictures}
			if a.Work == workConvert && v == 256 {
				p.Tiling = &tiling{Tiles: 4, Width: 160, Height: 160}
			}
			w, err := set.takes(p.Tiling)
			if err != nil {
				t.Fatal(err)
			}
			seconds := s.Peaks[a.Work].Seconds(w) * add.Factor
			p.Starts = []float64{add.Start, add.Start, add.Start}
			p.Samples = []float64{seconds * 1.01, seconds, seconds * 0.99}
			p.PeakBytes = int64(w.Memory + add.Bytes)
			s.Points = append(s.Points, p)
		}
	}
	return s
}

// The constants that were put into the measurements are found in them, and the
// model then says what was measured.
func TestStudyFindsConstants(t *testing.T) {
	want := constants{Factor: 1.5, Bytes: 3e8, Start: 0.7}
	s := grown(t, want)
	if err := s.predict(); err != nil {
		t.Fatal(err)
	}
	near := func(a, b float64) bool { return math.Abs(a-b) < 1e-6*max(a, b) }
	for _, w := range s.works() {
		c := s.Constants[w]
		if !near(c.Factor, want.Factor) || !near(c.Bytes, want.Bytes) || w == workConvert && !near(c.Start, want.Start) || w == workStep && c.Start != 0 {
			t.Errorf("%s: constants %+v, want %+v", w, c, want)
		}
	}
	for _, a := range s.Axes {
		values, points := s.along(a)
		if !slices.Equal(values, a.Values) {
			t.Errorf("%s has points at %v, want %v", a, values, a.Values)
		}
		for i, p := range points {
			measured, model := spreadOf(a.seconds(p)).Median, a.predicted(p, s.Constants[a.Work])
			if !near(measured, model) || !near(float64(p.PeakBytes), p.Predicted.Bytes) {
				t.Errorf("%s=%d: %g s and %d bytes, the model says %g s and %.0f", a, values[i], measured, p.PeakBytes, model, p.Predicted.Bytes)
			}
		}
	}
}

// What starts a process anew counts its start, shared by its pictures.
func TestAxisOfPictures(t *testing.T) {
	p := &point{Setting: setting{Work: workConvert, Pictures: 10}, Starts: []float64{2, 4}, Samples: []float64{1, 1}, Started: true, Predicted: predicted{Seconds: 0.5}}
	a := axis{Work: workConvert, Name: axisPictures}
	if got := a.seconds(p); !slices.Equal(got, []float64{1.2, 1.4}) {
		t.Errorf("seconds a picture %v, want 1.2 and 1.4", got)
	}
	if got := a.predicted(p, constants{Start: 1}); got != 0.6 {
		t.Errorf("predicted %g, want 0.6", got)
	}
	if a.Name = "size"; a.seconds(p)[0] != 1 {
		t.Errorf("on the axis of sizes %v", a.seconds(p))
	}
}

func TestStudyTables(t *testing.T) {
	s := grown(t, constants{Factor: 1.5, Bytes: 3e8, Start: 0.7})
	s.Machine.Load = 1.5
	s.Points[0].PeakBytes = 0 // unknown
	s.Points[1].Failed = "killed"
	if err := s.predict(); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := s.printTables(&text); err != nil {
		t.Fatal(err)
	}
	text.WriteString("\n")
	s.printShort(&text)
	checkGolden(t, "growth.golden", text.Bytes())
	if err := s.failures(); err == nil || !strings.Contains(err.Error(), "64 px") || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the setting that failed is told as %v", err)
	}
}

// All files are there, the plots with their lines and marks.
func TestStudySave(t *testing.T) {
	s := grown(t, constants{Factor: 1.5, Bytes: 3e8, Start: 0.7})
	if err := s.predict(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := s.save(dir); err != nil {
		t.Fatal(err)
	}
	for _, work := range s.works() {
		data, err := os.ReadFile(filepath.Join(dir, work+".png"))
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		b := img.Bounds()
		if math.Abs(float64(b.Dx()-(2*plotColumn+plotEdge))) > 1 || math.Abs(float64(b.Dy()-(2*plotRow+plotHead))) > 1 {
			t.Errorf("%s.png is of %v", work, b)
		}
		model, ink := 0, 0
		for y := b.Min.Y + plotHead; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				r, g, b, _ := img.At(x, y).RGBA()
				switch fmt.Sprint(r>>8, g>>8, b>>8) {
				case fmt.Sprint(plotModel.R, plotModel.G, plotModel.B):
					model++
				case fmt.Sprint(plotInk.R, plotInk.G, plotInk.B):
					ink++
				}
			}
		}
		if model < 200 || ink < 200 {
			t.Errorf("%s.png has %d pixels of the model's lines and %d of marks", work, model, ink)
		}
	}
	again, err := readStudy(filepath.Join(dir, studyFile))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again, s) {
		t.Errorf("%s holds\n%+v\nwant\n%+v", studyFile, again, s)
	}
}

// A study without a single point, or with one, can be drawn.
func TestStudyOfLittle(t *testing.T) {
	for n := range 2 {
		s := grown(t, constants{Factor: 1})
		s.Points = s.Points[:n]
		if err := s.predict(); err != nil {
			t.Fatal(err)
		}
		if err := s.save(t.TempDir()); err != nil {
			t.Errorf("%d points: %v", n, err)
		}
	}
}

// What a broken off measurement has left is taken up on the same machine alone.
func TestGrowthResumes(t *testing.T) {
	g, err := parseGrowth([]string{"-o", "x", "-threads", "1", "-grow", "convert.ngf=2,4"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), partialFile)
	first := g.begin(path)
	if len(first.Points) > 0 || len(first.Peaks) > 0 {
		t.Fatalf("nothing was measured, but there is %+v", first)
	}
	set, err := g.axes[0].at(first.base(workConvert), 2)
	if err != nil {
		t.Fatal(err)
	}
	failed := set
	failed.NGF = 4
	first.Points = []*point{{Setting: set, Samples: []float64{1}}, {Setting: failed, Failed: "killed"}}
	first.Peaks[workConvert] = predict.Peaks{FLOPs: 1, Bandwidth: 2}
	first.Versions["ONNX Runtime"] = "1.0"
	if err := first.write(path); err != nil {
		t.Fatal(err)
	}
	second := g.begin(path)
	if second.point(g.axes[0], set) == nil || second.point(g.axes[0], failed) != nil || second.Peaks[workConvert].FLOPs != 1 || second.Versions["ONNX Runtime"] != "1.0" {
		t.Errorf("of what was measured there is %+v", second)
	}
	g.settings[0].Threads = 2
	if third := g.begin(path); len(third.Points) > 0 || len(third.Peaks) > 0 {
		t.Errorf("with other threads there is %+v", third)
	}
}

func TestParseAxes(t *testing.T) {
	axes, err := parseAxes("step.size=128,64,64 convert.pictures=3")
	want := []axis{{workStep, "size", []int{64, 128}}, {workConvert, axisPictures, []int{3}}}
	if err != nil || !reflect.DeepEqual(axes, want) {
		t.Errorf("%+v, %v, want %+v", axes, err, want)
	}
	for list, word := range map[string]string{
		"":                                "name what grows",
		"step.size":                       "and = with numbers",
		"step.pictures=1":                 "it is one of step.size, step.batch_size, step.ngf, convert.size",
		"fly.size=64":                     "it is one of",
		"step.ngf=0":                      `"0" is no number`,
		"step.ngf=":                       `"" is no number`,
		"convert.size=30":                 "size 30: it is a multiple of 4",
		"step.ngf=2 step.ngf=4":           "it is there twice",
		"step.ngf=x convert.pictures=one": `"x" is no number`,
	} {
		if _, err := parseAxes(list); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: %v, want %q", list, err, word)
		}
	}
	if _, err := parseAxes(defaultAxes); err != nil {
		t.Error(err)
	}
}

// Turns have work for some seconds, whatever grows.
func TestAxisAt(t *testing.T) {
	g, err := parseGrowth([]string{"-o", "x"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		axis        axis
		value       int
		size, units int
	}{
		{axis{workStep, "size", nil}, 128, 128, 2},
		{axis{workStep, "size", nil}, 64, 64, 11},
		{axis{workStep, "batch_size", nil}, 8, 128, 1},
		{axis{workConvert, "size", nil}, 256, 256, 10},
		{axis{workConvert, "size", nil}, 128, 128, mostUnits},
		{axis{workConvert, "size", nil}, 2048, 2048, 1},
		{axis{workConvert, axisPictures, nil}, 200, 256, 200},
	} {
		base := g.settings[slices.Index(g.works(), c.axis.Work)]
		s, err := c.axis.at(base, c.value)
		if err != nil || s.Size != c.size || s.units() != c.units {
			t.Errorf("%s=%d: %+v, %v; want %d px, %d units", c.axis, c.value, s, err, c.size, c.units)
		}
	}
}
