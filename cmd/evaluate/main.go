// Command evaluate scores a folder of images against a reference folder.
//
//	go run ./cmd/evaluate -real datasets/yosemite/testB -fake winter -resize 128x128
//	go run ./cmd/evaluate -real datasets/yosemite/testB -fake winter -features inception.onnx
//	go run ./cmd/evaluate -real truth -fake winter -paired
//
// It prints the sliced Wasserstein distance of the two sets, KID and FID of their features, and for
// pairs of the same file name PSNR, SSIM and L1, as a table or as JSON. Packages metric and
// features compute the scores.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"cyclegan/cmd/internal/cli"
	"cyclegan/cmd/internal/modelcli"
	"cyclegan/infer/session"
	"cyclegan/third_party/native/fetch"
	"cyclegan/train/metric/features"
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
	rep := newReport(cfg)
	err := score(ctx, cfg, rep, stderr)
	switch {
	case ctx.Err() != nil:
		rep.Status, err = cli.Interrupted, errors.New("interrupted")
	case err == nil && len(rep.Real.Failed)+len(rep.Fake.Failed)+len(rep.PairsFailed) > 0:
		rep.Status = cli.SomeFailed
	default:
		rep.Status = cli.Status(err)
	}
	if err != nil {
		rep.Error = err.Error()
		fmt.Fprintln(stderr, "evaluate:", err)
	}
	if cfg.json != "-" { // with -, only JSON goes to standard output
		rep.table(stdout)
	}
	if err := modelcli.WriteSummary(cfg.json, stdout, rep); err != nil {
		fmt.Fprintln(stderr, "evaluate:", err)
		return cli.Failed
	}
	return rep.Status
}

// openExtractor opens the feature extractor, and fetches its weights and ONNX Runtime first if they
// are missing.
func openExtractor(ctx context.Context, cfg *config, stderr io.Writer) (*features.Extractor, error) {
	if cfg.features == features.EfficientNet {
		if _, err := fetch.Features(ctx, stderr); err != nil {
			return nil, err
		}
	}
	e, err := features.Open(cfg.features, &cfg.extractor)
	var missing *session.NotFoundError
	if errors.As(err, &missing) {
		if cfg.extractor.Library, err = fetch.ONNXRuntime(ctx, stderr); err != nil {
			return nil, err
		}
		e, err = features.Open(cfg.features, &cfg.extractor)
	}
	if errors.Is(err, features.ErrNoRange) {
		err = fmt.Errorf("%w\nFix: add -features_range LO,HI", err)
	}
	return e, err
}
