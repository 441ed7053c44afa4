package inspect

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"cyclegan/infer/pixels"
)

// Fprint writes the result for a person: the sets, the identical files by kind, and the findings.
// It shows the first few files of each finding, or all of them if verbose.
func (r *Result) Fprint(w io.Writer, verbose bool) error {
	out := bufio.NewWriter(w) // keeps the first error until Flush
	if r.BuiltIn {
		var all []string
		for _, s := range r.Sets {
			all = append(all, fmt.Sprintf("%s %d %s", s.Name, s.Count, s.Folder))
		}
		fmt.Fprintf(out, "%s of %v: %s; nothing to check\n", r.Source, r.Sets[0].Max, strings.Join(all, ", "))
		return out.Flush()
	}
	total := 0
	for _, s := range r.Sets {
		total += s.Count
	}
	how := "headers read"
	if r.Decoded {
		how = "all decoded"
	}
	fmt.Fprintf(out, "%d images in %s (%s), %s and compared in %.2g s\n", total, printable(r.Source), r.Layout, how, max(r.Seconds, 0.01))
	r.printSets(out)
	n := map[GroupKind]int{}
	for _, g := range r.Identical {
		n[g.Kind]++
	}
	fmt.Fprintf(out, "groups of identical files: %d", len(r.Identical))
	if len(r.Identical) > 0 {
		fmt.Fprintf(out, " (%d across domains, %d across train and test, %d within a set)", n[AcrossDomains], n[AcrossTrainTest], n[WithinSet])
	}
	fmt.Fprintln(out)
	for _, f := range r.Findings {
		f.print(out, verbose)
	}
	if len(r.Findings) == 0 {
		fmt.Fprintln(out, "no problems found")
	}
	return out.Flush()
}

func (r *Result) printSets(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range r.Sets {
		name := s.Name
		if s.Folder != s.Name {
			name += " (" + printable(s.Folder) + ")"
		}
		cells := []string{"  " + name, strconv.Itoa(s.Count), s.sizes(), s.formats(), fmt.Sprintf("%.1f MB", float64(s.Bytes)/1e6)}
		if c := s.content(); c != "" {
			cells = append(cells, c)
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	t.Flush() // its errors are those of w
}

func (s Set) sizes() string {
	switch {
	case s.Count == 0:
		return "none"
	case s.Sizes == 1:
		return "all " + s.Max.String()
	case 2*s.Common[0].Count > s.Count:
		return fmt.Sprintf("%v to %v, most %v", s.Min, s.Max, s.Common[0].Size)
	}
	return fmt.Sprintf("%v to %v, median %v", s.Min, s.Max, s.Median)
}

func (s Set) formats() string {
	var all []string
	for _, f := range slices.Sorted(maps.Keys(s.Format)) {
		if len(s.Format) == 1 {
			return f
		}
		all = append(all, fmt.Sprintf("%s %d", f, s.Format[f]))
	}
	return strings.Join(all, ", ")
}

// content names what decoding found that is unusual.
func (s Set) content() string {
	var all []string
	for _, c := range []struct {
		n    int
		what string
	}{{s.Gray, "gray"}, {s.Alpha, "transparent"}, {s.Deep, "16-bit"}} {
		if c.n > 0 {
			all = append(all, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	if s.Values != (pixels.Window{}) {
		all = append(all, fmt.Sprintf("values %d to %d (%d bits)", s.Values.Lo, s.Values.Hi, bits.Len16(s.Values.Hi)))
	}
	if s.Window != (pixels.Window{}) {
		all = append(all, fmt.Sprintf("window %v", s.Window))
	}
	return strings.Join(all, ", ")
}

// Limits of a finding's files when not verbose.
const (
	maxLines  = 3
	maxLength = 200 // characters per line
)

func (f Finding) print(w io.Writer, verbose bool) {
	fmt.Fprintf(w, "%s: %s\n", f.Severity, printable(f.Title))
	for _, line := range wrap(printable(f.Text), 96) {
		fmt.Fprintf(w, "  %s\n", line)
	}
	files := f.Files
	if !verbose && len(files) > maxLines+1 {
		files = files[:maxLines]
	}
	for _, file := range files {
		line := []rune(printable(file))
		if !verbose && len(line) > maxLength { // many identical files
			line = append(line[:maxLength], []rune(" ...")...)
		}
		fmt.Fprintf(w, "    %s\n", string(line))
	}
	if left := len(f.Files) - len(files); left > 0 {
		fmt.Fprintf(w, "    and %d more\n", left)
	}
}

// wrap breaks text into lines of at most width bytes, except for longer words.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// printable escapes control characters in file names, which could otherwise control the terminal.
func printable(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return s
	}
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}
