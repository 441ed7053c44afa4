package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"text/tabwriter"

	"cyclegan/train/metric"
	"cyclegan/train/metric/features"
)

// report is what the command has found, and what -json writes.
type report struct {
	Status      int              `json:"exit_status"`
	Error       string           `json:"error,omitempty"`
	Real        folderReport     `json:"real"`
	Fake        folderReport     `json:"fake"`
	Resize      string           `json:"resize,omitempty"`
	Seed        uint64           `json:"seed"`
	Features    *extractorReport `json:"features,omitempty"`
	Scores      []metric.Score   `json:"scores"`
	Unpaired    int              `json:"unpaired,omitempty"`
	PairsFailed []failure        `json:"pairs_failed,omitempty"`
	Warnings    []string         `json:"warnings"`
	Seconds     float64          `json:"seconds"`

	warned func(string)
}

type folderReport struct {
	Folder   string    `json:"folder"`
	Pictures int       `json:"pictures"` // that can be read
	Others   int       `json:"other_files,omitempty"`
	Cached   string    `json:"cached,omitempty"`
	Failed   []failure `json:"failed"`
}

type extractorReport struct {
	Path     string `json:"path"`
	Name     string `json:"name"`
	SHA256   string `json:"sha256"`
	Resize   string `json:"resize,omitempty"` // where the model takes one size alone
	Range    string `json:"range"`
	Runtime  string `json:"onnxruntime"`
	Provider string `json:"provider"`
}

func newReport(cfg *config) *report {
	return &report{
		Real: folderReport{Folder: cfg.real, Failed: []failure{}}, Fake: folderReport{Folder: cfg.fake, Failed: []failure{}},
		Seed: cfg.swd.Seed, Scores: []metric.Score{}, Warnings: []string{},
	}
}

func (r *report) add(scores ...metric.Score) { r.Scores = append(r.Scores, scores...) }

func (r *report) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.Warnings = append(r.Warnings, text)
	r.warned(text)
}

// folders brings the report up to the folders.
func (r *report) folders(real, fake *folder) {
	for _, f := range []struct {
		to   *folderReport
		from *folder
	}{{&r.Real, real}, {&r.Fake, fake}} {
		f.to.Others = f.from.others
		f.to.Failed = append([]failure{}, f.from.failed...)
		unread := map[string]bool{}
		for _, x := range f.from.failed {
			unread[x.Path] = true
		}
		f.to.Pictures = 0
		for _, x := range f.from.files {
			if !unread[x.path] {
				f.to.Pictures++
			}
		}
	}
}

func (r *report) extractor(i features.Info) {
	r.Features = &extractorReport{
		Path: i.Path, Name: i.Name, SHA256: i.SHA256, Range: fmt.Sprintf("%g,%g", i.Input.Range.Lo, i.Input.Range.Hi), Runtime: i.Runtime, Provider: i.Provider,
	}
	if i.Width > 0 {
		r.Features.Resize = fmt.Sprintf("%dx%d, bicubic", i.Width, i.Height)
	}
}

// table prints the scores.
func (r *report) table(w io.Writer) {
	if len(r.Scores) == 0 {
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range []struct {
		name string
		folderReport
	}{{"real", r.Real}, {"fake", r.Fake}} {
		fmt.Fprintf(t, "%s\t%s", f.name, f.Folder)
		fmt.Fprintf(t, ": %d pictures", f.Pictures)
		if len(f.Failed) > 0 {
			fmt.Fprintf(t, ", %d failed", len(f.Failed))
		}
		if f.Cached != "" {
			fmt.Fprintf(t, " (%s from the cache)", f.Cached)
		}
		fmt.Fprintln(t)
	}
	fmt.Fprintf(t, "resize\t%s\n", r.Resize)
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

// write puts the report to a file, or to stdout where path is "-".
func (r *report) write(path string, stdout io.Writer) error {
	if path == "" {
		return nil
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write scores: %w", err)
	}
	data = append(data, '\n')
	if path == "-" {
		_, err = stdout.Write(data)
	} else {
		err = os.WriteFile(path, data, 0o666)
	}
	if err != nil {
		return fmt.Errorf("write scores: %w", err)
	}
	return nil
}
