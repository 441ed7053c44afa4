package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"cyclegan/cmd/bench/predict"
	"cyclegan/infer/pixels/atomicfile"
)

// The files of a study.
const (
	studyFile   = "growth.json"
	partialFile = "growth.partial.json"
	tableFile   = "table.md"
)

// A study is everything that was measured of how time and memory grow.
type study struct {
	Machine  machine           `json:"machine"`
	Versions map[string]string `json:"versions"`
	// Base has a setting for each work, which all others differ from in one number.
	Base []setting `json:"base"`
	Axes []axis    `json:"axes"`
	// Peaks are by work, since each has another library.
	Peaks  map[string]predict.Peaks `json:"peaks"`
	Points []*point                 `json:"points"`
	// Constants are by work.
	Constants map[string]constants `json:"constants"`
}

// constants is what was fitted, one number for each quantity of a work.
type constants struct {
	Factor float64 `json:"factor"`                  // of the time at the peaks
	Bytes  float64 `json:"bytes"`                   // in each process
	Start  float64 `json:"start_seconds,omitempty"` // of a program, before the first picture
}

func (s *study) base(work string) setting {
	for _, b := range s.Base {
		if b.Work == work {
			return b
		}
	}
	return setting{}
}

// point is what was measured of a setting on an axis, nil if nothing was. On
// the axis of pictures the start counts, which others measure once.
func (s *study) point(a axis, set setting) *point {
	for _, p := range s.Points {
		if p.Setting == set && p.Started == (a.Name == axisPictures) {
			return p
		}
	}
	return nil
}

// along is the points of an axis that have numbers, by its values.
func (s *study) along(a axis) (values []int, points []*point) {
	for _, v := range a.Values {
		set, err := a.at(s.base(a.Work), v)
		if err != nil {
			continue
		}
		if p := s.point(a, set); p != nil && p.Failed == "" {
			values, points = append(values, v), append(points, p)
		}
	}
	return values, points
}

// seconds is what a point says on an axis: seconds a step or a picture, and on
// the axis of pictures the start's share with it, once for each turn.
func (a axis) seconds(p *point) []float64 {
	samples := append([]float64(nil), p.Samples...)
	if a.Name == axisPictures {
		for i := range samples {
			samples[i] += p.Starts[i] / float64(p.Setting.Pictures)
		}
	}
	return samples
}

// predicted is the model's word on the same.
func (a axis) predicted(p *point, c constants) float64 {
	if a.Name == axisPictures {
		return p.Predicted.Seconds + c.Start/float64(p.Setting.Pictures)
	}
	return p.Predicted.Seconds
}

// predict fits the constants and says of each point what the model says.
func (s *study) predict() error {
	s.Constants = map[string]constants{}
	for _, base := range s.Base {
		if err := s.predictWork(base.Work); err != nil {
			return err
		}
	}
	return nil
}

func (s *study) predictWork(work string) error {
	var c constants
	var seconds, measured, bytes, peaks []float64
	var points []*point
	for _, p := range s.Points {
		if p.Setting.Work != work {
			continue
		}
		var err error
		if p.Takes, err = p.Setting.takes(p.Tiling); err != nil {
			return fmt.Errorf("%s: %w", p.Setting, err)
		}
		if p.Failed != "" {
			continue
		}
		points = append(points, p)
		if !p.Started && p.Tiling == nil { // how often tiles are computed is an assumption
			seconds, measured = append(seconds, s.Peaks[work].Seconds(p.Takes)), append(measured, spreadOf(p.Samples).Median)
		}
		if p.PeakBytes > 0 {
			bytes, peaks = append(bytes, p.Takes.Memory), append(peaks, float64(p.PeakBytes))
		}
	}
	c.Factor, c.Bytes = predict.Factor(seconds, measured), predict.Constant(bytes, peaks)
	var totals, took []float64
	for _, p := range points {
		p.Predicted = s.says(work, p.Takes, c)
		if p.Started {
			n := float64(p.Setting.Pictures)
			starts, samples := spreadOf(p.Starts), spreadOf(p.Samples)
			totals, took = append(totals, n*p.Predicted.Seconds), append(took, starts.Median+n*samples.Median)
		}
	}
	c.Start = predict.Constant(totals, took)
	s.Constants[work] = c
	return nil
}

// says is what the model says of a work with these constants.
func (s *study) says(work string, w predict.Work, c constants) predicted {
	return predicted{Seconds: s.Peaks[work].Seconds(w) * c.Factor, Bytes: w.Memory + c.Bytes}
}

// works are those that the study has a base of.
func (s *study) works() []string {
	var works []string
	for _, b := range s.Base {
		works = append(works, b.Work)
	}
	return works
}

// save writes all files of the study.
func (s *study) save(dir string) error {
	for _, w := range s.works() {
		path := filepath.Join(dir, w+".png")
		if err := atomicfile.Write(path, func(out io.Writer) error { return s.draw(out, w) }); err != nil {
			return fmt.Errorf("write %q: %w", path, err)
		}
	}
	path := filepath.Join(dir, tableFile)
	if err := atomicfile.Write(path, s.printTables); err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}
	return s.write(filepath.Join(dir, studyFile))
}

// write writes the numbers.
func (s *study) write(path string) error {
	data, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}
	err = atomicfile.Write(path, func(w io.Writer) error { _, err := w.Write(append(data, '\n')); return err })
	if err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}
	return nil
}

// readStudy reads what write wrote.
func readStudy(path string) (*study, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read what was measured: %w", err)
	}
	s := &study{}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("read what was measured in %q: %w", path, err)
	}
	return s, nil
}
