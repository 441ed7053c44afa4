package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"cyclegan/cmd/internal/cli"
)

// These make this program a contender's process, which talks with another one
// as peers/protocol.py does. Work without TensorFlow is done without it, since
// its libraries would take memory there.
const (
	workerArgument           = "worker"
	tensorFlowWorkerArgument = "worker_tensorflow"
)

// A worker is our side of a work, ready for its rounds.
type worker struct {
	ready ready
	round func() error
	close func() error
}

// serve is the whole of a contender's process. It returns the exit status.
func serve(in io.Reader, out, log io.Writer) int {
	err := serveRounds(bufio.NewReader(in), json.NewEncoder(out))
	if err != nil {
		fmt.Fprintln(log, err)
		return cli.Failed
	}
	return cli.Done
}

func serveRounds(in *bufio.Reader, out *json.Encoder) error {
	var s spec
	line, err := in.ReadBytes('\n')
	if errors.Is(err, io.EOF) && len(line) == 0 {
		return nil // it was only to be there
	}
	if err != nil {
		return fmt.Errorf("read what to do: %w", err)
	}
	if err := json.Unmarshal(line, &s); err != nil {
		return fmt.Errorf("read what to do: %w", err)
	}
	w, err := newWorker(context.Background(), s)
	if err != nil {
		return err
	}
	defer w.close()
	if err := out.Encode(answer{Ready: &w.ready}); err != nil {
		return err
	}
	for {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if line != "round\n" {
			return fmt.Errorf("%q is no request", line)
		}
		begin := time.Now()
		if err := w.round(); err != nil {
			return err
		}
		seconds := time.Since(begin).Seconds()
		if err := out.Encode(answer{Seconds: &seconds}); err != nil {
			return err
		}
	}
}

// tensorFlow tells whether our side of a work needs it.
func (s setting) tensorFlow() bool { return s.Work == workStep || s.Work == workExport }

func newWorker(ctx context.Context, s spec) (*worker, error) {
	switch {
	case s.tensorFlow() || s.Work == workPeak && s.Contender == byTensorFlow:
		return newTensorFlowWorker(ctx, s)
	case s.Work == workPeak && s.Contender == byONNXRuntime:
		return newRuntimePeak(ctx, s)
	case s.Work == workPeak && s.Contender == byCopying:
		return newCopy(s), nil
	case s.Work == workConvert && s.Contender == ours:
		return newConversion(ctx, s)
	case s.Work == workSession || s.Contender == bare:
		return newSession(ctx, s)
	}
	return nil, fmt.Errorf("work %q by %q is unknown", s.Work, s.Contender)
}

// versions are those of what every worker of ours is made of.
func versions() map[string]string {
	return map[string]string{"Go": strings.TrimPrefix(runtime.Version(), "go")}
}
