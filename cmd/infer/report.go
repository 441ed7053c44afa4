package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"cyclegan/infer"
)

// report is the summary that -json writes. Where two generators have run, it is the sum of both, and each has a part of its own.
type report struct {
	Status int    `json:"exit_status"`
	Error  string `json:"error,omitempty"`
	results
	Parts []results `json:"parts,omitempty"`
}

// results is what one generator has made.
type results struct {
	Model     *modelReport `json:"model,omitempty"`
	Inputs    []string     `json:"inputs"`
	Output    string       `json:"output,omitempty"`
	Total     int          `json:"total"`
	Converted int          `json:"converted"`
	Skipped   int          `json:"skipped"`
	Left      int          `json:"left"`
	Failed    []failure    `json:"failed"`
	Renamed   []renaming   `json:"renamed"`
	Seconds   float64      `json:"seconds"`
	Rate      float64      `json:"pictures_per_second"`
}

type modelReport struct {
	Path         string `json:"path"`
	Direction    string `json:"direction,omitempty"`
	DomainFrom   string `json:"domain_from,omitempty"`
	DomainTo     string `json:"domain_to,omitempty"`
	Architecture string `json:"architecture,omitempty"`
	Step         int64  `json:"step,omitempty"`
	Runtime      string `json:"onnxruntime,omitempty"`
	Provider     string `json:"provider,omitempty"`
	Threads      int    `json:"threads,omitempty"`
}

type failure struct {
	Path  string `json:"path"`
	Error string `json:"error"`
}

type renaming struct {
	Input  string `json:"input"`
	Output string `json:"output"`
}

func (m *modelReport) fill(i infer.Info) {
	m.Direction, m.DomainFrom, m.DomainTo, m.Architecture, m.Step = i.Direction, i.DomainFrom, i.DomainTo, i.Architecture, i.Step
	m.Runtime, m.Provider, m.Threads = i.Runtime, i.Provider, i.Threads
}

// begin says what is about to run, which may fail before there are results.
func (r *report) begin(jobs []job) {
	for i := range jobs {
		r.Parts = append(r.Parts, results{Model: &modelReport{Path: jobs[i].model}, Inputs: jobs[i].inputs, Output: jobs[i].output})
	}
	r.sum()
}

func (r *report) part(i int) *results { return &r.Parts[i] }

// sum brings the report up to its parts.
func (r *report) sum() {
	if len(r.Parts) == 1 {
		r.results = r.Parts[0]
		return
	}
	r.results = results{Output: filepath.Dir(r.Parts[0].Output)}
	for _, p := range r.Parts {
		r.Inputs = append(r.Inputs, p.Inputs...)
		r.Total, r.Converted, r.Skipped, r.Left = r.Total+p.Total, r.Converted+p.Converted, r.Skipped+p.Skipped, r.Left+p.Left
		r.Failed, r.Renamed = append(r.Failed, p.Failed...), append(r.Renamed, p.Renamed...)
		r.Seconds += p.Seconds
	}
	r.Rate = rate(r.Converted, r.Seconds)
}

func (r *results) plan(p *infer.Plan) {
	for _, j := range p.Renamed {
		r.Renamed = append(r.Renamed, renaming(j))
	}
}

func (r *results) summary(s *infer.Summary) {
	r.Total, r.Converted, r.Skipped, r.Left, r.Seconds = s.Total, s.Converted, s.Skipped, s.Left, s.Elapsed.Seconds()
	r.Rate = rate(s.Converted, r.Seconds)
	for _, f := range s.Failed {
		r.Failed = append(r.Failed, failure{f.Path, f.Err.Error()})
	}
}

// write puts the report to a file, or to stdout where path is "-".
func (r *report) write(path string, stdout io.Writer) error {
	if path == "" {
		return nil
	}
	r.fillLists()
	if len(r.Parts) == 1 {
		r.Parts = nil
	}
	for i := range r.Parts {
		r.Parts[i].fillLists()
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	data = append(data, '\n')
	if path == "-" {
		_, err = stdout.Write(data)
	} else {
		err = os.WriteFile(path, data, 0o666)
	}
	if err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

// fillLists makes empty lists of absent ones, for programs that go through them.
func (r *results) fillLists() {
	if r.Inputs == nil {
		r.Inputs = []string{}
	}
	if r.Failed == nil {
		r.Failed = []failure{}
	}
	if r.Renamed == nil {
		r.Renamed = []renaming{}
	}
}

func rate(converted int, seconds float64) float64 {
	if converted == 0 || seconds <= 0 {
		return 0
	}
	return float64(converted) / seconds
}

// printSummary says in a line what became of the pictures.
func printSummary(w io.Writer, output string, s *infer.Summary) {
	parts := []string{count(s.Converted, "picture") + " converted"}
	for _, n := range []struct {
		n    int
		what string
	}{{s.Skipped, "there already"}, {len(s.Failed), "failed"}, {s.Left, "left"}} {
		if n.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n.n, n.what))
		}
	}
	fmt.Fprintf(w, "%s, in %v (%.3g a second), to %s\n", strings.Join(parts, ", "), s.Elapsed.Round(10*time.Millisecond), rate(s.Converted, s.Elapsed.Seconds()), output)
}
