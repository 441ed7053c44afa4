// Package pipeline converts folders and buckets of images as a Beam pipeline. [Build] adds the
// conversion that [Options] describe to a pipeline; the results are bit-identical to those of
// cmd/infer.
//
//	options := &pipeline.Options{
//		Model: "gs://bucket/G_AB.onnx", Inputs: []string{"gs://bucket/photos"},
//		Output: "gs://bucket/winter", DeadLetters: "gs://bucket/failed.jsonl",
//	}
//	p, s := beam.NewPipelineWithRoot()
//	pipeline.Build(s, options)
//	err := beamx.Run(ctx, p)
//
// One worker plans, for which it needs the names of all images. The runner distributes the plan
// over all workers, each of which opens the model once. Results are written atomically and are
// reproducible, so the runner may retry a bundle.
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

// Options describe a conversion. The workers receive them as JSON.
type Options struct {
	// Model is the path of an ONNX file. Each worker finds ONNX Runtime by itself.
	Model        string
	ModelOptions infer.Options
	// Inputs are images, folders and patterns: either all local, as for batch.NewPlan, or all in
	// object stores. Output is the folder to write to.
	Inputs []string
	Output string
	// DeadLetters is the file that lists what could not be converted, a Letter as JSON per line. It
	// is written at the end, and empty if nothing failed.
	DeadLetters string
	// Format is as for batch.NewPlan, the others as in batch.Options. Workers is per process.
	Format       string
	Quality      int
	Lossless     bool
	Strip        bool
	SkipExisting bool
	Workers      int
	Limits       pixels.Limits
	// Resize is the size of the images in the model, as modelcli.Sizes parses it. Default: their
	// own.
	Resize string
}

// Validate reports every invalid option with its value.
func (o *Options) Validate() error {
	bad := []error{o.validatePlan(), o.ModelOptions.Validate(), known(o.Model)}
	if o.Model == "" {
		bad = append(bad, errors.New("the model is missing"))
	}
	if o.DeadLetters == "" {
		bad = append(bad, errors.New("the file for dead letters is missing"))
	} else if schemeOf(o.DeadLetters) != schemeOf(o.Output) { // which is checked
		bad = append(bad, known(o.DeadLetters))
	}
	if o.Quality < 0 || o.Quality > 100 {
		bad = append(bad, fmt.Errorf("quality %d is not between 1 and 100, or 0 for 95", o.Quality))
	}
	if o.Workers < 0 {
		bad = append(bad, fmt.Errorf("workers %d is negative", o.Workers))
	}
	if o.Resize != "" {
		if err := modelcli.CheckResize(o.Resize); err != nil {
			bad = append(bad, fmt.Errorf("size %q: %w", o.Resize, err))
		}
	}
	return errors.Join(bad...)
}

// validatePlan is the part that a plan needs.
func (o *Options) validatePlan() error {
	bad := []error{known(o.Output)}
	if len(o.Inputs) == 0 {
		bad = append(bad, errors.New("the input is missing: name an image or a folder of images"))
	}
	if o.Output == "" {
		bad = append(bad, errors.New("the output folder is missing"))
	}
	if o.Format != "" && !pixels.Writable(o.Format) {
		bad = append(bad, fmt.Errorf("format %q cannot be written: use %s", o.Format, pixels.WritableFormats))
	}
	local := 0
	for _, in := range o.Inputs {
		bad = append(bad, known(in))
		if isLocal(in) {
			local++
		}
	}
	if local > 0 && local < len(o.Inputs) {
		bad = append(bad, fmt.Errorf("inputs %s are in this file system and in others\nFix: convert them in two runs", strings.Join(o.Inputs, ", ")))
	}
	return errors.Join(bad...)
}

// DefaultDeadLetters returns the default path of the dead letters, next to the output folder, which
// holds only results. It is empty for a whole bucket.
func DefaultDeadLetters(output string) string {
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
