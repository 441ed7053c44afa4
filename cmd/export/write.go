package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"cyclegan/cmd/internal/cli"
	"cyclegan/graph"
	"cyclegan/graph/onnxgraph"
	"cyclegan/graph/pytorch"
	"cyclegan/infer/atomicfile"
	"cyclegan/train"
	"cyclegan/train/export"
)

type written struct {
	path string
	loss *export.Loss // against f32; nil for f32
}

// folder returns the folder for the generators of a run, which it creates: -o, or else the run's
// folder, with a subfolder for other checkpoints than the best.
func (c *command) folder() (string, error) {
	dir := c.output
	if dir == "" {
		dir = c.run.Dir()
		switch c.epoch {
		case "", best:
		case latest:
			dir = filepath.Join(dir, latest)
		default:
			dir = filepath.Join(dir, "epoch_"+c.epoch)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("create the output folder: %w", err)
	}
	return dir, nil
}

// writeRun writes both generators of a run by calling write. With an error, it also returns the
// files written before.
func (c *command) writeRun(extension string, write func(path, name string, n *graph.Network, w graph.Weights) (*export.Loss, error)) ([]written, error) {
	dir, err := c.folder()
	if err != nil {
		return nil, err
	}
	var files []written
	for _, name := range []string{train.GAB, train.GBA} {
		n, w, err := c.checkpoint.Generator(name, c.kind, c.run.Generator)
		if err != nil {
			return files, fmt.Errorf("export %s: %w", name, err)
		}
		path := filepath.Join(dir, name+extension)
		loss, err := write(path, name, n, w)
		if err != nil {
			return files, err
		}
		files = append(files, written{path, loss})
	}
	return files, nil
}

func (c *command) writeSafetensors() ([]written, error) {
	if c.pth != "" {
		return []written{{path: c.output}}, writeFile(c.output, c.options, c.weights)
	}
	return c.writeRun("."+formatSafetensors, func(path, name string, _ *graph.Network, w graph.Weights) (*export.Loss, error) {
		return nil, writeFile(path, c.run.Generator(name == train.GAB), w)
	})
}

func writeFile(path string, o graph.GeneratorOptions, w graph.Weights) error {
	err := atomicfile.WriteDurable(path, func(out io.Writer) error { return pytorch.WriteGenerator(out, o, w) })
	if err != nil {
		return fmt.Errorf("export %q: %w", path, err)
	}
	return nil
}

func (c *command) printNotes(out io.Writer) {
	for _, note := range c.notes {
		fmt.Fprintln(out, note)
	}
}

// report prints what was written to out, with the next command, and warnings to stderr.
func (c *command) report(out, stderr io.Writer, files []written) {
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
			fix := "use -precision f32"
			if c.precision == onnxgraph.Int8 {
				fix = "calibrate on more images (-calibration_count), or on images closer to those to convert; -precision f16 loses almost nothing"
			}
			fmt.Fprintf(stderr, "warning: a PSNR below %d dB may be visible: compare some images of %s with those of f32.\nFix: %s.\n", export.GoodPSNR, f.path, fix)
		}
	}
	if c.format == formatSafetensors {
		fmt.Fprintf(out, "In PyTorch: net.load_state_dict(safetensors.torch.load_file(%q))\n", files[0].path)
		return
	}
	fmt.Fprintf(out, "Convert images with it:\n  %s -model %s -in DIR -out results\n", cli.Program("infer"), files[0].path)
}
