package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/log"
)

// quiet keeps what Beam and its embedded runner log from drowning the rest. Where the work is done elsewhere, warnings are shown: a runner may log
// why it waits, and say nothing else.
func quiet(verbose, inProcess bool, stderr io.Writer) {
	if verbose {
		return
	}
	if inProcess {
		stderr = io.Discard
	}
	log.SetLogger(warnings{stderr})
	slog.SetDefault(slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
}

// warnings is a log of nothing less.
type warnings struct{ w io.Writer }

func (l warnings) Log(_ context.Context, severity log.Severity, _ int, text string) {
	if severity >= log.SevWarn {
		fmt.Fprintln(l.w, "beam:", text)
	}
}
