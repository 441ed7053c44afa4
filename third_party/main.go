// Command third_party fetches the native libraries, TensorFlow and ONNX Runtime, and runs something with them in place:
//
//	go run ./third_party go test ./...
//
// Its usage tells the rest.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"cyclegan/third_party/native"
)

const usage = `Runs a command with the native libraries, TensorFlow and ONNX Runtime, in place, fetching them first if they are missing.

Usage:
  go run ./third_party COMMAND [ARGUMENT...]   run a command, as in: go run ./third_party go test ./...
  go run ./third_party env [-json]             print the settings for a shell, or as JSON for an editor
  go run ./third_party install                 fetch what is missing and print where it lies
  go run ./third_party install -with cuda      fetch the libraries for NVIDIA's GPUs as well (2.5 GB, unpacked 4 GB; Linux on x86-64; not tried on a GPU)
  go run ./third_party install -with openvino  fetch ONNX Runtime with OpenVINO as well (84 MB; Linux on x86-64)
  go run ./third_party list                    print the libraries: version, licence, origin, hash

In a shell:  eval "$(go run ./third_party env)"

Environment variables:
  CYCLEGAN_TENSORFLOW   folder with include and lib, to be used instead of a fetched TensorFlow
  CYCLEGAN_ONNXRUNTIME  ONNX Runtime's shared library or its folder, to be used instead of a fetched one
  CYCLEGAN_CACHE        folder for fetched libraries and built programs, instead of the user's cache
  CYCLEGAN_WITH         cpu, cuda or openvino: the libraries to use; without it those for cuda where they are installed
                        and the machine has NVIDIA's driver, else those for the CPU
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
	settings, err := native.Environ(ctx, os.Stderr)
	if err != nil {
		return 0, err
	}
	return native.Run(args, settings)
}

// parse reads the flags that define sets up and returns what follows them.
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
