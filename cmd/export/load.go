package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"

	"cyclegan/cmd/internal/cli"
	"cyclegan/graph"
	"cyclegan/graph/onnxgraph"
	"cyclegan/graph/pytorch"
	"cyclegan/train"
	"cyclegan/train/checkpoint"
	"cyclegan/train/dataset"
)

// loaded is what a command exports: the generator of a PyTorch file, or the checkpoint of a run.
type loaded struct {
	// Of a PyTorch file.
	network *graph.Network
	options graph.GeneratorOptions
	weights graph.Weights

	// Of a run.
	run        train.Options
	checkpoint *checkpoint.Checkpoint
	kind       string // of the weights, checkpoint.WeightsLatest or WeightsEMA

	data  *dataset.Dataset // images to calibrate int8 on
	notes []string         // about what was loaded
}

func (l *loaded) note(format string, args ...any) {
	l.notes = append(l.notes, fmt.Sprintf(format, args...))
}

// load reads what is exported, so that mistakes show before anything is fetched or built.
func (c *command) load() error {
	load := c.loadRun
	if c.pth != "" {
		load = c.loadPTH
	}
	if err := load(); err != nil {
		return err
	}
	if c.precision != onnxgraph.Int8 {
		return nil
	}
	if err := c.openCalibration(); err != nil {
		return fmt.Errorf("calibration: %w", err)
	}
	return nil
}

func (c *command) loadPTH() error {
	state, err := pytorch.ReadFile(c.pth)
	if err != nil {
		return err
	}
	state, err = state.Choose(c.net, c.metadata.Direction)
	if err != nil {
		return fmt.Errorf("%q: %w", c.pth, err)
	}
	o, err := pytorch.Recognize(state)
	if err != nil {
		if d, dErr := pytorch.RecognizeDiscriminator(state); dErr == nil {
			return fmt.Errorf("%q holds a discriminator (%s)\nFix: export a generator, such as latest_net_G_A.pth", c.pth, d.Architecture)
		}
		return fmt.Errorf("%q: %w", c.pth, err)
	}
	c.options = c.override(o)
	if c.network, c.weights, err = pytorch.Generator(state, c.options); err != nil {
		return fmt.Errorf("%q: %w", c.pth, err)
	}
	c.note("%s: %s with %d filters (%s), norm %s, %d channels in, %d out, %d trainable values", c.pth,
		c.options.Architecture, c.options.Filters, pytorch.Layout(c.options), c.options.Norm, c.options.In, c.options.Out, c.network.ParamCount())
	return nil
}

func (c *command) loadRun() error {
	var err error
	c.run, err = train.LoadRun(c.checkpointsDir, c.name)
	if errors.Is(err, fs.ErrNotExist) {
		if files, _ := filepath.Glob(filepath.Join(c.checkpointsDir, c.name, "*_net_G*.pth")); len(files) > 0 {
			return fmt.Errorf("run %q is of the official implementation\nFix: export its files one by one: %s -pth %s -o G.onnx", c.name, cli.Program("export"), files[0])
		}
		return cli.Usage(fmt.Errorf("no run %q in %s: %w%s", c.name, c.checkpointsDir, err, cli.There("runs", c.checkpointsDir, cli.Runs)))
	}
	if err != nil {
		return err
	}
	c.kind = c.run.Weights()[0]
	switch c.epoch {
	case "", best:
		err = c.loadBest()
		if c.epoch == best && errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("run %q has no best checkpoint yet: the first evaluation is after %d images (-eval_every)", c.name, c.run.EvalEvery)
		}
		if c.epoch == "" && err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				c.note("%v; using the latest one", err)
			}
			err = c.loadLatest()
		}
	case latest:
		err = c.loadLatest()
	default:
		epoch, _ := strconv.Atoi(c.epoch) // checked
		c.checkpoint, err = c.run.Checkpoints().Epoch(epoch)
	}
	if err != nil {
		return err
	}
	c.note("run %s after step %d: %s, %s and %s", c.run.Dir(), c.checkpoint.Step, c.run.NetG, c.checkpoint.DomainA, c.checkpoint.DomainB)
	return nil
}

func (c *command) loadBest() (err error) {
	if c.checkpoint, err = c.run.Checkpoints().Best(); err != nil {
		return err
	}
	if b := c.checkpoint.Best; b != nil {
		c.kind = b.Weights
		c.note("best by %s %.4g, %s weights", b.By, b.Value, b.Weights)
	}
	return nil
}

func (c *command) loadLatest() (err error) {
	var damaged []error
	c.checkpoint, damaged, err = c.run.Checkpoints().Latest()
	for _, d := range damaged {
		c.note("%v; using the previous one", d)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("run %q has no checkpoint yet: the first is written after %d images, or when the run is interrupted", c.name, c.run.SaveLatestFreq)
	}
	return err
}

// openCalibration finds the images to calibrate on: those of -calibration, or else the training
// images of the run.
func (c *command) openCalibration() (err error) {
	switch {
	case c.pth != "":
		d := dataset.DefaultOptions()
		d.InputNC, d.OutputNC = c.options.In, c.options.In
		d.WindowA, d.WindowB = c.metadata.InputWindow, c.metadata.InputWindow
		c.data, err = openFolder(d, c.calibration)
	case c.calibration != "":
		d := c.run.Dataset()
		d.Dataroot, d.DirA, d.DirB = c.calibration, "", ""
		var domainsErr error
		if c.data, domainsErr = dataset.Open(asIs(d)); domainsErr != nil {
			if c.data, err = openFolder(d, c.calibration); err != nil {
				err = fmt.Errorf("neither two domains (%w) nor one folder (%w)", domainsErr, err)
			}
		}
	default:
		if c.data, err = dataset.Open(asIs(c.run.Dataset())); err != nil {
			err = fmt.Errorf("training images of the run: %w\nFix: name other images with -calibration", err)
		}
	}
	return err
}

// asIs returns options that keep the sizes of images, and no images in memory.
func asIs(d dataset.Options) dataset.Options {
	d.OneSize, d.MemoryBytes = false, 0
	if d.Dataroot != "" || d.DirA != "" {
		d.Preprocess = dataset.None
	}
	return d
}

// openFolder opens a folder of images as both domains.
func openFolder(d dataset.Options, dir string) (*dataset.Dataset, error) {
	d.Dataroot, d.DirA, d.DirB = "", dir, dir
	return dataset.Open(asIs(d))
}
