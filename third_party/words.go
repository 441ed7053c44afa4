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

// install fetches both libraries and prints where they lie.
func install(ctx context.Context, args []string) error {
	if err := alone("install", args, nil); err != nil {
		return err
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

// list prints the table of libraries.
func list(args []string) error {
	if err := alone("list", args, nil); err != nil {
		return err
	}
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "LIBRARY\tVERSION\tPLATFORM\tLICENCE\tTRIED\tPYTHON PACKAGE\tTAGS\tSHA-256 OF THE WHEEL")
	for _, w := range native.Wheels() {
		tried := "untested"
		if w.Tried {
			tried = "tried"
		}
		fmt.Fprintf(t, "%s\t%s\t%s/%s\t%s\t%s\t%s\t%s %s\t%s\n",
			w.Title, w.Version, w.GOOS, w.GOARCH, w.License, tried, w.Requirement(), w.PythonTag(), w.Tag, w.SHA256)
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
