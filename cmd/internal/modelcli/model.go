package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"cyclegan/infer"
	"cyclegan/infer/session"
	"cyclegan/third_party/native"
)

// openModel opens the model, fetching ONNX Runtime if it is nowhere to be found.
func openModel(ctx context.Context, path string, cfg *config, stderr io.Writer) (*infer.Model, error) {
	model, err := infer.Open(path, &cfg.options)
	var missing *session.NotFoundError
	if !errors.As(err, &missing) {
		return model, cfg.inFlags(err)
	}
	library, err := native.FetchONNXRuntime(ctx, stderr)
	if err != nil {
		return nil, err
	}
	cfg.options.Library = library
	model, err = infer.Open(path, &cfg.options)
	return model, cfg.inFlags(err)
}

// flagNames are the names that the library's options have on the command line.
var flagNames = strings.NewReplacer("Options.OutputRange", "-output_range", "Options.Range", "-range", "Options.Output", "-output", "Options.Input", "-input",
	"Options.SizeMultiple", "-size_multiple")

// flagError is an error of the library's in which options have those names.
type flagError struct{ error }

func (e flagError) Error() string { return flagNames.Replace(e.error.Error()) }
func (e flagError) Unwrap() error { return e.error }

// inFlags says an error in the words of the command line, with a hint where two of its options are taken for one another.
func (c *config) inFlags(err error) error {
	if err == nil {
		return nil
	}
	err = flagError{err}
	for _, o := range []struct{ name, value, port, files string }{
		{"-input", c.options.Input, "input", "-in names the pictures to convert"},
		{"-output", c.options.Output, "output", "-out names the folder to write to"},
	} {
		if o.value != "" && strings.Contains(err.Error(), fmt.Sprintf("the model has no %s %q", o.port, o.value)) {
			if _, statErr := os.Stat(o.value); statErr == nil || strings.ContainsAny(o.value, `/\`) {
				return fmt.Errorf("%w\nto mend it: %s; %s is the name of an %s of the model's", err, o.files, o.name, o.port)
			}
		}
	}
	return err
}

// described says what is known of a model: two lines more about one that says nothing about itself.
func described(i infer.Info) string {
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
		threads = ", " + count(i.Threads, "thread")
	}
	fmt.Fprintf(&b, "ONNX Runtime %s on %s%s\n", i.Runtime, i.Provider, threads)
	for _, r := range i.Refused {
		fmt.Fprintf(&b, "  not on %s: %s\n", r.Provider, reason(r))
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

// reason says on a line why a provider was not taken.
func reason(r session.Refusal) string {
	text := strings.TrimPrefix(r.String(), fmt.Sprintf("provider %q: ", r.Provider))
	return strings.ReplaceAll(strings.ReplaceAll(text, "\nto mend it: ", "; to have it: "), "\n", "; ")
}
