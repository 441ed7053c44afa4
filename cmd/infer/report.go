package main

import (
	"io"
	"path/filepath"

	"cyclegan/cmd/internal/modelcli"
	"cyclegan/infer"
	"cyclegan/infer/batch"
)

// report is the summary that -json writes. For two generators it is the sum of both, and Parts
// holds each of them.
type report struct {
	Status int    `json:"exit_status"`
	Error  string `json:"error,omitempty"`
	results
	Parts []results `json:"parts,omitempty"`
}

type results struct {
	Model     *modelReport       `json:"model,omitempty"`
	Inputs    []string           `json:"inputs"`
	Output    string             `json:"output,omitempty"`
	Total     int                `json:"total"`
	Converted int                `json:"converted"`
	Skipped   int                `json:"skipped"`
	Left      int                `json:"left"`
	Failed    []modelcli.Failure `json:"failed"`
	Renamed   []renaming         `json:"renamed"`
	// Unsupported are the files in the inputs whose names are not those of images that can be read.
	Unsupported []string `json:"unsupported,omitempty"`
	// Images are in the order of the inputs and, within a folder, of the names.
	Images  []imageReport `json:"images"`
	Seconds float64       `json:"seconds"`
	Rate    float64       `json:"images_per_second"`

	index map[string]int // of an output in Images
}

type modelReport struct {
	Path         string `json:"path"`
	Direction    string `json:"direction,omitempty"`
	DomainFrom   string `json:"domain_from,omitempty"`
	DomainTo     string `json:"domain_to,omitempty"`
	Architecture string `json:"architecture,omitempty"`
	Step         int64  `json:"step,omitempty"`
	InputWindow  string `json:"input_window,omitempty"`
	OutputWindow string `json:"output_window,omitempty"`
	Runtime      string `json:"onnxruntime,omitempty"`
	Provider     string `json:"provider,omitempty"`
	Threads      int    `json:"threads,omitempty"`
	// Refused are the providers that -provider auto prefers and that do not work.
	Refused []refusal `json:"refused,omitempty"`
}

type refusal struct {
	Provider string `json:"provider"`
	Reason   string `json:"reason"`
}

// The values of imageReport.Status. Images that a run did not reach, or that a dry run lists, are
// left.
const (
	statusConverted = "converted"
	statusSkipped   = "skipped"
	statusFailed    = "failed"
	statusLeft      = "left"
)

type imageReport struct {
	Input  string `json:"input"`
	Output string `json:"output"`
	Status string `json:"status"`
	// Width and Height are those of the input.
	Width  int `json:"width,omitempty"`
	Height int `json:"height,omitempty"`
	// Frames is the number of converted frames of an animation.
	Frames int `json:"frames,omitempty"`
	// Tiling is "12 tiles" or "12 tiles, blended" for an image too large to pass through the model
	// at once.
	Tiling string `json:"tiling,omitempty"`
	// Clamped is the number of samples outside of the input window; see infer.Options.
	Clamped int `json:"clamped,omitempty"`
	// Detail is "input" or "model"; see infer.Options.
	Detail string `json:"detail,omitempty"`
	// Seconds is the sum of the following three. Images are processed concurrently, so the sum over
	// all images exceeds the duration of the run.
	Seconds        float64  `json:"seconds"`
	ReadSeconds    float64  `json:"read_seconds"`
	ConvertSeconds float64  `json:"convert_seconds"`
	WriteSeconds   float64  `json:"write_seconds"`
	Error          string   `json:"error,omitempty"`
	Notes          []string `json:"notes,omitempty"`
}

type renaming struct {
	Input  string `json:"input"`
	Output string `json:"output"`
}

func (m *modelReport) fill(i infer.Info) {
	m.Direction, m.DomainFrom, m.DomainTo, m.Architecture, m.Step = i.Direction, i.DomainFrom, i.DomainTo, i.Architecture, i.Step
	m.InputWindow, m.OutputWindow = i.Input.Window.String(), i.Output.Window.String()
	m.Runtime, m.Provider, m.Threads = i.Runtime, i.Provider, i.Threads
	for _, r := range i.Refused {
		m.Refused = append(m.Refused, refusal{r.Provider, modelcli.Reason(r)})
	}
}

func (r *report) begin(jobs []job) {
	for _, j := range jobs {
		r.Parts = append(r.Parts, results{
			Model: &modelReport{Path: j.model.String()}, Inputs: j.inputs, Output: j.output,
			Failed: []modelcli.Failure{}, Renamed: []renaming{}, Images: []imageReport{},
		})
	}
	r.sum()
}

func (r *report) sum() {
	if len(r.Parts) == 1 {
		r.results = r.Parts[0]
		return
	}
	r.results = results{Output: filepath.Dir(r.Parts[0].Output)}
	for _, p := range r.Parts {
		r.Inputs = append(r.Inputs, p.Inputs...)
		r.Total, r.Converted, r.Skipped, r.Left = r.Total+p.Total, r.Converted+p.Converted, r.Skipped+p.Skipped, r.Left+p.Left
		r.Failed, r.Renamed = append(r.Failed, p.Failed...), append(r.Renamed, p.Renamed...)
		r.Images = append(r.Images, p.Images...)
		r.Unsupported = append(r.Unsupported, p.Unsupported...)
		r.Seconds += p.Seconds
	}
	r.Rate = rate(r.Converted, r.Seconds)
}

// plan adds the images of a plan, which are left until done updates them. An image of a former plan
// is left again.
func (r *results) plan(p *batch.Plan) {
	if r.index == nil {
		r.index = map[string]int{}
	}
	for _, j := range p.Jobs {
		i, known := r.index[j.Output]
		if !known {
			i = len(r.Images)
			r.index[j.Output] = i
			r.Images = append(r.Images, imageReport{})
		}
		r.Images[i] = imageReport{Input: j.Input, Output: j.Output, Status: statusLeft}
	}
	r.Unsupported = append(r.Unsupported, p.Unsupported...)
	for _, j := range p.Renamed {
		r.Renamed = append(r.Renamed, renaming(j))
	}
}

func (r *results) done(d batch.Result) {
	p := &r.Images[r.index[d.Output]]
	p.Status = statusConverted
	switch {
	case d.Skipped:
		p.Status = statusSkipped
	case d.Err != nil:
		p.Status, p.Error = statusFailed, d.Err.Error()
	}
	p.Width, p.Height, p.Frames, p.Notes = d.Width, d.Height, d.Frames, d.Notes
	if d.Tiling.Tiles > 1 {
		p.Tiling = d.Tiling.String()
	}
	p.Clamped = d.Tiling.Clamped
	switch {
	case d.Tiling.CopyWidth > 0:
		p.Detail = infer.DetailInput
	case d.Tiling.Tiles > 0:
		p.Detail = infer.DetailModel
	}
	p.ReadSeconds, p.ConvertSeconds, p.WriteSeconds = d.Read.Seconds(), d.Run.Seconds(), d.Write.Seconds()
	p.Seconds = (d.Read + d.Run + d.Write).Seconds()
}

func (r *results) summary(s *batch.Summary) {
	r.Total, r.Converted, r.Skipped, r.Left, r.Seconds = s.Total, s.Converted, s.Skipped, s.Left, s.Elapsed.Seconds()
	r.Rate = rate(s.Converted, r.Seconds)
	for _, f := range s.Failed {
		r.Failed = append(r.Failed, modelcli.Failure{Path: f.Path, Error: modelcli.FlagError{Err: f.Err}.Error()})
	}
}

// write writes the report to the file path, or to stdout if path is "-".
func (r *report) write(path string, stdout io.Writer) error {
	if len(r.Parts) == 1 {
		r.Parts = nil
	}
	// Programs that read the summary need empty lists, not null.
	r.Inputs, r.Failed = append([]string{}, r.Inputs...), append([]modelcli.Failure{}, r.Failed...)
	r.Renamed, r.Images = append([]renaming{}, r.Renamed...), append([]imageReport{}, r.Images...)
	return modelcli.WriteSummary(path, stdout, r)
}

func rate(converted int, seconds float64) float64 {
	if converted == 0 || seconds <= 0 {
		return 0
	}
	return float64(converted) / seconds
}
