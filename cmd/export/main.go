//go:build tensorflow

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"cyclegan/cmd/internal/cli"
	"cyclegan/graph"
	"cyclegan/graph/onnxgraph"
	"cyclegan/graph/tfgraph"
	"cyclegan/train"
	"cyclegan/train/export"
)

func main() {
	c, status, ok := start(os.Args[1:], os.Stderr)
	if !ok {
		os.Exit(status)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second Ctrl-C ends the program at once.
	context.AfterFunc(ctx, stop)
	c.announce(os.Stderr)
	files, err := c.write(ctx)
	switch {
	case err == nil:
		c.report(os.Stdout, os.Stderr, files)
		os.Exit(cli.Done)
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "export: interrupted; what is not reported as written is not there")
		os.Exit(cli.Interrupted)
	}
	fmt.Fprintf(os.Stderr, "export: %v\n", err)
	os.Exit(cli.Failed)
}

// write writes what was loaded.
func (c *command) write(ctx context.Context) ([]written, error) {
	if c.format == formatSafetensors {
		return c.writeSafetensors()
	}
	if c.pth != "" {
		m := c.metadata
		m.Writer = exporter.Writer
		loss, err := c.export(ctx, c.output, c.network, c.weights, train.GAB, m)
		return []written{{c.output, loss}}, err
	}
	dir, err := c.folder()
	if err != nil {
		return nil, err
	}
	extension := ".onnx"
	if c.precision != onnxgraph.F32 {
		extension = fmt.Sprintf(".%s.onnx", c.precision)
	}
	var files []written
	for _, name := range []string{train.GAB, train.GBA} {
		n, w, err := c.checkpoint.Generator(name, c.kind, c.run.Generator)
		if err != nil {
			return files, fmt.Errorf("export %s: %w", name, err)
		}
		path := filepath.Join(dir, name+extension)
		loss, err := c.export(ctx, path, n, w, name, exporter.Metadata(c.checkpoint, name, n.Name))
		if err != nil {
			return files, err
		}
		files = append(files, written{path, loss})
	}
	return files, nil
}

// export writes one generator with the precision that was asked for. It tells
// what it calibrates on, since that takes some time.
func (c *command) export(ctx context.Context, path string, n *graph.Network, w graph.Weights, name string, m onnxgraph.Metadata) (*export.Loss, error) {
	switch c.precision {
	case onnxgraph.F32:
		return nil, exporter.Write(ctx, path, n, w, m)
	case onnxgraph.F16:
		return exporter.WriteReduced(ctx, path, n, w, m, c.precision, nil, nil)
	}
	calibration, check, err := c.pictures(n, name, m)
	if err != nil {
		return nil, fmt.Errorf("export %q: %w", path, err)
	}
	fmt.Fprintf(os.Stderr, "%s: calibrating on %d pictures of %dx%d (%s)\n", path, calibration.Count, calibration.W, calibration.H, calibration.Source)
	return exporter.WriteReduced(ctx, path, n, w, m, c.precision, calibration, check)
}

// exporter writes generators as ONNX.
var exporter = export.Exporter{Reference: tfgraph.Evaluate, Writer: "cyclegan export"}
