package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"cyclegan/infer/pixels/atomicfile"
)

// A report is everything that was measured, as -json writes it.
type report struct {
	Machine  machine           `json:"machine"`
	Versions map[string]string `json:"versions"`
	Cases    []comparison      `json:"comparisons"`
}

// A comparison is the results of one setting, ours first.
type comparison struct {
	Title   string    `json:"title"`
	Setting setting   `json:"setting"`
	Unit    string    `json:"unit"`
	Results []*result `json:"results"`
}

// busyIdle is the share of a processor from which on a waiting contender is
// said to have disturbed the others.
const busyIdle = 0.02

// printVersions says with what the numbers were taken.
func (r *report) printVersions(out io.Writer) {
	var versions []string
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		versions = append(versions, name+" "+r.Versions[name])
	}
	fmt.Fprintf(out, "\nversions: %s\n", strings.Join(versions, ", "))
}

// print writes one comparison as a table.
func (c *comparison) print(out io.Writer) {
	fmt.Fprintf(out, "\n%s\n%s:\n", c.Title, c.Unit)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "  \tmedian\tmin .. max\ttime / ours\tpeak memory\tmemory / ours\tdifference from ours\n")
	for _, r := range c.Results {
		if r.Left != "" {
			continue
		}
		fmt.Fprintf(w, "  %s\t%s\t%s .. %s\t%.2f\t%s\t%s\t%s\n", r.Title, significant(r.Median), significant(r.Min), significant(r.Max), r.Ratio,
			memory(r.PeakBytes), times(r.MemoryRatio), r.difference())
	}
	w.Flush()
	for _, r := range c.Results {
		if r.Left != "" {
			fmt.Fprintf(out, "  %s: not timed: %s\n", r.Title, r.Left)
		}
	}
	for _, family := range c.families() {
		if b := best(c.Results, family); b != nil {
			fmt.Fprintf(out, "  %s at its best / ours: %.2f (%s)\n", family, b.Ratio, b.Title)
		}
	}
	for _, r := range c.Results {
		if r.IdleCPU > busyIdle {
			fmt.Fprintf(out, "  note: %s kept %.0f %% of a processor busy while others had their turns\n", r.Title, 100*r.IdleCPU)
		}
	}
}

// families lists those that have more than one result.
func (c *comparison) families() []string {
	count := map[string]int{}
	var list []string
	for _, r := range c.Results {
		if count[r.family]++; r.family != "" && r.Left == "" && !slices.Contains(list, r.family) {
			list = append(list, r.family)
		}
	}
	return slices.DeleteFunc(list, func(f string) bool { return count[f] < 2 })
}

func (r *result) difference() string {
	if r.Difference == nil {
		return "-"
	}
	if r.Of == ofLosses {
		return fmt.Sprintf("%.2g %% %s", 100**r.Difference, r.Of)
	}
	return fmt.Sprintf("%.2g %s", *r.Difference, r.Of)
}

// significant gives a time four digits.
func significant(seconds float64) string {
	for digits, bound := range []float64{1000, 100, 10, 1, 0.1} {
		if seconds >= bound {
			return fmt.Sprintf("%.*f", digits, seconds)
		}
	}
	return fmt.Sprintf("%.5f", seconds)
}

func memory(bytes int64) string {
	switch {
	case bytes == 0:
		return "-"
	case bytes < 1<<30:
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%.2f GiB", float64(bytes)/(1<<30))
}

func times(ratio float64) string {
	if ratio == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", ratio)
}

// write writes the report as JSON to a file or, for "-", to out. It does
// nothing for an empty path, and for "-" while out is nil.
func (r *report) write(path string, out io.Writer) error {
	if path == "" || path == "-" && out == nil {
		return nil
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	data = append(data, '\n')
	if path == "-" {
		_, err = out.Write(data)
		return err
	}
	return atomicfile.Write(path, func(w io.Writer) error { _, err := w.Write(data); return err })
}
