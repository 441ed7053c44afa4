package main

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"cyclegan/cmd/internal/cli"
	"cyclegan/cmd/internal/modelcli"
	"cyclegan/train/metric"
	"cyclegan/train/metric/features"
)

// report is the result of an evaluation, as -json writes it.
type report struct {
	Status      int                `json:"exit_status"`
	Error       string             `json:"error,omitempty"`
	Real        folderReport       `json:"real"`
	Fake        folderReport       `json:"fake"`
	Resize      string             `json:"resize,omitempty"`
	Window      string             `json:"window,omitempty"` // of 16-bit images
	Seed        uint64             `json:"seed"`
	Features    *extractorReport   `json:"features,omitempty"`
	Scores      []metric.Score     `json:"scores"`
	Unpaired    int                `json:"unpaired,omitempty"`
	PairsFailed []modelcli.Failure `json:"pairs_failed,omitempty"`
	Warnings    []string           `json:"warnings"`
	Seconds     float64            `json:"seconds"`

	warned func(string) // prints a warning
}

type folderReport struct {
	Folder string             `json:"folder"`
	Images int                `json:"images"`                // readable ones
	Others []string           `json:"unsupported,omitempty"` // files
	Cached string             `json:"cached,omitempty"`
	Failed []modelcli.Failure `json:"failed"`
}

type extractorReport struct {
	Path     string `json:"path"`
	Name     string `json:"name"`
	SHA256   string `json:"sha256"`
	Resize   string `json:"resize,omitempty"` // if the model takes a single size
	Range    string `json:"range"`
	Runtime  string `json:"onnxruntime"`
	Provider string `json:"provider"`
}

func newReport(cfg *config) *report {
	return &report{
		Real: folderReport{Folder: cfg.real, Failed: []modelcli.Failure{}}, Fake: folderReport{Folder: cfg.fake, Failed: []modelcli.Failure{}},
		Seed: cfg.swd.Seed, Scores: []metric.Score{}, Warnings: []string{},
	}
}

func (r *report) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.Warnings = append(r.Warnings, text)
	r.warned(text)
}

func (r *report) folders(real, fake *folder) {
	for to, from := range map[*folderReport]*folder{&r.Real: real, &r.Fake: fake} {
		to.Others, to.Images = from.others, len(from.good())
		to.Failed = append([]modelcli.Failure{}, from.failed...)
	}
}

func (r *report) extractor(i features.Info) {
	r.Features = &extractorReport{
		Path: i.Path, Name: i.Name, SHA256: i.SHA256, Runtime: i.Runtime, Provider: i.Provider,
		Range: fmt.Sprintf("%g,%g", i.Input.Range.Lo, i.Input.Range.Hi),
	}
	if i.Width > 0 {
		r.Features.Resize = fmt.Sprintf("%dx%d, bicubic", i.Width, i.Height)
	}
}

func (r *report) table(w io.Writer) {
	if len(r.Scores) == 0 {
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, f := range []folderReport{r.Real, r.Fake} {
		fmt.Fprintf(t, "%s\t%s: %s", []string{"real", "fake"}[i], f.Folder, cli.Count(f.Images, "image"))
		if len(f.Failed) > 0 {
			fmt.Fprintf(t, ", %d failed", len(f.Failed))
		}
		if f.Cached != "" {
			fmt.Fprintf(t, " (%s from the cache)", f.Cached)
		}
		fmt.Fprintln(t)
	}
	fmt.Fprintf(t, "resize\t%s\n", r.Resize)
	if r.Window != "" {
		fmt.Fprintf(t, "window\t%s\n", r.Window)
	}
	if f := r.Features; f != nil {
		fmt.Fprintf(t, "features\t%s, SHA-256 %.12s", f.Name, f.SHA256)
		if f.Resize != "" {
			fmt.Fprintf(t, ", resized to %s", f.Resize)
		}
		fmt.Fprintln(t)
	}
	fmt.Fprintln(t)
	t.Flush()
	t = tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "score\tvalue\tdeviation\tn\tn real\tbetter\t")
	for _, s := range r.Scores {
		deviation, real, better := "", "", "lower"
		if s.Name == "KID" {
			deviation = number(s.Std)
		}
		if s.NReal > 0 {
			real = strconv.Itoa(s.NReal)
		}
		if s.Higher {
			better = "higher"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\t\n", s.Name, number(s.Value), deviation, s.N, real, better)
	}
	t.Flush()
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 5, 64) }
