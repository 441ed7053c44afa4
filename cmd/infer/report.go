package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"cyclegan/infer"
)

// report is the summary that -json writes.
type report struct {
	Status    int         `json:"exit_status"`
	Error     string      `json:"error,omitempty"`
	Model     modelReport `json:"model"`
	Inputs    []string    `json:"inputs"`
	Output    string      `json:"output"`
	Total     int         `json:"total"`
	Converted int         `json:"converted"`
	Skipped   int         `json:"skipped"`
	Left      int         `json:"left"`
	Failed    []failure   `json:"failed"`
	Renamed   []renaming  `json:"renamed"`
	Seconds   float64     `json:"seconds"`
	Rate      float64     `json:"pictures_per_second"`
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

func (r *report) plan(p *infer.Plan) {
	for _, j := range p.Renamed {
		r.Renamed = append(r.Renamed, renaming(j))
	}
}

func (r *report) summary(s *infer.Summary) {
	r.Total, r.Converted, r.Skipped, r.Left, r.Seconds, r.Rate = s.Total, s.Converted, s.Skipped, s.Left, s.Elapsed.Seconds(), rate(s)
	for _, f := range s.Failed {
		r.Failed = append(r.Failed, failure{f.Path, f.Err.Error()})
	}
}

// write puts the report to a file, or to stdout where path is "-".
func (r *report) write(path string, stdout io.Writer) error {
	if path == "" {
		return nil
	}
	if r.Failed == nil {
		r.Failed = []failure{}
	}
	if r.Renamed == nil {
		r.Renamed = []renaming{}
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

func rate(s *infer.Summary) float64 {
	if s.Converted == 0 || s.Elapsed <= 0 {
		return 0
	}
	return float64(s.Converted) / s.Elapsed.Seconds()
}

// printSummary says in a line what became of the pictures.
func printSummary(w io.Writer, c *config, s *infer.Summary) {
	parts := []string{count(s.Converted, "picture") + " converted"}
	for _, n := range []struct {
		n    int
		what string
	}{{s.Skipped, "there already"}, {len(s.Failed), "failed"}, {s.Left, "left"}} {
		if n.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n.n, n.what))
		}
	}
	fmt.Fprintf(w, "%s, in %v (%.3g a second), to %s\n", strings.Join(parts, ", "), s.Elapsed.Round(10*time.Millisecond), rate(s), c.output)
}
