// Command evaluate judges a folder of pictures by another one.
//
//	go run ./cmd/evaluate -real datasets/yosemite/testB -fake winter -resize 128x128
//	go run ./cmd/evaluate -real datasets/yosemite/testB -fake winter -features inception.onnx
//	go run ./cmd/evaluate -real truth -fake winter -paired
//
// It prints the sliced Wasserstein distance of the two sets, with a feature
// extractor KID and FID too, and of pairs by file name PSNR, SSIM and L1, as a
// table or as JSON. It parses, wires and prints; packages metric and features do
// the work.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"cyclegan/cmd/internal/cli"
	"cyclegan/infer/session"
	"cyclegan/third_party/native/fetch"
	"cyclegan/train/metric/features"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	cfg, err := parse(args)
	if errors.Is(err, errHelp) {
		usage(stdout)
		return cli.Done
	}
	if err != nil {
		fmt.Fprintf(stderr, "evaluate: %v\nto mend it: `go run ./cmd/evaluate -h` lists the options\n", err)
		return cli.WrongUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process
	rep := newReport(cfg)
	rep.Status, err = judge(ctx, cfg, rep, stderr)
	if ctx.Err() != nil {
		rep.Status, err = cli.Interrupted, errors.New("interrupted")
	}
	if err != nil {
		rep.Error = err.Error()
		fmt.Fprintln(stderr, "evaluate:", err)
	}
	if cfg.json != "-" { // else standard output is the JSON's
		rep.table(stdout)
	}
	if err := rep.write(cfg.json, stdout); err != nil {
		fmt.Fprintln(stderr, "evaluate:", err)
		return cli.Failed
	}
	return rep.Status
}

// openExtractor opens the model, fetching ONNX Runtime if it is nowhere to be found.
func openExtractor(ctx context.Context, cfg *config, stderr io.Writer) (*features.Extractor, error) {
	e, err := features.Open(cfg.features, &cfg.extractor)
	var missing *session.NotFoundError
	if errors.As(err, &missing) {
		if cfg.extractor.Library, err = fetch.ONNXRuntime(ctx, stderr); err != nil {
			return nil, err
		}
		e, err = features.Open(cfg.features, &cfg.extractor)
	}
	if errors.Is(err, features.ErrNoRange) {
		err = fmt.Errorf("%w\nto mend it: add -features_range LOW,HIGH", err)
	}
	return e, err
}
