package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// printTables writes all numbers as Markdown.
func (s *study) printTables(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# How time and memory grow\n\nOn %s.", s.Machine)
	if s.Machine.busy() {
		fmt.Fprintf(&b, " Other programs were running: the load was %.1f at the beginning.", s.Machine.Load)
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(s.Versions)) {
		list = append(list, name+" "+s.Versions[name])
	}
	fmt.Fprintf(&b, " With %s.\n", strings.Join(list, ", "))
	for _, work := range s.works() {
		s.tableOf(&b, work)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (s *study) tableOf(b *strings.Builder, work string) {
	unit, title := "s a step", "Training"
	if work == workConvert {
		unit, title = "s a picture", "Conversion"
	}
	base, peaks, c := s.base(work), s.Peaks[work], s.Constants[work]
	fmt.Fprintf(b, "\n## %s\n\n", title)
	fmt.Fprintf(b, "%s, %d px, ngf %d", base.NetG, base.Size, base.NGF)
	if work == workStep {
		fmt.Fprintf(b, ", ndf %d, batch %d", base.NDF, base.Batch)
	}
	fmt.Fprintf(b, ", float32, where the table says nothing else. Peaks: %.0f GFLOP/s in a convolution, %.1f GB/s in copying memory. Fitted: %.2f times the time at the peaks, and %.0f MiB",
		peaks.FLOPs/1e9, peaks.Bandwidth/1e9, c.Factor, c.Bytes/mebibyte)
	if c.Start > 0 {
		fmt.Fprintf(b, ", and %.2f s for the start of a program", c.Start)
	}
	b.WriteString(".\n")
	for _, a := range s.Axes {
		if a.Work == work {
			s.tableAlong(b, a, unit)
		}
	}
}

func (s *study) tableAlong(b *strings.Builder, a axis, unit string) {
	fmt.Fprintf(b, "\n| %s | %s | model | measured / model | at the peaks: computing + moving | GFLOP | carried out | GB moved | GFLOP/s | peak memory, MiB | model | measured / model |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n", a.title(), unit)
	peaks, c := s.Peaks[a.Work], s.Constants[a.Work]
	values, points := s.along(a)
	for i, p := range points {
		seconds := spreadOf(a.seconds(p))
		model := a.predicted(p, c)
		name := strconv.Itoa(values[i])
		if p.Tiling != nil {
			name += fmt.Sprintf(" (%d tiles of %dx%d)", p.Tiling.Tiles, p.Tiling.Width, p.Tiling.Height)
		}
		fmt.Fprintf(b, "| %s | %s | %s | %.2f | %s + %s | %.1f | %.1f | %.1f | %.0f | %s | %.0f | %s |\n",
			name, significant(seconds.Median), significant(model), seconds.Median/model, significant(peaks.Computing(p.Takes)), significant(peaks.Moving(p.Takes)),
			p.Takes.FLOPs/1e9, p.Takes.Performed/1e9, p.Takes.Moved/1e9, p.Takes.FLOPs/1e9/seconds.Median,
			mebibytes(float64(p.PeakBytes)), p.Predicted.Bytes/mebibyte, ratio(float64(p.PeakBytes), p.Predicted.Bytes))
	}
}

// mebibytes writes a size that may be unknown.
func mebibytes(bytes float64) string {
	if bytes == 0 {
		return "-"
	}
	return strconv.FormatFloat(bytes/mebibyte, 'f', 0, 64)
}

func ratio(a, b float64) string {
	if a == 0 || b == 0 {
		return "-"
	}
	return strconv.FormatFloat(a/b, 'f', 2, 64)
}

// printShort writes a row for each axis, for a README: measured, and in brackets
// what the model says.
func (s *study) printShort(out io.Writer) {
	fmt.Fprint(out, "| what grows | to | seconds (by the model) | peak memory, MiB (by the model) |\n|---|---|---|---|\n")
	for _, a := range s.Axes {
		values, points := s.along(a)
		var names, seconds, bytes []string
		for _, i := range few(len(points)) {
			p := points[i]
			names = append(names, strconv.Itoa(values[i]))
			seconds = append(seconds, fmt.Sprintf("%s (%s)", two(spreadOf(a.seconds(p)).Median), two(a.predicted(p, s.Constants[a.Work]))))
			bytes = append(bytes, fmt.Sprintf("%s (%.0f)", mebibytes(float64(p.PeakBytes)), p.Predicted.Bytes/mebibyte))
		}
		what := map[string]string{workStep: "training step", workConvert: "conversion, a picture"}[a.Work]
		fmt.Fprintf(out, "| %s: %s | %s | %s | %s |\n", what, a.title(), strings.Join(names, ", "), strings.Join(seconds, ", "), strings.Join(bytes, ", "))
	}
}

// few picks the first, the last, and two between.
func few(n int) []int {
	var picked []int
	for i := range n {
		if n <= 4 || i == 0 || i == n-1 || i == (n-1)/3 || i == 2*(n-1)/3 {
			picked = append(picked, i)
		}
	}
	return picked
}

// two gives a time two significant digits, and whole seconds in full.
func two(seconds float64) string {
	if seconds >= 10 {
		return strconv.FormatFloat(seconds, 'f', 0, 64)
	}
	return strconv.FormatFloat(seconds, 'g', 2, 64)
}
