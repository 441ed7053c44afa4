package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// runner is a contender that is ready to take its turns.
type runner interface {
	// turn does the work of one turn and returns the seconds it took.
	turn(ctx context.Context) (float64, error)
	// peak is the peak memory of the process in bytes, 0 if unknown.
	peak() int64
	close()
}

// result is the outcome of one contender.
type result struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	// Skipped says why it was not timed; empty if it was.
	Skipped string `json:"left_out,omitempty"`
	// Difference is the largest difference of its results from ours, in the unit Of.
	Difference *float64 `json:"difference,omitempty"`
	Of         string   `json:"difference_of,omitempty"`
	// Samples are the seconds per unit, one for each turn.
	Samples []float64 `json:"samples,omitempty"`
	spread
	Ratio     float64 `json:"ratio,omitempty"` // of the medians, over ours
	PeakBytes int64   `json:"peak_bytes,omitempty"`
}

// spread summarizes samples.
type spread struct {
	Median float64 `json:"median,omitempty"`
	Min    float64 `json:"min,omitempty"`
	Max    float64 `json:"max,omitempty"`
}

// spreadOf summarizes at least one sample.
func spreadOf(samples []float64) spread {
	s := slices.Sorted(slices.Values(samples))
	n := len(s)
	return spread{Median: (s[(n-1)/2] + s[n/2]) / 2, Min: s[0], Max: s[n-1]}
}

// contest is a comparison in progress.
type contest struct {
	files    *files
	python   string
	shared   spec
	versions map[string]string
	losses   [][]float64 // of our first steps
}

// say reports progress on standard error; results go to standard output.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// compare starts the contenders of a setting, checks that their results agree, and times them.
func compare(ctx context.Context, f *files, python string, s setting, versions map[string]string) (*comparison, error) {
	say("%s", s)
	shared, err := f.spec(s)
	if err != nil {
		return nil, err
	}
	t := &contest{files: f, python: python, shared: shared, versions: versions}
	list := s.contenders()
	if python == "" {
		list = list[:1]
	}
	exportByPyTorch := sync.OnceValue(func() error { return t.exportByPyTorch(ctx) })
	var runners []runner
	defer func() {
		for _, p := range runners {
			if p != nil {
				p.close()
			}
		}
	}()
	var results []*result
	for _, n := range list {
		r := &result{Name: n.Name, Title: n.Title}
		var p runner
		var err error
		if n.Model {
			err = exportByPyTorch()
		}
		if err == nil {
			p, err = t.enter(ctx, n, r)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			r.Skipped = err.Error()
			say("  %s: not timed: %s", n.Title, r.Skipped)
		}
		runners, results = append(runners, p), append(results, r)
	}
	err = alternate(ctx, runners, results, s.Rounds, s.units(), func(round int, r *result) {
		if round == 0 {
			t.checkFiles(r)
		}
		if r.Skipped == "" {
			say("  round %d of %d: %s %s", round+1, s.Rounds, r.Title, significant(r.Samples[len(r.Samples)-1]))
		}
	})
	return &comparison{Title: s.String(), Setting: s, Unit: s.unit(), Results: results}, err
}

// enter starts a contender and compares its first results with ours.
func (t *contest) enter(ctx context.Context, n contender, r *result) (runner, error) {
	s := t.shared
	s.Contender, s.Out = n.Name, t.out(n.Name)
	s.CheckOutput = filepath.Join(s.dir, n.Name+".f32")
	say("  %s: starting", n.Title)
	log := filepath.Join(s.dir, n.Name+".log")
	if s.Work == workCold {
		p := &starter{command: t.coldCommand(n, s), log: log}
		_, err := p.turn(ctx) // untimed, so that the system's cache is warm for all
		return p, err
	}
	cmd := exec.CommandContext(ctx, t.python, t.files.path("peers", n.Script))
	if n.Script == "" {
		cmd = t.files.worker(ctx, s.Work)
	}
	p, ready, err := startResident(cmd, s, log)
	if err != nil {
		return nil, err
	}
	maps.Copy(t.versions, ready.Versions)
	switch {
	case n.Name == ours:
		t.losses = ready.Losses
	case s.Work == workStep:
		err = r.agreeLosses(t.losses, ready.Losses, s.Precision)
	default:
		err = r.agreeOutputs(filepath.Join(s.dir, ours+".f32"), s.CheckOutput)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (t *contest) out(name string) string { return filepath.Join(t.shared.dir, "out", name) }

// coldCommand returns the command that converts the first image.
func (t *contest) coldCommand(n contender, s spec) []string {
	image := filepath.Join(s.In, imageName(0))
	if n.Script == "" {
		return []string{t.files.infer, "-model", s.Model, "-in", image, "-out", s.Out, "-threads", fmt.Sprint(s.Threads)}
	}
	data, err := json.Marshal(s)
	if err != nil {
		panic(err) // it holds only strings and numbers
	}
	return []string{t.python, t.files.path("peers", n.Script), string(data), image, filepath.Join(s.Out, imageName(0))}
}

// checkFiles compares the files of a contender's first turn with ours.
func (t *contest) checkFiles(r *result) {
	if t.shared.Work == workStep || r.Name == ours {
		return
	}
	if err := agreeFiles(t.out(ours), t.out(r.Name)); err != nil {
		r.Skipped, r.Samples = err.Error(), nil
		say("  %s: not timed: %v", r.Title, err)
	}
}

// exportByPyTorch writes PyTorch's own ONNX model of our weights.
func (t *contest) exportByPyTorch(ctx context.Context) error {
	say("  PyTorch exports its ONNX model")
	cmd := exec.CommandContext(ctx, t.python, t.files.path("peers", "export.py"))
	p, ready, err := startResident(cmd, t.shared, filepath.Join(t.shared.dir, "export.log"))
	if err != nil {
		return fmt.Errorf("PyTorch's ONNX export failed: %w", err)
	}
	maps.Copy(t.versions, ready.Versions)
	p.close()
	return nil
}

// pause between turns lets the previous contender come to rest.
const pause = 200 * time.Millisecond

// alternate lets the runners take turns and completes their results. A runner that is nil or fails
// has no further turns. The first result is ours. Alternate calls after when a turn has ended well.
func alternate(ctx context.Context, runners []runner, results []*result, rounds, units int, after func(round int, r *result)) error {
	for round := range rounds {
		for i, p := range runners {
			if results[i].Skipped != "" {
				continue
			}
			seconds, err := p.turn(ctx)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				results[i].Skipped, results[i].Samples = err.Error(), nil
				continue
			}
			results[i].Samples = append(results[i].Samples, seconds/float64(units))
			after(round, results[i])
			time.Sleep(pause)
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	us := results[0]
	if us.Skipped != "" {
		return fmt.Errorf("measure our own side: %s", us.Skipped)
	}
	for i, r := range results {
		if r.Skipped != "" {
			continue
		}
		r.spread = spreadOf(r.Samples)
		r.Ratio = r.Median / us.Median
		r.PeakBytes = runners[i].peak()
	}
	return nil
}
