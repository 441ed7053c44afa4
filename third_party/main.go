// Command third_party fetches the native libraries, TensorFlow and ONNX Runtime, and the weights of
// the frozen features, and runs a command with them:
//
//	go run ./third_party go test ./...
//
// Its -h lists the other uses.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"

	"cyclegan/third_party/native"
	"cyclegan/third_party/native/fetch"
)

const usage = `Runs a command with the native libraries, TensorFlow and ONNX Runtime, and with the weights of the frozen features,
EfficientNet-Lite0. Fetches them first if they are missing.

Usage:
  go run ./third_party COMMAND [ARG...]        run a command, for example: go run ./third_party go test ./...
  go run ./third_party env [-json]             print the environment for a shell, or as JSON for an editor
  go run ./third_party install                 fetch what is missing and print the paths
  go run ./third_party install -with cuda      also fetch the libraries for NVIDIA GPUs
                                               (2.5 GB, unpacked 4 GB; Linux on x86-64)
  go run ./third_party install -with openvino  also fetch ONNX Runtime with OpenVINO (84 MB; Linux on x86-64)
  go run ./third_party list                    print the libraries: version, licence, origin, hash

In a shell:  eval "$(go run ./third_party env)"

Environment variables:
  CYCLEGAN_TENSORFLOW   folder with include and lib; replaces the fetched TensorFlow
  CYCLEGAN_ONNXRUNTIME  ONNX Runtime's shared library or its folder; replaces the fetched one
  CYCLEGAN_FEATURES     EfficientNet-Lite0's weights, a file of torch.save; replaces the fetched ones
  CYCLEGAN_CACHE        folder for fetched libraries and built programs; default: cyclegan in the user's cache
  CYCLEGAN_WITH         libraries to use: cpu, cuda or openvino; default: cuda if it is installed and the machine
                        has NVIDIA's driver, otherwise cpu
`

// Exit statuses of this project's commands.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) (status int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	status, err := command(ctx, args)
	var wrong usageError
	switch {
	case err == nil:
		return status
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(usage)
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "third_party: interrupted")
		return exitInterrupted
	case errors.As(err, &wrong):
		fmt.Fprintf(os.Stderr, "third_party: %v\n\n%s", err, usage)
		return exitUsage
	}
	fmt.Fprintf(os.Stderr, "third_party: %v\n", err)
	return exitFailed
}

// usageError is a mistake on the command line.
type usageError string

func (e usageError) Error() string { return string(e) }

func command(ctx context.Context, args []string) (status int, err error) {
	args, err = parse(args, nil)
	if err != nil {
		return 0, err
	}
	if len(args) == 0 {
		return 0, usageError("no command given")
	}
	switch args[0] {
	case "env":
		return 0, env(ctx, args[1:])
	case "install":
		return 0, install(ctx, args[1:])
	case "list":
		return 0, list(args[1:])
	}
	settings, err := fetch.Environ(ctx, os.Stderr)
	if err != nil {
		return 0, err
	}
	return fetch.Run(args, settings)
}

// parse parses the flags that define adds and returns the remaining arguments.
func parse(args []string, define func(*flag.FlagSet)) (rest []string, err error) {
	fs := flag.NewFlagSet("third_party", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	if define != nil {
		define(fs)
	}
	err = fs.Parse(args)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		err = usageError(err.Error())
	}
	return fs.Args(), err
}

// parseAll parses the flags of a subcommand that takes no arguments.
func parseAll(name string, args []string, define func(*flag.FlagSet)) error {
	rest, err := parse(args, define)
	if err == nil && len(rest) > 0 {
		err = usageError(fmt.Sprintf("%s takes no arguments, got %q", name, rest))
	}
	return err
}

// env prints the environment.
func env(ctx context.Context, args []string) error {
	var asJSON bool
	if err := parseAll("env", args, func(fs *flag.FlagSet) { fs.BoolVar(&asJSON, "json", false, "") }); err != nil {
		return err
	}
	settings, err := fetch.Environ(ctx, os.Stderr)
	if err != nil {
		return err
	}
	object := map[string]string{}
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		object[name] = value
		if asJSON {
			continue
		}
		if _, err := fmt.Printf("export %s=%s\n", name, quote(value)); err != nil {
			return err
		}
	}
	if !asJSON {
		return nil
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

// install fetches both libraries and the weights, or the libraries of a set, and prints their
// paths.
func install(ctx context.Context, args []string) error {
	var with string
	if err := parseAll("install", args, func(fs *flag.FlagSet) { fs.StringVar(&with, "with", "", "") }); err != nil {
		return err
	}
	if with != "" {
		return installSet(ctx, with)
	}
	tf, err := fetch.TensorFlow(ctx, os.Stderr)
	if errors.Is(err, native.ErrNoBuild) {
		tf = "(not for this platform)"
	} else if err != nil {
		return err
	}
	ort, err := fetch.ONNXRuntime(ctx, os.Stderr)
	if err != nil {
		return err
	}
	weights, err := fetch.Features(ctx, os.Stderr)
	if err != nil {
		return err
	}
	_, err = fmt.Printf("TensorFlow          %s\nONNX Runtime        %s\nEfficientNet-Lite0  %s\n", tf, ort, weights)
	return err
}

func installSet(ctx context.Context, set string) error {
	if set != native.CUDA && set != native.OpenVINO {
		return usageError(fmt.Sprintf("install -with %s: use %s or %s", set, native.CUDA, native.OpenVINO))
	}
	if err := fetch.Set(ctx, os.Stderr, set); err != nil {
		return err
	}
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, w := range native.OfSet(set) {
		dir, _, err := w.Cached()
		if err != nil {
			return err
		}
		fmt.Fprintf(t, "%s\t%s\n", w, dir)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if set == native.CUDA && native.NVIDIADriver() == "" {
		fmt.Fprintf(os.Stderr, "third_party: this machine has no NVIDIA driver (libcuda.so.1), "+
			"so the CPU libraries stay in use; %s=%s overrides that\n", native.EnvWith, set)
	}
	return nil
}

// list prints the table of libraries.
func list(args []string) error {
	if err := parseAll("list", args, nil); err != nil {
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
		fmt.Fprintf(t, "%s\t%s\t%s\t%s/%s\t%s\t%s\t%s\t%s %s\t%.1f MB\t%s\n", w.Title, w.Version, with, w.GOOS, w.GOARCH,
			w.License, tried, w.Requirement(), w.PythonTag(), w.Tag, float64(w.Bytes)/1e6, w.SHA256)
	}
	return t.Flush()
}
