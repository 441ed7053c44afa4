package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"cyclegan/infer/session"
)

// A starter is a contender of work cold: each round is a process from its
// start to its end, which leaves a picture.
type starter struct {
	program string
	args    []string
	log     string
	most    int64 // the largest peak so far
}

func (s *starter) round(ctx context.Context) (float64, error) {
	file, err := os.Create(s.log)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	cmd := exec.CommandContext(ctx, s.program, s.args...)
	cmd.Stdout, cmd.Stderr = file, file
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	stop := make(chan struct{})
	peak := make(chan int64)
	go func() { peak <- watched{cmd.Process.Pid}.follow(stop) }()
	err = cmd.Wait()
	took := time.Since(begin)
	close(stop)
	s.most = max(s.most, <-peak)
	if err != nil {
		return 0, ended(err, s.log)
	}
	return took.Seconds(), nil
}

func (s *starter) cpu() float64 { return 0 } // there is no process between rounds
func (s *starter) peak() int64  { return s.most }
func (s *starter) close()       {}

// enterCold makes a contender of work cold, and lets it convert its picture
// once, so that what it reads is in the system's cache for everybody.
func (t *contest) enterCold(ctx context.Context, n contender, s spec) (player, error) {
	say("  %s: once, untimed", n.Title)
	if err := os.MkdirAll(s.Out, 0o755); err != nil {
		return nil, err
	}
	picture := "000000.jpg"
	p := &starter{log: t.log(n.Name)}
	if n.Script == "" {
		program, err := t.files.buildInfer(ctx)
		if err != nil {
			return nil, err
		}
		if t.versions["ONNX Runtime"], err = runtimeVersion(s.Model); err != nil {
			return nil, err
		}
		p.program = program
		p.args = []string{"-model", s.Model, "-in", filepath.Join(s.In, picture), "-out", s.Out, "-threads", fmt.Sprint(s.Threads)}
	} else {
		data, err := json.Marshal(s)
		if err != nil {
			return nil, err
		}
		p.program = t.python
		p.args = []string{t.files.path("peers", n.Script), string(data), filepath.Join(s.In, picture), filepath.Join(s.Out, picture)}
	}
	_, err := p.round(ctx)
	return p, err
}

// runtimeVersion is the version of the ONNX Runtime that our side runs models with.
func runtimeVersion(model string) (string, error) {
	s, err := session.Open(model, nil)
	if err != nil {
		return "", err
	}
	defer s.Close()
	return s.Version(), nil
}

// buildInfer builds cmd/infer.
func (f *files) buildInfer(ctx context.Context) (string, error) {
	path := f.path("infer")
	cmd := exec.CommandContext(ctx, "go", "build", "-tags=", "-o", path, "cyclegan/cmd/infer")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build cyclegan/cmd/infer: %w: %s\nrun bench inside the checkout", err, bytes.TrimSpace(out))
	}
	return path, nil
}
