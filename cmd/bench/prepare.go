package main

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"cyclegan/third_party/native/fetch"
)

// peers are the contenders' scripts. They run from a copy, so that a built
// program needs no checkout for them.
//
//go:embed peers/*.py
var peers embed.FS

// files is the folder with what the contenders share.
type files struct {
	dir     string
	keep    bool
	command *command
}

// prepare gets the native libraries and our own programs, and makes the
// folder, with the scripts.
func (c *command) prepare(ctx context.Context) (*files, error) {
	if _, err := fetch.ONNXRuntime(ctx, os.Stderr); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(c.settings, setting.tensorFlow) {
		if err := buildTensorFlowWorker(ctx); err != nil {
			return nil, err
		}
	}

	f := &files{dir: c.dir, keep: c.dir != "", command: c}
	var err error
	if f.keep {
		f.dir, err = emptyFolder(c.dir)
	} else {
		f.dir, err = os.MkdirTemp("", "cyclegan-bench-")
	}
	if err != nil {
		return nil, fmt.Errorf("make a folder for what the contenders share: %w", err)
	}
	if err := os.CopyFS(f.dir, peers); err != nil {
		f.close()
		return nil, fmt.Errorf("copy the peers' scripts: %w", err)
	}
	return f, nil
}

// emptyFolder makes a folder, and refuses one that holds something already.
func emptyFolder(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("-dir %s is not empty; name a new folder", dir)
	}
	return dir, err
}

func (f *files) close() {
	if !f.keep {
		_ = os.RemoveAll(f.dir)
	}
}

func (f *files) path(name ...string) string {
	return filepath.Join(append([]string{f.dir}, name...)...)
}

// spec writes what a setting's contenders share and says where it lies.
func (f *files) spec(s setting) (spec, error) {
	o, err := s.options()
	if err != nil {
		return spec{}, err
	}
	dir := f.path(s.folder())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return spec{}, err
	}
	shared := spec{setting: s, Weights: map[string]string{}}
	if err := writeNetworks(&shared, o, dir); err != nil {
		return spec{}, err
	}
	if s.Work == workStep {
		shared.CheckSteps = checkSteps
		shared.Batches, err = f.writeBatches(o, dir)
		return shared, err
	}
	shared.PeerModel = filepath.Join(dir, "pytorch.onnx")
	shared.In, shared.CheckInput = filepath.Join(dir, "in"), filepath.Join(dir, "check.f32")
	return shared, f.writePictures(&shared)
}

// buildTensorFlowWorker starts the worker that needs TensorFlow with nothing to
// do: what is missing is fetched and built, where a person sees it.
func buildTensorFlowWorker(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, tensorFlowWorkerArgument)
	cmd.Args[0] = os.Args[0]
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("start the part of bench that needs TensorFlow: %w", err)
	}
	return nil
}

// peerVersions adds the versions of what the interpreter has.
func (c *command) peerVersions(ctx context.Context, f *files, versions map[string]string) error {
	if c.python == "" {
		return nil
	}
	out, err := exec.CommandContext(ctx, c.python, f.path("peers", "versions.py")).Output()
	if err == nil {
		err = json.Unmarshal(out, &versions)
	}
	if err != nil {
		return fmt.Errorf("ask -python %s which peers it has: %w", c.python, err)
	}
	return nil
}
