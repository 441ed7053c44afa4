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
	if err != nil {
		return nil, FlagError{err}
	}
	return model, nil
}

// flagNames replaces the names of fields by those of options.
var flagNames = strings.NewReplacer("Options.OutputRange", "-output_range", "Options.Range", "-range",
	"Options.Output", "-output", "Options.Input", "-input", "Options.SizeMultiple", "-size_multiple", "Options.MinSize", "-min_size", "Options.TrainSize", "-train_size")

// FlagNames replaces the names of infer's options in a text by those on the command line.
func FlagNames(text string) string { return flagNames.Replace(text) }

// FlagError is an error of package infer that calls options by their names on the command line.
type FlagError struct{ Err error }

func (e FlagError) Error() string { return FlagNames(e.Err.Error()) }
func (e FlagError) Unwrap() error { return e.Err }

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
	if i.Input.Window != (infer.Window{}) || i.Output.Window != (infer.Window{}) {
		fmt.Fprintf(&b, "16-bit values: input %s, output %s\n", used(i.Input.Window), used(i.Output.Window))
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

// used describes a window.
func used(w infer.Window) string {
	if w == (infer.Window{}) {
		return "0 to 65535"
	}
	return fmt.Sprintf("%d to %d", w.Lo, w.Hi)
}

// values describes the range of values, and where it is known from.
func values(p infer.Port, flag string) string {
	lo, hi := p.Range.Lo, p.Range.Hi
	if p.RangeSource == "" {
		return fmt.Sprintf("%g to %g (assumed; %s changes it)", lo, hi, flag)
	}
	return fmt.Sprintf("%g to %g (from %s)", lo, hi, FlagNames(p.RangeSource))
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
		return fmt.Errorf("no model %q%s\nFix: check the path, or train one with `%s`, which writes G_AB.onnx and G_BA.onnx", path, cli.There("models", filepath.Dir(path), "*.onnx"), cli.Program("train"))
	case err != nil:
		return err
	case info.IsDir():
		example := ""
		if models, _ := filepath.Glob(filepath.Join(path, "*.onnx")); len(models) > 0 {
			example = ", such as " + models[0]
		}
		return fmt.Errorf("model %q is a folder%s\nFix: name a file%s", path, cli.There("models", path, "*.onnx"), example)
	}
	return nil
}
