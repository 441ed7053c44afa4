package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"cyclegan/infer/atomicfile"
)

// report holds all measurements, as -json writes them.
type report struct {
	Machine  machine           `json:"machine"`
	Versions map[string]string `json:"versions"`
	Cases    []comparison      `json:"comparisons,omitempty"`
	Growth   []curve           `json:"growth,omitempty"`
}

// comparison holds the results of one setting, ours first.
type comparison struct {
	Title   string    `json:"title"`
	Setting setting   `json:"setting"`
	Unit    string    `json:"unit"`
	Results []*result `json:"results"`
}

// machine describes the machine that was measured. What is unknown is zero, as on other systems
// than Linux.
type machine struct {
	CPU        string  `json:"cpu,omitempty"`
	Processors int     `json:"processors"`
	Threads    int     `json:"threads"` // of each contender
	OS         string  `json:"os"`
	Arch       string  `json:"arch"`
	Bytes      int64   `json:"memory_bytes,omitempty"`
	Load       float64 `json:"load"` // average of the last minute before the start
}

func thisMachine(threads int) machine {
	m := machine{
		CPU: field("/proc/cpuinfo", "model name"), Processors: runtime.NumCPU(), Threads: threads,
		OS: runtime.GOOS, Arch: runtime.GOARCH, Bytes: kilobytes("/proc/meminfo", "MemTotal"),
	}
	if data, err := os.ReadFile("/proc/loadavg"); err == nil {
		_, _ = fmt.Sscan(string(data), &m.Load)
	}
	return m
}

// print describes the machine and warns if other programs are running.
func (m machine) print(out io.Writer) {
	fmt.Fprintf(out, "%s, %d processors, %d threads, %s/%s, %.1f GiB of memory\n",
		m.CPU, m.Processors, m.Threads, m.OS, m.Arch, float64(m.Bytes)/(1<<30))
	if m.Load > 0.3*float64(m.Processors) {
		fmt.Fprintf(out, "note: the load is %.1f, so other programs are running and these numbers are unreliable\n", m.Load)
	}
}

// field finds the value of a line "name: value" in a file, "" if there is none.
func field(path, name string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// kilobytes reads a field such as "MemTotal: 16 kB" in bytes, 0 if there is none.
func kilobytes(path, name string) int64 {
	var n int64
	if _, err := fmt.Sscan(field(path, name), &n); err != nil {
		return 0
	}
	return n << 10
}

func (r *report) printVersions(out io.Writer) {
	var versions []string
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		versions = append(versions, name+" "+r.Versions[name])
	}
	fmt.Fprintf(out, "\nversions: %s\n", strings.Join(versions, ", "))
}

// print writes a comparison as a table.
func (c *comparison) print(out io.Writer) {
	fmt.Fprintf(out, "\n%s\n%s:\n", c.Title, c.Unit)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "  \tmedian\tmin .. max\ttime / ours\tpeak memory\tdifference from ours\n")
	for _, r := range c.Results {
		if r.Skipped == "" {
			fmt.Fprintf(w, "  %s\t%s\t%s .. %s\t%.2f\t%s\t%s\n", r.Title, significant(r.Median),
				significant(r.Min), significant(r.Max), r.Ratio, memory(r.PeakBytes), r.difference())
		}
	}
	w.Flush()
	for _, r := range c.Results {
		if r.Skipped != "" {
			fmt.Fprintf(out, "  %s: not timed: %s\n", r.Title, r.Skipped)
		}
	}
}

func (r *result) difference() string {
	switch {
	case r.Difference == nil:
		return "-"
	case r.Of == ofLosses:
		return fmt.Sprintf("%.2g %% %s", 100**r.Difference, r.Of)
	}
	return fmt.Sprintf("%.2g %s", *r.Difference, r.Of)
}

// significant formats seconds with four significant digits.
func significant(seconds float64) string {
	for digits, bound := range []float64{1000, 100, 10, 1, 0.1} {
		if seconds >= bound {
			return fmt.Sprintf("%.*f", digits, seconds)
		}
	}
	return fmt.Sprintf("%.5f", seconds)
}

// memory formats bytes, "-" if they are unknown.
func memory(bytes int64) string {
	switch {
	case bytes == 0:
		return "-"
	case bytes < 1<<30:
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%.2f GiB", float64(bytes)/(1<<30))
}

// write writes the report as JSON to a file, or for "-" to out. It does nothing for an empty path.
func (r *report) write(path string, out io.Writer) error {
	encode := func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	switch path {
	case "":
		return nil
	case "-":
		return encode(out)
	}
	return atomicfile.Write(path, encode)
}
