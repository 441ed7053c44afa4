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
	"cyclegan/infer"
	"cyclegan/infer/batch"
	"cyclegan/infer/session"
)

// workerArgument makes this program a contender's process, which speaks the protocol of
// peers/protocol.py.
const workerArgument = "worker"

// worker is our side of a work, ready for its turns.
type worker struct {
	ready ready
	turn  func() error
	close func() error
}

// serve is the main function of a contender's process. It returns the exit status.
func serve(in io.Reader, out, log io.Writer) int {
	if err := serveTurns(bufio.NewScanner(in), json.NewEncoder(out)); err != nil {
		fmt.Fprintln(log, err)
		return cli.Failed
	}
	return cli.Done
}

func serveTurns(in *bufio.Scanner, out *json.Encoder) error {
	in.Buffer(nil, 1<<20)
	in.Scan()
	var s spec
	if err := json.Unmarshal(in.Bytes(), &s); err != nil {
		return fmt.Errorf("read what to do: %w", errors.Join(err, in.Err()))
	}
	newWorker := newConversion
	if s.Work == workStep {
		newWorker = newStep
	}
	w, err := newWorker(context.Background(), s)
	if err != nil {
		return err
	}
	defer w.close()
	if err := out.Encode(answer{Ready: &w.ready}); err != nil {
		return err
	}
	for in.Scan() {
		if in.Text() != "round" {
			return fmt.Errorf("unknown request %q", in.Text())
		}
		begin := time.Now()
		if err := w.turn(); err != nil {
			return err
		}
		seconds := time.Since(begin).Seconds()
		if err := out.Encode(answer{Seconds: &seconds}); err != nil {
			return err
		}
	}
	return in.Err()
}

// newConversion converts the folder in each turn, with a model that stays open.
func newConversion(ctx context.Context, s spec) (*worker, error) {
	if err := writeOutputs(ctx, s); err != nil {
		return nil, err
	}
	m, err := infer.Open(s.Model, &infer.Options{Threads: s.Threads})
	if err != nil {
		return nil, err
	}
	versions := goVersion()
	versions["ONNX Runtime"] = m.Info().Runtime
	return &worker{ready: ready{Versions: versions}, close: m.Close, turn: func() error {
		plan, err := batch.NewPlan([]string{s.In}, s.Out, "")
		if err != nil {
			return err
		}
		converter, err := batch.New(m, nil)
		if err != nil {
			return err
		}
		summary, err := converter.Run(ctx, plan)
		if err == nil && len(summary.Failed) > 0 {
			err = summary.Failed[0].Err
		}
		if err == nil && summary.Converted != s.Images {
			err = fmt.Errorf("converted %d of %d images", summary.Converted, s.Images)
		}
		return err
	}}, nil
}

// writeOutputs writes the generator's outputs for the images to check. It closes its session again,
// since the memory of the process is measured.
func writeOutputs(ctx context.Context, s spec) error {
	if s.CheckOutput == "" {
		return nil
	}
	m, err := session.Open(s.Model, &session.Options{IntraThreads: s.Threads})
	if err != nil {
		return err
	}
	defer m.Close()
	values, err := readFloats(s.CheckInput)
	if err != nil {
		return err
	}
	size := 3 * s.Size * s.Size
	var outputs []float32
	for at := 0; at+size <= len(values); at += size {
		out, err := m.Run(ctx, session.Tensor{Shape: []int64{1, 3, int64(s.Size), int64(s.Size)}, Data: values[at : at+size]})
		if err != nil {
			return err
		}
		outputs = append(outputs, out[0].Data...)
	}
	return writeFloats(s.CheckOutput, outputs)
}

// goVersion begins the versions of our contenders.
func goVersion() map[string]string {
	return map[string]string{"Go": strings.TrimPrefix(runtime.Version(), "go")}
}
