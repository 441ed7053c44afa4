package modelcli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"cyclegan/cmd/internal/cli"
	"cyclegan/infer/batch"
)

// SayPlan says what is to be converted, and what of it a person may not expect.
func SayPlan(w io.Writer, plan *batch.Plan) {
	fmt.Fprintf(w, "%s to convert", cli.Count(len(plan.Jobs), "picture"))
	var over []string
	if plan.Unsupported > 0 {
		over = append(over, cli.Count(plan.Unsupported, "other file"))
	}
	if plan.SkippedLinks > 0 {
		over = append(over, cli.Count(plan.SkippedLinks, "link")+" to what is converted anyway or leads up")
	}
	if len(over) > 0 {
		fmt.Fprintf(w, " (%s passed over)", strings.Join(over, " and "))
	}
	fmt.Fprintln(w)
	if plan.WebP > 0 {
		fmt.Fprintf(w, "%s in WebP, which can only be read: written as PNG\n", cli.Count(plan.WebP, "picture"))
	}
	const most = 5
	for i, j := range plan.Renamed {
		if i == most {
			fmt.Fprintf(w, "and %d more whose names were taken (-json lists them)\n", len(plan.Renamed)-most)
			break
		}
		fmt.Fprintf(w, "%s is written as %s, since another picture has its name\n", Shown(j.Input), Shown(j.Output))
	}
	for _, f := range plan.Unread {
		fmt.Fprintf(w, "failed: %v\n", f.Err)
	}
}

// Shown is a path as a line of text can hold it: quoted where it has line ends or what else is no text.
func Shown(path string) string {
	odd := func(r rune) bool { return !unicode.IsGraphic(r) || r == unicode.ReplacementChar }
	if strings.ContainsFunc(path, odd) {
		return strconv.Quote(path)
	}
	return path
}
