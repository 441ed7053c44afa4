package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"cyclegan/cmd/beam/pipeline"
	"cyclegan/cmd/internal/cli"
	"cyclegan/cmd/internal/modelcli"
)

// summary is what -json writes.
type summary struct {
	Status      int    `json:"exit_status"`
	Error       string `json:"error,omitempty"`
	Output      string `json:"output"`
	DeadLetters string `json:"dead_letters"`
	Total       int    `json:"total"`
	// Failed are the dead letters.
	Failed  []pipeline.Letter `json:"failed"`
	Seconds float64           `json:"seconds"`
	// Metrics is nil where the runner keeps none.
	Metrics *pipeline.Measured `json:"metrics,omitempty"`
}

// mostFailures is how many failures are told one by one.
const mostFailures = 10

// end tells how a pipeline has ended, by its dead letters and its metrics.
func (s *summary) end(ctx context.Context, result beam.PipelineResult, stdout, stderr io.Writer) (int, error) {
	var err error
	if s.Failed, err = pipeline.ReadLetters(ctx, s.DeadLetters); err != nil {
		return cli.Failed, err
	}
	for i, l := range s.Failed {
		if i == mostFailures {
			fmt.Fprintf(stderr, "and %d more\n", len(s.Failed)-mostFailures)
			break
		}
		fmt.Fprintf(stderr, "failed: %s\n", l.Reason)
	}
	measured, known := pipeline.Measure(result)
	converted := s.Total - len(s.Failed)
	if known {
		s.Metrics = &measured
		converted = int(measured.Counters["pictures_converted"] + measured.Counters["pictures_skipped"])
		for _, note := range slices.Sorted(maps.Keys(measured.Notes)) {
			fmt.Fprintf(stderr, "note: %s: %s\n", cli.Count(int(measured.Notes[note]), "picture"), note)
		}
	}
	s.print(stdout)
	if len(s.Failed) > 0 {
		fmt.Fprintf(stderr, "what failed, and why, is in %s\n", s.DeadLetters)
		if converted <= 0 {
			return cli.Failed, errors.New("no picture could be converted")
		}
		return cli.SomeFailed, nil
	}
	return cli.Done, nil
}

// print writes the counts in a line and, where they are known, what the parts of a picture took.
func (s *summary) print(w io.Writer) {
	var parts []string
	if s.Metrics == nil {
		parts = append(parts, fmt.Sprintf("%s (the runner keeps no metrics)", cli.Count(s.Total, "picture")))
	} else {
		parts = append(parts, cli.Count(int(s.Metrics.Counters["pictures_converted"]), "picture")+" converted")
		if n := s.Metrics.Counters["pictures_skipped"]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d there already", n))
		}
	}
	if n := len(s.Failed); n > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", n))
	}
	rate := ""
	if s.Metrics != nil && s.Seconds > 0 {
		rate = fmt.Sprintf(" (%.3g a second)", float64(s.Metrics.Counters["pictures_converted"])/s.Seconds)
	}
	took := time.Duration(s.Seconds * float64(time.Second)).Round(10 * time.Millisecond)
	fmt.Fprintf(w, "%s, in %v%s, to %s\n", strings.Join(parts, ", "), took, rate, s.Output)
	if s.Metrics == nil {
		return
	}
	var times []string
	for _, name := range pipeline.Times() {
		if d := s.Metrics.Times[name]; d.Count > 0 {
			times = append(times, fmt.Sprintf("%s %d ms (%d to %d)", strings.TrimSuffix(name, "_ms"), d.Sum/d.Count, d.Min, d.Max))
		}
	}
	if len(times) > 0 {
		fmt.Fprintf(w, "a picture: %s\n", strings.Join(times, ", "))
	}
}

// write puts the summary to a file, or to stdout where path is "-".
func (s *summary) write(path string, stdout io.Writer) error {
	if path == "" {
		return nil
	}
	if s.Failed == nil {
		s.Failed = []pipeline.Letter{}
	}
	return modelcli.WriteSummary(path, stdout, s)
}
