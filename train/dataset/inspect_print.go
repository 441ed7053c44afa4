package dataset

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
)

// Fprint writes what a person reads before training: the sets, the identical
// files by kind, and the problems. Of each list of files it shows the first few,
// and all of them when verbose.
func (i *Inspection) Fprint(w io.Writer, verbose bool) error {
	out := bufio.NewWriter(w) // keeps the first error until Flush
	if i.BuiltIn {
		i.printScenes(out)
		return out.Flush()
	}
	total := 0
	for _, s := range i.Sets {
		total += s.Count
	}
	how := "headers read"
	if i.Decoded {
		how = "all decoded"
	}
	fmt.Fprintf(out, "%s in %s (%s), %s and compared in %.2g s\n", count(total, "picture"), plain(i.Source), i.Layout, how, max(i.Seconds, 0.01))
	i.printSets(out)
	i.printIdentical(out)
	for _, p := range i.Problems {
		p.print(out, verbose)
	}
	if len(i.Problems) == 0 {
		fmt.Fprintln(out, "nothing is wrong with them")
	}
	return out.Flush()
}

func (i *Inspection) printScenes(w io.Writer) {
	var all []string
	for _, s := range i.Sets {
		all = append(all, fmt.Sprintf("%s %d %s", s.Name, s.Count, s.Folder))
	}
	fmt.Fprintf(w, "%s of %v: %s; nothing to check\n", i.Source, i.Sets[0].Max, strings.Join(all, ", "))
}

func (i *Inspection) printSets(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range i.Sets {
		name := s.Name
		if s.Folder != s.Name {
			name += " (" + plain(s.Folder) + ")"
		}
		cells := []string{"  " + name, strconv.Itoa(s.Count), s.sizes(), s.formats(), fmt.Sprintf("%.1f MB", float64(s.Bytes)/1e6)}
		if c := s.content(); c != "" {
			cells = append(cells, c)
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	t.Flush() // its errors are those of w
}

func (s SetReport) sizes() string {
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

func (s SetReport) formats() string {
	var all []string
	for _, f := range slices.Sorted(maps.Keys(s.Format)) {
		if len(s.Format) == 1 {
			return f
		}
		all = append(all, fmt.Sprintf("%s %d", f, s.Format[f]))
	}
	return strings.Join(all, ", ")
}

// content names what decoding found that is out of the ordinary.
func (s SetReport) content() string {
	var all []string
	for _, c := range []struct {
		n    int
		what string
	}{{s.Gray, "gray"}, {s.Alpha, "transparent"}, {s.Deep, "16-bit"}} {
		if c.n > 0 {
			all = append(all, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(all, ", ")
}

func (i *Inspection) printIdentical(w io.Writer) {
	n := map[GroupKind]int{}
	for _, g := range i.Identical {
		n[g.Kind]++
	}
	fmt.Fprintf(w, "identical files: %s", count(len(i.Identical), "group"))
	if len(i.Identical) > 0 {
		fmt.Fprintf(w, " (%d across domains, %d across train and test, %d within a set)", n[AcrossDomains], n[AcrossTrainTest], n[WithinSet])
	}
	fmt.Fprintln(w)
}

// How much of its list of files a problem shows when not verbose.
const (
	shown   = 3   // lines
	longest = 200 // characters of a line
)

func (p Problem) print(w io.Writer, verbose bool) {
	fmt.Fprintf(w, "%s: %s\n", p.Severity, plain(p.Title))
	for _, line := range wrap(plain(p.Text), 96) {
		fmt.Fprintf(w, "  %s\n", line)
	}
	files := p.Files
	if !verbose && len(files) > shown+1 {
		files = files[:shown]
	}
	for _, f := range files {
		line := []rune(plain(f))
		if !verbose && len(line) > longest { // many identical files
			line = append(line[:longest], []rune(" ...")...)
		}
		fmt.Fprintf(w, "    %s\n", string(line))
	}
	if left := len(p.Files) - len(files); left > 0 {
		fmt.Fprintf(w, "    and %d more\n", left)
	}
}

// wrap breaks text into lines of at most width bytes, longer words excepted.
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

// plain keeps control characters in file names away from the terminal.
func plain(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return s
	}
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}
