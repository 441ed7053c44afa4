package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"cyclegan/third_party/native"
)

// env prints the settings.
func env(ctx context.Context, args []string) error {
	var asJSON bool
	if err := alone("env", args, func(fs *flag.FlagSet) { fs.BoolVar(&asJSON, "json", false, "") }); err != nil {
		return err
	}
	settings, err := native.Environ(ctx, os.Stderr)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(settings)
	}
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		if _, err := fmt.Printf("export %s=%s\n", name, quote(value)); err != nil {
			return err
		}
	}
	return nil
}

func printJSON(settings []string) error {
	object := map[string]string{}
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		object[name] = value
	}
	e := json.NewEncoder(os.Stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(object)
}

// quote makes s one word of a POSIX shell.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// install fetches both libraries, or what a set adds, and prints where they lie.
func install(ctx context.Context, args []string) error {
	var with string
	if err := alone("install", args, func(fs *flag.FlagSet) { fs.StringVar(&with, "with", "", "") }); err != nil {
		return err
	}
	if with != "" {
		return installWith(ctx, with)
	}
	tf, err := native.FetchTensorFlow(ctx, os.Stderr)
	if errors.Is(err, native.ErrNoBuild) {
		tf = "(not for this platform)"
	} else if err != nil {
		return err
	}
	ort, err := native.FetchONNXRuntime(ctx, os.Stderr)
	if err != nil {
		return err
	}
	_, err = fmt.Printf("TensorFlow    %s\nONNX Runtime  %s\n", tf, ort)
	return err
}

func installWith(ctx context.Context, set string) error {
	if set != native.CUDA && set != native.OpenVINO {
		return usageError(fmt.Sprintf("install -with %s: there is %s and %s", set, native.CUDA, native.OpenVINO))
	}
	places, err := native.FetchWith(ctx, os.Stderr, set)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, p := range places {
		fmt.Fprintf(t, "%s\t%s\n", p.Title, p.Path)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if set == native.CUDA && native.NVIDIADriver() == "" {
		fmt.Fprintf(os.Stderr, "third_party: this machine has no NVIDIA driver (libcuda.so.1), so that the libraries for the CPU stay in use; %s=%s takes these all the same\n", native.EnvWith, set)
	}
	return nil
}

// list prints the table of libraries.
func list(args []string) error {
	if err := alone("list", args, nil); err != nil {
		return err
	}
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "LIBRARY\tVERSION\tWITH\tPLATFORM\tLICENCE\tTRIED\tPYTHON PACKAGE\tTAGS\tSIZE\tSHA-256 OF THE WHEEL")
	for _, w := range native.Wheels() {
		tried := "untested"
		if w.Tried {
			tried = "tried"
		}
		with := w.With
		if with == "" {
			with = "-"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s/%s\t%s\t%s\t%s\t%s %s\t%.1f MB\t%s\n",
			w.Title, w.Version, with, w.GOOS, w.GOARCH, w.License, tried, w.Requirement(), w.PythonTag(), w.Tag, float64(w.Bytes)/1e6, w.SHA256)
	}
	return t.Flush()
}

// alone reads the flags of a word that nothing may follow.
func alone(word string, args []string, define func(*flag.FlagSet)) error {
	rest, err := parse(args, define)
	if err == nil && len(rest) > 0 {
		err = usageError(fmt.Sprintf("%s takes no argument, and got %q", word, rest))
	}
	return err
}
