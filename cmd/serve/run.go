package main

import (
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"cyclegan/graph/onnxgraph"
	"cyclegan/infer/serve"
	"cyclegan/train"
	"cyclegan/train/checkpoint"
	"cyclegan/train/export"
)

// A runSource finds the generators of a training run: the exported ones under the name of the run,
// and those of the newest checkpoint under NAME-latest. The run may be under way.
type runSource struct {
	dir, name string
	log       *slog.Logger

	version string // of the checkpoints at the last look
	latest  []serve.Generator
}

// isRun reports whether a folder is that of a run.
func isRun(path string) bool {
	_, err := os.Stat(filepath.Join(path, train.OptionsFile))
	return err == nil
}

func newRunSource(path string, log *slog.Logger) (*runSource, error) {
	path, err := filepath.Abs(path) // "." has no name
	if err != nil {
		return nil, err
	}
	return &runSource{dir: filepath.Dir(path), name: filepath.Base(path), log: log}, nil
}

// Find implements serve.Source.
func (r *runSource) Find() ([]serve.Generator, error) {
	folder := filepath.Join(r.dir, r.name)
	if _, err := os.Stat(folder); err != nil {
		return nil, err
	}
	var found []serve.Generator
	for _, name := range []string{checkpoint.GAB, checkpoint.GBA} {
		exported, err := serve.Path(filepath.Join(folder, name+".onnx")).Find()
		if err == nil {
			found = append(found, exported...)
		}
	}
	if version := newest(filepath.Join(folder, "checkpoints")); version != r.version {
		r.version = version
		latest, err := r.exportLatest(version)
		if err != nil {
			r.log.Warn("the newest checkpoint cannot be served", "run", r.name, "error", err)
		}
		r.latest = latest
	}
	found = append(found, r.latest...)
	report := filepath.Join(folder, "report.html")
	if _, err := os.Stat(report); err != nil {
		report = ""
	}
	training := train.Options{CheckpointsDir: r.dir, Name: r.name}.Claimed()
	for i := range found {
		found[i].Report, found[i].Training = report, training
	}
	return found, nil
}

// newest describes the newest file of a folder.
func newest(dir string) string {
	entries, _ := os.ReadDir(dir)
	var newest fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && (newest == nil || info.ModTime().After(newest.ModTime())) {
			newest = info
		}
	}
	if newest == nil {
		return ""
	}
	return fmt.Sprint(newest.Name(), newest.Size(), newest.ModTime().UnixNano())
}

// exportLatest returns the generators of the newest checkpoint.
func (r *runSource) exportLatest(version string) ([]serve.Generator, error) {
	if version == "" {
		return nil, nil
	}
	o, err := train.LoadRun(r.dir, r.name)
	if err != nil {
		return nil, err
	}
	c, _, err := o.Checkpoints().Latest()
	if err != nil {
		return nil, err
	}
	var found []serve.Generator
	exporter := export.Exporter{Writer: "cyclegan serve"}
	for _, name := range []string{checkpoint.GAB, checkpoint.GBA} {
		network, weights, err := c.Generator(name, o.Weights()[0], o.Generator)
		if err != nil {
			return nil, err
		}
		meta := exporter.Metadata(c, name, network.Name)
		data, err := onnxgraph.Marshal(network, weights, meta, onnxgraph.F32)
		if err != nil {
			return nil, err
		}
		found = append(found, serve.Generator{
			Model: serve.CleanName(r.name + "-latest"), Direction: meta.Direction, Data: data, Version: version,
		})
	}
	return found, nil
}
