package main

import (
	"bytes"
	"context"
	"embed"
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
	"cyclegan/third_party/native/fetch"
	"cyclegan/train"
	"cyclegan/train/dataset"
)

// scripts are the peers'. They run from a copy, so that a built program does not need them.
//
//go:embed peers/*.py
var scripts embed.FS

// files is a temporary folder with our programs and everything the contenders share.
type files struct {
	dir      string
	dataroot string
	trainer  string   // this program built with TensorFlow, if a setting needs it
	infer    string   // cmd/infer, if a setting needs it
	env      []string // of trainer
}

// prepare fetches the native libraries, builds our programs and copies the scripts.
func prepare(ctx context.Context, c *command, log io.Writer) (f *files, err error) {
	needs := func(work string) bool {
		return slices.ContainsFunc(c.settings, func(s setting) bool { return s.Work == work })
	}
	f = &files{dataroot: c.dataroot}
	if f.dir, err = os.MkdirTemp("", "cyclegan-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	if err := os.CopyFS(f.dir, scripts); err != nil {
		return nil, fmt.Errorf("copy the peers' scripts: %w", err)
	}
	if needs(workStep) {
		if f.env, err = fetch.Environ(ctx, log); err != nil {
			return nil, err
		}
		if f.trainer, err = f.build(ctx, "cmd/bench", f.env, "-tags="+fetch.Tag); err != nil {
			return nil, err
		}
	} else if _, err := fetch.ONNXRuntime(ctx, log); err != nil {
		return nil, err
	}
	if needs(workCold) {
		if f.infer, err = f.build(ctx, "cmd/infer", nil, "-tags="); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// build builds the program in a folder of the checkout that the current folder is in.
func (f *files) build(ctx context.Context, folder string, env []string, flags ...string) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "cyclegan").Output()
	if err != nil {
		return "", fmt.Errorf("find the checkout of cyclegan: %w\nFix: run bench in its folder cmd/bench", err)
	}
	path := f.path(filepath.Base(folder))
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-o", path}, append(flags, ".")...)...)
	cmd.Dir = filepath.Join(string(bytes.TrimSpace(root)), folder)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w: %s", folder, err, bytes.TrimSpace(out))
	}
	return path, nil
}

func (f *files) close() { _ = os.RemoveAll(f.dir) }

func (f *files) path(names ...string) string {
	return filepath.Join(append([]string{f.dir}, names...)...)
}

// worker returns the command of our own process for a kind of work. Only training runs in the
// program built with TensorFlow, whose libraries would take memory elsewhere.
func (f *files) worker(ctx context.Context, work string) *exec.Cmd {
	if work == workStep {
		cmd := exec.CommandContext(ctx, f.trainer, workerArgument)
		cmd.Env = append(os.Environ(), f.env...)
		return cmd
	}
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	cmd := exec.CommandContext(ctx, self, workerArgument)
	cmd.Args[0] = os.Args[0]
	return cmd
}

// spec writes the weights and images of a setting.
func (f *files) spec(set setting) (spec, error) {
	o, err := set.options()
	if err != nil {
		return spec{}, err
	}
	s := spec{setting: set, Weights: map[string]string{}}
	if s.dir, err = os.MkdirTemp(f.dir, set.Work); err != nil {
		return spec{}, err
	}
	if err := s.writeNetworks(o); err != nil {
		return spec{}, err
	}
	o.Dataroot = f.dataroot
	if set.Work == workStep {
		s.CheckSteps = checkSteps
		return s, s.writeBatches(o)
	}
	s.PeerModel = filepath.Join(s.dir, "pytorch.onnx")
	s.In, s.CheckInput = filepath.Join(s.dir, "in"), filepath.Join(s.dir, "check.f32")
	return s, s.writeImages(o)
}

// writeNetworks draws weights and writes them with the official names, and G_AB as our ONNX model.
// A conversion needs G_AB alone.
func (s *spec) writeNetworks(o train.Options) error {
	for i, name := range []string{train.GAB, train.GBA, train.DA, train.DB} {
		if i > 0 && s.Work != workStep {
			return nil
		}
		generator, discriminator := o.Generator(i == 0), o.Discriminator(i == 2)
		n, err := graph.NewGenerator(generator)
		if i >= 2 {
			n, err = graph.NewDiscriminator(discriminator)
		}
		if err != nil {
			return err
		}
		w, err := graph.Initialize(n, graph.InitNormal, o.InitGain, rand.New(rand.NewPCG(o.Seed, uint64(i))))
		if err != nil {
			return err
		}
		var file bytes.Buffer
		if i >= 2 {
			err = pytorch.WriteDiscriminator(&file, discriminator, w)
		} else {
			err = pytorch.WriteGenerator(&file, generator, w)
		}
		s.Weights[name] = filepath.Join(s.dir, name+".safetensors")
		if err := errors.Join(err, os.WriteFile(s.Weights[name], file.Bytes(), 0o644)); err != nil {
			return err
		}
		if i > 0 {
			continue
		}
		s.Model = filepath.Join(s.dir, "G_AB.onnx")
		m := onnxgraph.Metadata{Direction: "AtoB", TrainWidth: s.Size, TrainHeight: s.Size, Writer: "cyclegan bench"}
		data, err := onnxgraph.Marshal(n, w, m, onnxgraph.F32)
		if err != nil {
			return err
		}
		if err := os.WriteFile(s.Model, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// sharedBatches is the number of batches that the training steps cycle through.
const sharedBatches = 4

// writeBatches writes the images of some training steps.
func (s *spec) writeBatches(o train.Options) error {
	o.Scenes, o.MaxDatasetSize, o.NumThreads = sharedBatches*o.BatchSize, sharedBatches*o.BatchSize, 0
	data, err := dataset.Open(o.Dataset())
	if err != nil {
		return err
	}
	defer data.Close()
	for i := range min(sharedBatches, data.Batches()) {
		b, err := data.Batch(1, i)
		if err != nil {
			return err
		}
		pair := [2]string{filepath.Join(s.dir, fmt.Sprintf("A%d.f32", i)), filepath.Join(s.dir, fmt.Sprintf("B%d.f32", i))}
		err = errors.Join(writeFloats(pair[0], b.A), writeFloats(pair[1], b.B))
		b.Release()
		if err != nil {
			return err
		}
		s.Batches = append(s.Batches, pair)
	}
	return nil
}

// checkedImages is the number of images on which the generators' outputs are compared.
const checkedImages = 2

func imageName(i int) string { return fmt.Sprintf("%06d.jpg", i) }

// writeImages fills the input folder with JPEG files and writes the first few as tensors.
func (s *spec) writeImages(o train.Options) error {
	options := o.Dataset()
	options.ScenesA, options.ScenesB, options.ScenesTest = 1, 1, s.Images
	data, err := dataset.Open(options)
	if err != nil {
		return err
	}
	defer data.Close()
	set := data.TestA()
	if set.Len() < s.Images {
		return fmt.Errorf("%v: fewer than %d images to convert\nFix: ask for fewer with -images", set, s.Images)
	}
	if err := os.MkdirAll(s.In, 0o755); err != nil {
		return err
	}
	layout := pixels.Spec{Layout: pixels.NCHW, Range: pixels.Symmetric, Channels: 3}
	var tensors []float32
	for i := range s.Images {
		img, err := set.Image(i, s.Size, s.Size)
		if err != nil {
			return err
		}
		path := filepath.Join(s.In, imageName(i))
		if err := pixels.Save(path, img, pixels.SaveOptions{}); err != nil {
			return err
		}
		if i >= checkedImages {
			continue
		}
		saved, err := pixels.Load(path, pixels.Limits{})
		if err != nil {
			return err
		}
		one := make([]float32, layout.Len(s.Size, s.Size))
		if err := layout.Put(one, saved.Image); err != nil {
			return err
		}
		tensors = append(tensors, one...)
	}
	return writeFloats(s.CheckInput, tensors)
}
