package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"cyclegan/cmd/internal/cli"
	"cyclegan/graph"
	"cyclegan/graph/pytorch"
	"cyclegan/infer/atomicfile"
	"cyclegan/train"
	"cyclegan/train/checkpoint"
	"cyclegan/train/dataset"
	"cyclegan/train/export"
)

// work is what has been loaded to be exported: the generator of a PyTorch file
// or the checkpoint of a run.
type work struct {
	// Of a PyTorch file.
	network *graph.Network
	options graph.GeneratorOptions
	weights graph.Weights

	// Of a run.
	run        train.Options
	checkpoint *checkpoint.Checkpoint
	kind       string // of the weights, checkpoint.WeightsLatest or WeightsEMA

	// data holds the pictures to calibrate on, for int8.
	data *dataset.Dataset

	// notes say what was found.
	notes []string
}

func (w *work) note(format string, args ...any) {
	w.notes = append(w.notes, fmt.Sprintf(format, args...))
}

// load reads what is to be exported, so that what is wrong with it shows
// before anything is fetched or built.
func (c *command) load() error {
	c.work = &work{}
	load := c.loadRun
	if c.pth != "" {
		load = c.loadPTH
	}
	if err := load(); err != nil {
		return err
	}
	return c.openCalibration()
}

func (c *command) loadPTH() error {
	state, err := pytorch.ReadFile(c.pth)
	if err != nil {
		return err
	}
	o, err := pytorch.Recognize(state)
	if err != nil {
		if d, dErr := pytorch.RecognizeDiscriminator(state); dErr == nil {
			return fmt.Errorf("%q holds a discriminator (%s), and generators alone are exported; take latest_net_G_A.pth or latest_net_G_B.pth", c.pth, d.Architecture)
		}
		return fmt.Errorf("%q: %w", c.pth, err)
	}
	c.options = c.override(o)
	if c.network, c.weights, err = pytorch.Generator(state, c.options); err != nil {
		return fmt.Errorf("%q: %w", c.pth, err)
	}
	c.note("%s: %s with %d filters, norm %s, %d channels in, %d out, %d trainable values", c.pth,
		c.options.Architecture, c.options.Filters, c.options.Norm, c.options.In, c.options.Out, c.network.ParamCount())
	return nil
}

func (c *command) loadRun() error {
	var err error
	c.run, err = train.LoadRun(c.checkpointsDir, c.name)
	if errors.Is(err, fs.ErrNotExist) {
		if files, _ := filepath.Glob(filepath.Join(c.checkpointsDir, c.name, "*_net_G*.pth")); len(files) > 0 {
			return fmt.Errorf("run %q is of the official implementation: export its files one by one, as in -pth %s -o G.onnx", c.name, files[0])
		}
		return cli.Usage(fmt.Errorf("there is no run %q in %s: %w%s", c.name, c.checkpointsDir, err, runsIn(c.checkpointsDir)))
	}
	if err != nil {
		return err
	}
	c.kind = c.run.Weights()[0]
	switch {
	case c.epoch > 0:
		c.checkpoint, err = c.run.Checkpoints().Epoch(c.epoch)
	case c.best:
		c.checkpoint, err = c.run.Checkpoints().Best()
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("run %q has no best checkpoint yet: its generators are first judged after %d pictures (-eval_every)", c.name, c.run.EvalEvery)
		}
		if err == nil && c.checkpoint.Best != nil {
			c.kind = c.checkpoint.Best.Weights
			c.note("best by %s %.4g, %s weights", c.checkpoint.Best.By, c.checkpoint.Best.Value, c.checkpoint.Best.Weights)
		}
	default:
		var damaged []error
		c.checkpoint, damaged, err = c.run.Checkpoints().Latest()
		for _, d := range damaged {
			c.note("%v; taking the one before it", d)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("run %q has no checkpoint yet: its first comes after %d pictures, or when it is interrupted", c.name, c.run.SaveLatestFreq)
		}
	}
	if err != nil {
		return err
	}
	c.note("run %s after step %d: %s, %s and %s", c.run.Dir(), c.checkpoint.Step, c.run.NetG, c.checkpoint.DomainA, c.checkpoint.DomainB)
	return nil
}

// runsIn names runs for a hint.
func runsIn(dir string) string {
	found, err := filepath.Glob(filepath.Join(dir, "*", train.OptionsFile))
	if err != nil || len(found) == 0 {
		return ""
	}
	hint := "; there are"
	for i, path := range found {
		if i == 5 {
			return hint + " and others"
		}
		hint += " " + filepath.Base(filepath.Dir(path))
	}
	return hint
}

// folder is where the generators of a run go: where asked, else in the run's
// folder, those of an earlier epoch apart from the newest. It is made if need be.
func (c *command) folder() (string, error) {
	dir := c.output
	if dir == "" {
		dir = c.run.Dir()
		switch {
		case c.epoch > 0:
			dir = filepath.Join(dir, fmt.Sprintf("epoch_%d", c.epoch))
		case c.best:
			dir = filepath.Join(dir, "best")
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the folder to write to: %w", err)
	}
	return dir, nil
}

// A written file, and what it has lost against f32.
type written struct {
	path string
	loss *export.Loss // nil for nothing
}

// writeSafetensors writes what was loaded for PyTorch.
func (c *command) writeSafetensors() ([]written, error) {
	if c.pth != "" {
		return []written{{path: c.output}}, writeFile(c.output, c.options, c.weights)
	}
	dir, err := c.folder()
	if err != nil {
		return nil, err
	}
	var files []written
	for _, name := range []string{train.GAB, train.GBA} {
		_, w, err := c.checkpoint.Generator(name, c.kind, c.run.Generator)
		if err != nil {
			return files, fmt.Errorf("export %s: %w", name, err)
		}
		path := filepath.Join(dir, name+"."+formatSafetensors)
		if err := writeFile(path, c.run.Generator(name == train.GAB), w); err != nil {
			return files, err
		}
		files = append(files, written{path: path})
	}
	return files, nil
}

// writeFile writes a generator beside path and gives it that name once it is
// whole.
func writeFile(path string, o graph.GeneratorOptions, w graph.Weights) error {
	err := atomicfile.WriteDurable(path, func(out io.Writer) error { return pytorch.WriteGenerator(out, o, w) })
	if err != nil {
		return fmt.Errorf("export %q: %w", path, err)
	}
	return nil
}

// announce says what is about to be exported.
func (c *command) announce(out io.Writer) {
	for _, note := range c.notes {
		fmt.Fprintln(out, note)
	}
}

// report says what was written and what to do with it.
func (c *command) report(out, notes io.Writer, files []written) {
	for _, f := range files {
		size := ""
		if info, err := os.Stat(f.path); err == nil {
			size = fmt.Sprintf(" (%.1f MB)", float64(info.Size())/1e6)
		}
		fmt.Fprintf(out, "wrote %s%s\n", f.path, size)
		if f.loss == nil {
			continue
		}
		fmt.Fprintf(out, "  %s: %v\n", c.precision, f.loss)
		if f.loss.Visible() {
			fmt.Fprintf(notes, "warning: below %d dB the difference may show: look at some pictures of %s beside those of f32; calibrating on more pictures (-calibration_count), or on ones more like those to convert, may help, and -precision f16 loses next to nothing\n", export.GoodPSNR, f.path)
		}
	}
	if c.format == formatSafetensors {
		fmt.Fprintf(out, "in PyTorch: net.load_state_dict(safetensors.torch.load_file(%q))\n", files[0].path)
		return
	}
	fmt.Fprintf(out, "try it:\n  go run ./cmd/infer -model %s -in FOLDER_OF_PICTURES -out results\n", files[0].path)
}
