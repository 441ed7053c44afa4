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

type summary struct {
	Status      int               `json:"exit_status"`
	Error       string            `json:"error,omitempty"`
	Output      string            `json:"output"`
	DeadLetters string            `json:"dead_letters"`
	Total       int               `json:"total"`
	Failed      []pipeline.Letter `json:"failed"`
	Seconds     float64           `json:"seconds"`
	// Metrics is nil if the runner keeps none.
	Metrics *pipeline.Measured `json:"metrics,omitempty"`
}

// end completes the summary from the dead letters and the metrics, prints it and returns the exit
// status.
func (s *summary) end(ctx context.Context, result beam.PipelineResult, stdout, stderr io.Writer) (int, error) {
	var err error
	if s.Failed, err = pipeline.ReadLetters(ctx, s.DeadLetters); err != nil {
		return cli.Failed, err
	}
	const most = 10
	for i, l := range s.Failed {
		if i == most {
			fmt.Fprintf(stderr, "failed as well: %d\n", len(s.Failed)-most)
			break
		}
		fmt.Fprintf(stderr, "failed: %s\n", l.Reason)
	}
	converted := s.Total - len(s.Failed)
	if measured, known := pipeline.Measure(result); known {
		s.Metrics = &measured
		converted = int(measured.Counters["images_converted"] + measured.Counters["images_skipped"])
		for _, note := range slices.Sorted(maps.Keys(measured.Notes)) {
			fmt.Fprintf(stderr, "note: %s: %s\n", cli.Count(int(measured.Notes[note]), "image"), note)
		}
	}
	s.print(stdout)
	if len(s.Failed) > 0 {
		fmt.Fprintf(stderr, "%s lists the failures with their reasons\n", s.DeadLetters)
		if converted <= 0 {
			return cli.Failed, errors.New("no image could be converted")
		}
		return cli.SomeFailed, nil
	}
	return cli.Done, nil
}

// print prints the counts on one line and, if they are known, the durations on another.
func (s *summary) print(w io.Writer) {
	what, skipped, rate := cli.Count(s.Total, "image")+" (the runner keeps no metrics)", 0, 0.0
	if s.Metrics != nil {
		n := int(s.Metrics.Counters["images_converted"])
		skipped = int(s.Metrics.Counters["images_skipped"])
		what, rate = cli.Count(n, "image")+" converted", float64(n)/s.Seconds
	}
	took := time.Duration(s.Seconds * float64(time.Second))
	modelcli.PrintSummary(w, what, skipped, len(s.Failed), 0, took, rate, s.Output)
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
		fmt.Fprintf(w, "per image: %s\n", strings.Join(times, ", "))
	}
}
