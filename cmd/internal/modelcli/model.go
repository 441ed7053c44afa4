package modelcli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"cyclegan/cmd/internal/cli"
	"cyclegan/infer"
	"cyclegan/infer/session"
	"cyclegan/third_party/native/fetch"
)

// Open opens a model with the options o by calling open. If ONNX Runtime is missing, it fetches it,
// which it reports to log, sets o.Library and calls open again.
func Open(ctx context.Context, o *infer.Options, log io.Writer, open func() (*infer.Model, error)) (*infer.Model, error) {
	model, err := open()
	var missing *session.NotFoundError
	if errors.As(err, &missing) {
		library, fetchErr := fetch.ONNXRuntime(ctx, log)
		if fetchErr != nil {
			return nil, fetchErr
		}
		o.Library = library
		model, err = open()
	}
	return model, WithFlagNames(err, o)
}

// flagNames replaces the names of fields by those of options.
var flagNames = strings.NewReplacer("Options.OutputRange", "-output_range", "Options.Range", "-range",
	"Options.Output", "-output", "Options.Input", "-input", "Options.SizeMultiple", "-size_multiple")

// FlagError is an error of package infer that calls options by their names on the command line.
type FlagError struct{ Err error }

func (e FlagError) Error() string { return flagNames.Replace(e.Err.Error()) }
func (e FlagError) Unwrap() error { return e.Err }

// WithFlagNames returns err as a [FlagError], with a hint if o shows that -input was confused with
// -in, or -output with -out.
func WithFlagNames(err error, o *infer.Options) error {
	if err == nil {
		return nil
	}
	err = FlagError{err}
	for _, f := range []struct{ name, value, port, files string }{
		{"-input", o.Input, "input", "-in names the images to convert"},
		{"-output", o.Output, "output", "-out names the folder to write to"},
	} {
		if f.value != "" && strings.Contains(err.Error(), fmt.Sprintf("the model has no %s %q", f.port, f.value)) {
			if _, statErr := os.Stat(f.value); statErr == nil || strings.ContainsAny(f.value, `/\`) {
				return fmt.Errorf("%w\nFix: %s; %s names an %s of the model", err, f.files, f.name, f.port)
			}
		}
	}
	return err
}

// Describe returns a description of an open model, with two more lines for one without metadata.
func Describe(i infer.Info) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", i.Name())
	if i.Writer == "" && i.Architecture == "" {
		sizes := ""
		switch {
		case i.Width > 0 && i.Height > 0:
			sizes = fmt.Sprintf(", only %dx%d", i.Width, i.Height)
		case i.SizeMultiple > 1:
			sizes = fmt.Sprintf(", sides in multiples of %d", i.SizeMultiple)
		}
		if i.Batch > 1 {
			sizes += fmt.Sprintf(", fixed batch of %d (each image is repeated)", i.Batch)
		}
		fmt.Fprintf(&b, "  input %q: %s %v, %s%s\n", i.Input.Name, i.Input.Type, i.Input.Layout,
			values(i.Input, "-range"), sizes)
		fmt.Fprintf(&b, "  output %q: %s %v, %s\n", i.Output.Name, i.Output.Type, i.Output.Layout,
			values(i.Output, "-range or -output_range"))
	}
	threads := ""
	if i.Provider == session.CPU {
		threads = ", " + cli.Count(i.Threads, "thread")
	}
	fmt.Fprintf(&b, "ONNX Runtime %s, provider %s%s\n", i.Runtime, i.Provider, threads)
	for _, r := range i.Refused {
		fmt.Fprintf(&b, "  not %s: %s\n", r.Provider, Reason(r))
	}
	return b.String()
}

// values describes the range of values, and where it is known from.
func values(p infer.Port, flag string) string {
	lo, hi := p.Range.Lo, p.Range.Hi
	if p.RangeSource == "" {
		return fmt.Sprintf("%g to %g (assumed; %s changes it)", lo, hi, flag)
	}
	return fmt.Sprintf("%g to %g (from %s)", lo, hi, flagNames.Replace(p.RangeSource))
}

// Reason returns on one line why a provider was not used.
func Reason(r infer.Refusal) string {
	text := strings.TrimPrefix(r.Err.Error(), fmt.Sprintf("provider %q: ", r.Provider))
	return strings.ReplaceAll(text, "\n", "; ")
}

// Check reports a missing model before anything is fetched or opened.
func Check(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("no model %q%s\nFix: train one with `%s`, which writes G_AB.onnx and G_BA.onnx", path, near(filepath.Dir(path)), cli.Program("train"))
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("model %q is a folder%s\nFix: name the .onnx file", path, near(path))
	}
	return nil
}

// near lists models in a folder.
func near(dir string) string {
	found, err := filepath.Glob(filepath.Join(dir, "*.onnx"))
	if err != nil || len(found) == 0 {
		return ""
	}
	if len(found) > 4 {
		found = append(found[:4], "...")
	}
	return "; models there: " + strings.Join(found, ", ")
}
