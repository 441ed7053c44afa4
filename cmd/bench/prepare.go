package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"cyclegan/graph"
	"cyclegan/graph/onnxgraph"
	"cyclegan/graph/pytorch"
	"cyclegan/infer/pixels"
	"cyclegan/infer/pixels/atomicfile"
	"cyclegan/third_party/native"
	"cyclegan/train"
	"cyclegan/train/dataset"
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
	if _, err := native.FetchONNXRuntime(ctx, os.Stderr); err != nil {
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

// options are those of the training that a setting is a step of.
func (s setting) options() (train.Options, error) {
	o, err := train.Preset("paper")
	o.NetG, o.NGF, o.NDF, o.BatchSize = s.NetG, s.NGF, s.NDF, s.Batch
	o.LoadSize, o.CropSize, o.NoFlip = s.Size, s.Size, true
	o.Precision, o.Threads, o.GPUIDs, o.Seed = s.Precision, s.Threads, "-1", 1
	return o, err
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

// writeNetworks draws weights and writes them with the official names, and our
// model of G_AB.
func writeNetworks(s *spec, o train.Options, dir string) error {
	write := func(name string, content func(io.Writer) error) error {
		path := filepath.Join(dir, name+".safetensors")
		s.Weights[name] = path
		return atomicfile.Write(path, content)
	}
	draw := func(n *graph.Network, stream uint64) (graph.Weights, error) {
		return graph.Initialize(n, graph.InitNormal, o.InitGain, rand.New(rand.NewPCG(o.Seed, stream)))
	}
	for i, name := range []string{train.GAB, train.GBA} {
		options := o.Generator(i == 0)
		n, err := graph.NewGenerator(options)
		if err != nil {
			return err
		}
		w, err := draw(n, uint64(i))
		if err != nil {
			return err
		}
		if err := write(name, func(out io.Writer) error { return pytorch.WriteGenerator(out, options, w) }); err != nil {
			return err
		}
		if name == train.GAB && s.Work != workStep {
			s.Model = filepath.Join(dir, "G_AB.onnx")
			m := onnxgraph.Metadata{Direction: "AtoB", TrainWidth: s.Size, TrainHeight: s.Size, Writer: "cyclegan bench"}
			if err := atomicfile.Write(s.Model, func(out io.Writer) error { return onnxgraph.Write(out, n, w, m) }); err != nil {
				return err
			}
		}
		if s.Work != workStep {
			return nil // these run one generator
		}
	}
	for i, name := range []string{train.DA, train.DB} {
		options := o.Discriminator(i == 0)
		n, err := graph.NewDiscriminator(options)
		if err != nil {
			return err
		}
		w, err := draw(n, uint64(2+i))
		if err != nil {
			return err
		}
		if err := write(name, func(out io.Writer) error { return pytorch.WriteDiscriminator(out, options, w) }); err != nil {
			return err
		}
	}
	return nil
}

// sharedBatches is how many batches of pictures the steps go around in.
const sharedBatches = 4

// writeBatches writes the pictures of some training steps.
func (f *files) writeBatches(o train.Options, dir string) ([][2]string, error) {
	o.Dataroot = f.command.dataroot
	o.Scenes, o.NumThreads = sharedBatches*o.BatchSize, 0
	o.MaxDatasetSize = sharedBatches * o.BatchSize
	data, err := dataset.Open(o.Dataset())
	if err != nil {
		return nil, err
	}
	defer data.Close()
	var batches [][2]string
	for i := range min(sharedBatches, data.Batches()) {
		b, err := data.Batch(1, i)
		if err != nil {
			return nil, err
		}
		pair := [2]string{filepath.Join(dir, fmt.Sprintf("A%d.f32", i)), filepath.Join(dir, fmt.Sprintf("B%d.f32", i))}
		err = errors.Join(writeFloats(pair[0], b.A), writeFloats(pair[1], b.B))
		b.Release()
		if err != nil {
			return nil, err
		}
		batches = append(batches, pair)
	}
	return batches, nil
}

// checkedPictures is how many pictures the contenders' outputs are compared on.
const checkedPictures = 2

// writePictures fills the folder of pictures to convert with JPEG files, and
// writes the tensors of the first few.
func (f *files) writePictures(s *spec) error {
	o, err := s.options()
	if err != nil {
		return err
	}
	o.Dataroot = f.command.dataroot
	options := o.Dataset()
	options.ScenesA, options.ScenesB, options.ScenesTest = 1, 1, s.Pictures
	data, err := dataset.Open(options)
	if err != nil {
		return err
	}
	defer data.Close()
	set := data.TestA()
	if set.Len() < s.Pictures {
		return fmt.Errorf("%v: fewer than the %d to convert; ask for fewer with -pictures", set, s.Pictures)
	}
	if err := os.MkdirAll(s.In, 0o755); err != nil {
		return err
	}
	layout := pixels.Spec{Layout: pixels.NCHW, Range: pixels.Symmetric, Channels: 3}
	var tensors []float32
	for i := range s.Pictures {
		path := filepath.Join(s.In, fmt.Sprintf("%06d.jpg", i))
		if err := writePicture(set, o.Dataroot, i, s.Size, path); err != nil {
			return err
		}
		if i >= checkedPictures {
			continue
		}
		picture, err := pixels.Load(path, pixels.Limits{})
		if err != nil {
			return err
		}
		one := make([]float32, layout.Len(s.Size, s.Size))
		if err := layout.Put(one, picture.Image); err != nil {
			return err
		}
		tensors = append(tensors, one...)
	}
	return writeFloats(s.CheckInput, tensors)
}

// writePicture writes picture i as JPEG: the file itself where it is one of
// that size, and else what it is resized to. The set is of the dataroot, which
// the names of its pictures begin in unless it is a zip file or none.
func writePicture(set *dataset.Set, dataroot string, i, size int, path string) error {
	if data, err := os.ReadFile(filepath.Join(dataroot, set.Name(i))); err == nil && set.Dir() != "" {
		h, err := pixels.Header(bytes.NewReader(data), pixels.Limits{})
		if err == nil && h.Format == "jpeg" && h.Orientation == 1 && h.Width == size && h.Height == size {
			return os.WriteFile(path, data, 0o644)
		}
	}
	img, err := set.Image(i, size, size)
	if err != nil {
		return err
	}
	return pixels.Save(path, img, pixels.SaveOptions{})
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

// buildInfer builds cmd/infer.
func (f *files) buildInfer(ctx context.Context) (string, error) {
	path := f.path("infer")
	cmd := exec.CommandContext(ctx, "go", "build", "-tags=", "-o", path, "cyclegan/cmd/infer")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build cyclegan/cmd/infer: %w: %s\nrun bench inside the checkout", err, bytes.TrimSpace(out))
	}
	return path, nil
}
