package modelcli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"

	"cyclegan/cmd/internal/cli"
	"cyclegan/infer/atomicfile"
	"cyclegan/infer/batch"
)

// PrintPlan prints how many images a plan converts, and what may be unexpected.
func PrintPlan(w io.Writer, plan *batch.Plan) {
	fmt.Fprintf(w, "%s to convert%s\n", cli.Count(len(plan.Jobs), "image"), skipping(plan))
	if plan.AsPNG > 0 {
		fmt.Fprintf(w, "writing %s as PNG: HEIC, AVIF, and PNM can only be read\n", cli.Count(plan.AsPNG, "image"))
	}
	const most = 5
	for i, j := range plan.Renamed {
		if i == most {
			fmt.Fprintf(w, "renamed as well: %d (-json lists them)\n", len(plan.Renamed)-most)
			break
		}
		fmt.Fprintf(w, "writing %s as %s: another image has its name\n", Shown(j.Input), Shown(j.Output))
	}
	for _, f := range plan.Unread {
		fmt.Fprintf(w, "failed: %v\n", f.Err)
	}
}

// skipping describes what a plan leaves out, in parentheses, or returns "".
func skipping(plan *batch.Plan) string {
	var skipped []string
	if len(plan.Unsupported) > 0 {
		skipped = append(skipped, Unsupported(plan.Unsupported))
	}
	if plan.SkippedLinks > 0 {
		skipped = append(skipped, cli.Count(plan.SkippedLinks, "link")+" to folders that are converted anyway or contain the link")
	}
	if len(skipped) == 0 {
		return ""
	}
	return " (skipping " + strings.Join(skipped, " and ") + ")"
}

// Unsupported counts files of unsupported kinds and names the first of them.
func Unsupported(paths []string) string {
	const most = 4
	var names []string
	for _, path := range paths[:min(len(paths), most)] {
		names = append(names, Shown(filepath.Base(path)))
	}
	if len(paths) > most {
		names = append(names, "...")
	}
	return cli.Count(len(paths), "unsupported file") + ": " + strings.Join(names, ", ")
}

// PrintDryRun prints every job of a plan to stdout and the counts to stderr. Exists reports whether
// an output that may be skipped exists.
func PrintDryRun(plan *batch.Plan, stdout, stderr io.Writer, exists func(output string) bool) {
	skipped := 0
	for _, j := range plan.Jobs {
		note := ""
		if exists(j.Output) {
			note = " (exists, skipped)"
			skipped++
		}
		fmt.Fprintf(stdout, "%s -> %s%s\n", Shown(j.Input), Shown(j.Output), note)
	}
	for _, f := range plan.Unread {
		fmt.Fprintf(stderr, "failed: %v\n", f.Err)
	}
	fmt.Fprintf(stderr, "-dry_run: %s to convert", cli.Count(len(plan.Jobs)-skipped, "image"))
	if skipped > 0 {
		fmt.Fprintf(stderr, ", %d skipped", skipped)
	}
	fmt.Fprintf(stderr, "%s; nothing is written\n", skipping(plan))
}

// Shown returns a path for a line of text. It is quoted if it holds characters that are not
// graphic.
func Shown(path string) string {
	odd := func(r rune) bool { return !unicode.IsGraphic(r) || r == unicode.ReplacementChar }
	if strings.ContainsFunc(path, odd) {
		return strconv.Quote(path)
	}
	return path
}

// PrintSummary prints one line about a run: what was done, how many images are in other states,
// such as "failed" or "left", and the rate if it is known.
func PrintSummary(w io.Writer, what string, skipped, failed, left int, took time.Duration, rate float64, output string) {
	for _, n := range []struct {
		n     int
		state string
	}{{skipped, "skipped"}, {failed, "failed"}, {left, "left"}} {
		if n.n > 0 {
			what += fmt.Sprintf(", %d %s", n.n, n.state)
		}
	}
	per := ""
	if rate > 0 {
		per = fmt.Sprintf(" (%.3g per second)", rate)
	}
	fmt.Fprintf(w, "%s in %v%s, written to %s\n", what, took.Round(10*time.Millisecond), per, output)
}

// Failure is an image or folder that failed, in a JSON summary.
type Failure struct {
	Path  string `json:"path"`
	Error string `json:"error"`
}

// WriteSummary writes a summary as JSON to the file path, to stdout if path is "-", and nowhere if
// it is empty.
func WriteSummary(path string, stdout io.Writer, summary any) error {
	if path == "" {
		return nil
	}
	data, err := json.MarshalIndent(summary, "", "  ")
	if err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	data = append(data, '\n')
	if path == "-" {
		_, err = stdout.Write(data)
	} else if info, statErr := os.Stat(path); statErr == nil && !info.Mode().IsRegular() {
		err = os.WriteFile(path, data, 0o666) // a pipe or a device, which must not be replaced
	} else {
		err = atomicfile.Write(path, func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}
