// Command serve offers models over HTTP: a page to try them in a browser, and an API.
//
//	go run ./cmd/serve
//	go run ./cmd/serve -model checkpoints/demo
//	go run ./cmd/serve -listen 0.0.0.0:8080 -token_file token.txt
//
// Package serve does the work.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"cyclegan/cmd/internal/cli"
	"cyclegan/infer/serve"
	"cyclegan/infer/session"
	"cyclegan/third_party/native/fetch"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	cfg := &config{}
	f := flags(cfg)
	if err := cfg.parse(f, args); err != nil {
		return f.Report(err, stdout, stderr)
	}
	ctx, stop := cli.Context()
	defer stop()
	if err := cfg.serve(ctx, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "serve:", err)
		return cli.Status(err)
	}
	return cli.Done
}

// serve serves until ctx ends.
func (c *config) serve(ctx context.Context, stdout, stderr io.Writer) error {
	listener, err := net.Listen("tcp", c.listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is in use by another program\nFix: end that program, or choose another port with -listen, such as -listen 127.0.0.1:0 for any free one", c.listen)
	}
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer listener.Close()
	server, err := open(ctx, &c.options, stderr)
	if err != nil {
		return err
	}
	defer server.Close()
	fmt.Fprintf(stdout, "serving on %s\n", c.address(listener))
	return server.Serve(ctx, listener, c.tls)
}

// open opens a server. It fetches ONNX Runtime if that is missing.
func open(ctx context.Context, o *serve.Options, log io.Writer) (*serve.Server, error) {
	server, err := serve.New(o)
	if errors.As(err, new(*session.NotFoundError)) {
		if o.Infer.Library, err = fetch.ONNXRuntime(ctx, log); err != nil {
			return nil, err
		}
		server, err = serve.New(o)
	}
	return server, err
}
