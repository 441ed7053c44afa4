package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"cyclegan/cmd/bench/predict"
)

// A tiling is how a picture goes through the model where it is too large to go whole.
type tiling struct {
	Tiles  int `json:"tiles"`
	Width  int `json:"width"`
	Height int `json:"height"`
}

// A point is what was measured of one setting.
type point struct {
	Setting setting `json:"setting"`
	// Failed says why there are no numbers.
	Failed string `json:"failed,omitempty"`
	// Starts are seconds from the start of a process until it is ready.
	Starts []float64 `json:"start_seconds,omitempty"`
	// Samples are seconds a step or a picture, one for each turn; CPU is the
	// processor time in the same, 0 where that can't be told.
	Samples []float64 `json:"samples,omitempty"`
	CPU     []float64 `json:"cpu_samples,omitempty"`
	// PeakBytes is the most memory that its process has had, 0 if unknown.
	PeakBytes int64   `json:"peak_bytes,omitempty"`
	Tiling    *tiling `json:"tiling,omitempty"`
	// Started says that each turn had a process of its own.
	Started bool `json:"started"`

	// What follows from it, by the model.
	Takes     predict.Work `json:"takes"`
	Predicted predicted    `json:"predicted"`
}

// predicted is what the model says of a point.
type predicted struct {
	Seconds float64 `json:"seconds"` // a step or a picture, without the start
	Bytes   float64 `json:"bytes"`
}

// measureAll measures the peaks and all values, and keeps what it has.
func (g *growth) measureAll(ctx context.Context) (*study, error) {
	f, err := g.prepare(ctx)
	if err != nil {
		return nil, err
	}
	defer f.close()
	partial := filepath.Join(g.out, partialFile)
	s := g.begin(partial)
	s.Machine.print(os.Stderr)
	for _, w := range g.works() {
		if _, ok := s.Peaks[w]; ok {
			continue
		}
		if s.Peaks[w], err = g.measurePeaks(ctx, f, w, s.Versions); err != nil {
			return nil, fmt.Errorf("measure what this machine reaches at most: %w", err)
		}
		say("%s: at most %.0f GFLOP/s in a convolution, %.1f GB/s in copying memory", w, s.Peaks[w].FLOPs/1e9, s.Peaks[w].Bandwidth/1e9)
		if err := s.write(partial); err != nil {
			return nil, err
		}
	}
	for _, a := range g.axes {
		for _, value := range a.Values {
			set, err := a.at(s.base(a.Work), value)
			if err != nil {
				return nil, fmt.Errorf("%s=%d: %w", a, value, err)
			}
			if s.point(a, set) != nil {
				continue
			}
			say("%s=%d: %s", a, value, set)
			p := g.measure(ctx, f, set, a.Name == axisPictures, s.Versions)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if p.Failed != "" {
				say("  not measured: %s", p.Failed)
			} else {
				say("  %s %s, %s", significant(spreadOf(p.Samples).Median), set.unit(), memory(p.PeakBytes))
			}
			s.Points = append(s.Points, p)
			if err := s.write(partial); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// begin is a new study with what an earlier one on the same machine has left.
func (g *growth) begin(partial string) *study {
	s := &study{
		Machine: thisMachine(g.settings[0].Threads), Versions: versions(),
		Base: g.settings, Axes: g.axes, Peaks: map[string]predict.Peaks{},
	}
	before, err := readStudy(partial)
	if err != nil {
		return s
	}
	if !before.Machine.same(s.Machine) || before.Versions["Go"] != s.Versions["Go"] {
		say("note: %s is of another machine or Go, and measured anew", partial)
		return s
	}
	// What failed may have had too little memory for that time, and is tried again.
	s.Points = slices.DeleteFunc(before.Points, func(p *point) bool { return p.Failed != "" })
	say("going on with the %d values of %s", len(s.Points), partial)
	s.Peaks = before.Peaks
	maps.Copy(s.Versions, before.Versions)
	return s
}

// same says whether numbers of both can stand side by side.
func (m machine) same(n machine) bool {
	return m.CPU == n.CPU && m.Processors == n.Processors && m.Threads == n.Threads && m.OS == n.OS && m.Arch == n.Arch
}

// measure lets a setting have its turns. What goes wrong is kept in the point.
func (g *growth) measure(ctx context.Context, f *files, s setting, restart bool, versions map[string]string) *point {
	p := &point{Setting: s, Started: restart}
	own := &files{dir: f.path(fmt.Sprintf("%s_%d_%d_%d_%d", s.Work, s.Size, s.NGF, s.Batch, s.Pictures)), command: f.command}
	defer own.close()
	if err := g.turns(ctx, own, p, versions); err != nil {
		p.Failed = err.Error()
		p.Samples, p.CPU, p.Starts = nil, nil, nil
	}
	return p
}

func (g *growth) turns(ctx context.Context, f *files, p *point, versions map[string]string) error {
	s, err := f.spec(p.Setting)
	if err != nil {
		return err
	}
	s.Contender, s.Out = ours, f.path("out")
	s.CheckSteps = min(s.CheckSteps, 1) // one that prepares the rest
	self, err := os.Executable()
	if err != nil {
		return err
	}
	argument := workerArgument
	if s.tensorFlow() {
		argument = tensorFlowWorkerArgument
	}
	var r *resident
	defer func() {
		if r != nil {
			r.close()
		}
	}()
	begin := time.Now()
	for round := range s.Rounds {
		if round > 0 && time.Since(begin).Seconds() > g.budget {
			break
		}
		if r != nil && p.Started {
			r.close()
			r = nil
		}
		if r == nil {
			start := time.Now()
			var is *ready
			if r, is, err = startResident(ctx, s, f.path("log"), self, argument); err != nil {
				return err
			}
			p.Starts = append(p.Starts, time.Since(start).Seconds())
			maps.Copy(versions, is.Versions)
			p.Tiling = is.Tiling
		}
		before := r.cpu()
		seconds, err := r.round(ctx)
		if err != nil {
			return err
		}
		units := float64(s.units())
		p.Samples = append(p.Samples, seconds/units)
		p.CPU = append(p.CPU, (r.cpu()-before)/units)
		p.PeakBytes = max(p.PeakBytes, r.peak())
	}
	return nil
}
