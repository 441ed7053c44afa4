// Package pipeline converts the pictures of folders and buckets as a Beam pipeline, to the bytes that cmd/infer writes.
//
//	options := &pipeline.Options{Model: "gs://bucket/G_AB.onnx", Inputs: []string{"gs://bucket/photos"}, Output: "gs://bucket/winter", DeadLetters: "gs://bucket/failed.jsonl"}
//	p, s := beam.NewPipelineWithRoot()
//	pipeline.Build(s, options)
//	err := beamx.Run(ctx, p)
//
// One worker plans, which takes the names of all pictures and none of their content; the runner spreads the plan over all workers, each of which
// opens the model once. A result takes its name when it is whole, and is the same however often it is made, so that a bundle may be repeated.
package pipeline

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"cyclegan/cmd/internal/modelcli"
	"cyclegan/infer"
	"cyclegan/infer/pixels"
)

// Options say what a pipeline converts. They travel to the workers as JSON.
type Options struct {
	// Model is an ONNX file, and ModelOptions how it runs. What it computes with, ONNX Runtime, each worker looks for itself.
	Model        string
	ModelOptions infer.Options
	// Inputs are pictures, folders and patterns of both: of the local file system alone, with the meaning that batch.NewPlan gives them,
	// or all of other ones. Output is the folder to write to.
	Inputs []string
	Output string
	// DeadLetters is the file that names what could not be converted, a Letter as JSON a line. It is written at the end, empty where all went well.
	DeadLetters string
	// Format, Quality, SkipExisting, Workers and Limits are those of batch.Options. Workers counts for a process.
	Format       string
	Quality      int
	SkipExisting bool
	Workers      int
	Limits       pixels.Limits
	// Resize is the size that pictures are brought to, as modelcli.ParseResize takes it. Empty: they keep theirs.
	Resize string
}

// Validate lists every option that makes no sense, with its value.
func (o *Options) Validate() error {
	var bad []error
	if o.Model == "" {
		bad = append(bad, errors.New("there is no model"))
	}
	bad = append(bad, o.validatePlan())
	if o.DeadLetters == "" {
		bad = append(bad, errors.New("there is no file for what cannot be converted"))
	} else if schemeOf(o.DeadLetters) != schemeOf(o.Output) { // which is checked
		bad = append(bad, known(o.DeadLetters))
	}
	if o.Model != "" {
		bad = append(bad, known(o.Model))
	}
	if o.Quality < 0 || o.Quality > 100 {
		bad = append(bad, fmt.Errorf("quality %d: it is 1 to 100, or 0 for 95", o.Quality))
	}
	if o.Workers < 0 {
		bad = append(bad, fmt.Errorf("workers %d: it is 0 or more", o.Workers))
	}
	if o.Resize != "" {
		if _, err := modelcli.ParseResize(o.Resize); err != nil {
			bad = append(bad, fmt.Errorf("size %q: %w", o.Resize, err))
		}
	}
	bad = append(bad, o.ModelOptions.Validate())
	return errors.Join(bad...)
}

// validatePlan is the part that a plan needs.
func (o *Options) validatePlan() error {
	var bad []error
	if len(o.Inputs) == 0 {
		bad = append(bad, errors.New("no input: name a picture or a folder of pictures"))
	}
	if o.Output == "" {
		bad = append(bad, errors.New("no output: name the folder to write to"))
	}
	if o.Format != "" && !pixels.Writable(o.Format) {
		bad = append(bad, fmt.Errorf("format %q cannot be written: choose png, jpg, gif, bmp or tiff", o.Format))
	}
	local := 0
	for _, in := range o.Inputs {
		bad = append(bad, known(in))
		if isLocal(in) {
			local++
		}
	}
	if local > 0 && local < len(o.Inputs) {
		bad = append(bad, fmt.Errorf("inputs %s lie in this file system and in others: convert them in two runs", strings.Join(o.Inputs, ", ")))
	}
	if o.Output != "" {
		bad = append(bad, known(o.Output))
	}
	return errors.Join(bad...)
}

// BesideOutput is a name for the list of dead letters: beside the output folder, so that this holds nothing but results. It is empty where there is
// no such place, as beside a whole bucket.
func BesideOutput(output string) string {
	const ending = ".dead_letters.jsonl"
	if isLocal(output) {
		abs, err := filepath.Abs(output)
		if err != nil || abs == filepath.Dir(abs) {
			return ""
		}
		if base := filepath.Base(filepath.Clean(output)); base == "." || base == ".." {
			return abs + ending
		}
		return filepath.Clean(output) + ending
	}
	scheme, path, _ := strings.Cut(strings.TrimRight(output, "/"), "://")
	if !strings.Contains(path, "/") {
		return ""
	}
	return scheme + "://" + path + ending
}

// Build adds the conversion to a pipeline. The options must be valid.
func Build(s beam.Scope, o *Options) {
	s = s.Scope("Convert")
	jobs, unread := beam.ParDo2(s.Scope("Plan"), &planFn{Options: *o}, beam.Impulse(s))
	failed := beam.ParDo(s.Scope("Pictures"), &convertFn{Options: *o}, beam.Reshuffle(s, jobs))
	letters := beam.Flatten(s, unread, failed)
	beam.ParDo0(s.Scope("DeadLetters"), &lettersFn{Path: o.DeadLetters}, beam.Impulse(s), beam.SideInput{Input: letters})
}
