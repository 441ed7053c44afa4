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

// Open opens the model at path with the options o as [OpenWith] does.
func Open(ctx context.Context, path string, o *infer.Options, log io.Writer) (*infer.Model, error) {
	return OpenWith(ctx, o, log, func() (*infer.Model, error) { return infer.Open(path, o) })
}

// OpenWith opens a model with the options o by the function. Where ONNX Runtime is nowhere to be found it is fetched, which is said to log, o names it,
// and the function is called once more.
func OpenWith(ctx context.Context, o *infer.Options, log io.Writer, open func() (*infer.Model, error)) (*infer.Model, error) {
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
	return model, InFlags(err, o)
}

// flagNames are the names that the library's options have on the command line.
var flagNames = strings.NewReplacer("Options.OutputRange", "-output_range", "Options.Range", "-range", "Options.Output", "-output", "Options.Input", "-input",
	"Options.SizeMultiple", "-size_multiple")

// FlagError is an error of the library's in which options have those names.
type FlagError struct{ Err error }

func (e FlagError) Error() string { return flagNames.Replace(e.Err.Error()) }
func (e FlagError) Unwrap() error { return e.Err }

// InFlags says an error in the words of the command line, with a hint where two of its options are taken for one another.
func InFlags(err error, o *infer.Options) error {
	if err == nil {
		return nil
	}
	err = FlagError{err}
	for _, f := range []struct{ name, value, port, files string }{
		{"-input", o.Input, "input", "-in names the pictures to convert"},
		{"-output", o.Output, "output", "-out names the folder to write to"},
	} {
		if f.value != "" && strings.Contains(err.Error(), fmt.Sprintf("the model has no %s %q", f.port, f.value)) {
			if _, statErr := os.Stat(f.value); statErr == nil || strings.ContainsAny(f.value, `/\`) {
				return fmt.Errorf("%w\nto mend it: %s; %s is the name of an %s of the model's", err, f.files, f.name, f.port)
			}
		}
	}
	return err
}

// Described says what is known of a model: two lines more about one that says nothing about itself.
func Described(i infer.Info) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", i.Name())
	if i.Writer == "" && i.Architecture == "" {
		sizes := ""
		switch {
		case i.Width > 0 && i.Height > 0:
			sizes = fmt.Sprintf(", %dx%d alone", i.Width, i.Height)
		case i.SizeMultiple > 1:
			sizes = fmt.Sprintf(", sides in multiples of %d", i.SizeMultiple)
		}
		if i.Batch > 1 {
			sizes += fmt.Sprintf(", %d pictures at a time, all of them the same one", i.Batch)
		}
		fmt.Fprintf(&b, "  takes %q: %s %v, %s%s\n", i.InputPort.Name, i.InputPort.Type, i.Input.Layout, values(i.Input.Range.Lo, i.Input.Range.Hi, i.InputPort, "-range"), sizes)
		fmt.Fprintf(&b, "  gives %q: %s %v, %s\n", i.OutputPort.Name, i.OutputPort.Type, i.Output.Layout, values(i.Output.Range.Lo, i.Output.Range.Hi, i.OutputPort, "-range or -output_range"))
	}
	threads := ""
	if i.Provider == session.CPU {
		threads = ", " + cli.Count(i.Threads, "thread")
	}
	fmt.Fprintf(&b, "ONNX Runtime %s on %s%s\n", i.Runtime, i.Provider, threads)
	for _, r := range i.Refused {
		fmt.Fprintf(&b, "  not on %s: %s\n", r.Provider, Reason(r))
	}
	return b.String()
}

// values says what black and white are, and how that is known.
func values(lo, hi float32, p infer.Port, flag string) string {
	if p.RangeBy == "" {
		return fmt.Sprintf("%g to %g, which is assumed: %s says otherwise", lo, hi, flag)
	}
	return fmt.Sprintf("%g to %g by %s", lo, hi, flagNames.Replace(p.RangeBy))
}

// Reason says on a line why a provider was not taken.
func Reason(r session.Refusal) string {
	text := strings.TrimPrefix(r.String(), fmt.Sprintf("provider %q: ", r.Provider))
	return strings.ReplaceAll(strings.ReplaceAll(text, "\nto mend it: ", "; to have it: "), "\n", "; ")
}

// Check looks for a model before anything is fetched or opened.
func Check(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no model %q\nto mend it: train one with `go run ./cmd/train`, which prints where it writes G_AB.onnx and G_BA.onnx%s", path, Near(filepath.Dir(path)))
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("model %q is a folder\nto mend it: name the .onnx file%s", path, Near(path))
	}
	return nil
}

// Near names the models in a folder, for a hint.
func Near(dir string) string {
	found, err := filepath.Glob(filepath.Join(dir, "*.onnx"))
	if err != nil || len(found) == 0 {
		return ""
	}
	if len(found) > 4 {
		found = found[:4]
	}
	return "; near it are " + strings.Join(found, ", ")
}
