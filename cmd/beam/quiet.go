package main

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/log"
)

// quiet keeps what Beam and its embedded runner log from drowning the rest: an error that ends a pipeline is told once, by this program.
func quiet(verbose bool) {
	if verbose {
		return
	}
	log.SetLogger(silent{})
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	_ = os.Stderr
}

// silent is a log that nobody reads.
type silent struct{}

func (silent) Log(context.Context, log.Severity, int, string) {}
