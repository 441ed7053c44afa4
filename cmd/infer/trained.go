package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"cyclegan/cmd/internal/cli"
	"cyclegan/infer"
	"cyclegan/infer/batch"
)

// latest is the -epoch of a run's newest generators.
const latest = "latest"

// trained is the folder of a run of cmd/train.
type trained struct {
	dir     string
	options map[string]any // nil if the run does not record them
}

// openTrained opens the folder of a run. It reads the options without checking them, because only few matter.
func openTrained(dir string) (*trained, error) {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil, fmt.Errorf("no run %q%s\nFix: name the run with -name and -checkpoints_dir", dir, cli.There("runs", filepath.Dir(dir), "*"))
	}
	if err != nil {
		return nil, err
	}
	r := &trained{dir: dir}
	path := filepath.Join(dir, "options.json")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the options of the run: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&r.options); err != nil {
		return nil, fmt.Errorf("read the options of the run: %q: %w", path, err)
	}
	return r, nil
}

// option returns an option of the run in the form of its command line.
func (r *trained) option(name string) (string, bool) {
	v, ok := r.options[name]
	return fmt.Sprint(v), ok
}

// checkFixed returns an error if options contradict those of the run.
func (r *trained) checkFixed(o *official) error {
	var bad []error
	for _, opt := range officialOptions {
		was, known := r.option(opt.name)
		if opt.support == fixed && o.has(opt.name) && known && was != o.values[opt.name] {
			bad = append(bad, fmt.Errorf("-%s %s: run %q was trained with %s, which the .onnx file fixes; omit the option", opt.name, o.values[opt.name], r.dir, was))
		}
	}
	return errors.Join(bad...)
}

// generators returns the files of the named generators.
func (r *trained) generators(o *official, names ...string) ([]string, error) {
	dir := r.dir
	if epoch := o.values["epoch"]; epoch != latest {
		dir = filepath.Join(r.dir, "epoch_"+epoch)
	}
	var paths, missing, commands []string
	for _, g := range names {
		path := filepath.Join(dir, g+".onnx")
		paths = append(paths, path)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			missing, commands = append(missing, strconv.Quote(path)), append(commands, r.export(o, g, dir))
		} else if err != nil {
			return nil, err
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("run %q has no generator %s\nFix: %s", r.dir, strings.Join(missing, ", "), strings.Join(slices.Compact(commands), "\n     "))
	}
	return paths, nil
}

// export returns the command that writes a generator to dir.
func (r *trained) export(o *official, g, dir string) string {
	side, direction := "_A", "AtoB"
	if g == "G_BA" {
		side, direction = "_B", "BtoA"
	}
	epoch, program := o.values["epoch"], cli.Program("export")
	for _, suffix := range []string{side, ""} {
		pth := filepath.Join(r.dir, epoch+"_net_G"+suffix+".pth")
		if _, err := os.Stat(pth); err == nil {
			command := fmt.Sprintf("%s -pth %s -direction %s -o %s", program, pth, direction, filepath.Join(dir, g+".onnx"))
			if !isFolder(dir) {
				command = fmt.Sprintf("mkdir %s && %s", dir, command)
			}
			return command
		}
	}
	command := program + " -name " + o.name
	if o.has("checkpoints_dir") {
		command += " -checkpoints_dir " + o.values["checkpoints_dir"]
	}
	if epoch == latest {
		return command
	}
	return fmt.Sprintf("%s -epoch %s -o %s\nThe run must have kept that epoch (-save_epoch_freq of the training).", command, epoch, dir)
}

// jobs returns the conversions of an official command line, with notes about them.
func (o *official) jobs() (jobs []job, notes []string, err error) {
	run, err := openTrained(filepath.Join(o.values["checkpoints_dir"], o.name))
	if err != nil {
		return nil, nil, err
	}
	if err := run.checkFixed(o); err != nil {
		return nil, nil, cli.Usage(err)
	}
	notes = o.notes()
	eval, _ := strconv.ParseBool(o.values["eval"])
	if norm, _ := run.option("norm"); norm == "batch" && !eval {
		notes = append(notes, "BatchNorm uses its running statistics, as test.py does only with -eval")
	}
	if o.model == modelTest {
		jobs, err = o.convert(run, []string{o.generatorOf(run)}, []string{o.values["dataroot"]})
		return jobs, notes, err
	}
	direction, known := run.option("direction")
	asked := o.values["direction"]
	if known && o.has("direction") && asked != direction {
		return nil, nil, cli.Usage(fmt.Errorf("-direction %s: run %q was trained with %s, so each generator would get the images of the wrong domain\n"+
			"Fix: omit -direction to convert both ways; for %[1]s only, use -model test -direction %[1]s with the folder of images as -dataroot", asked, run.dir, direction))
	}
	a, b, err := phaseFolders(o.values["dataroot"], o.values["phase"])
	if err != nil {
		return nil, nil, err
	}
	if asked == "BtoA" || direction == "BtoA" {
		a, b = b, a
	}
	jobs, err = o.convert(run, []string{"G_AB", "G_BA"}, []string{a, b})
	return jobs, notes, err
}

// convert returns a job for each generator and its folder.
func (o *official) convert(run *trained, generators, folders []string) ([]job, error) {
	paths, err := run.generators(o, generators...)
	if err != nil {
		return nil, err
	}
	most := o.number("num_test", 0)
	var jobs []job
	for i, g := range generators {
		jobs = append(jobs, job{
			model: paths[i], inputs: []string{folders[i]}, most: min(most, o.number("max_dataset_size", most)), check: o.checkModel,
			// G_AB makes fake_B, as in the official code.
			output: filepath.Join(o.values["results_dir"], o.name, o.values["phase"]+"_"+o.values["epoch"], "fake_"+g[len(g)-1:]),
			wrap:   func(t batch.Translator) batch.Translator { return prepared{t, o.preprocessing()} },
		})
	}
	return jobs, nil
}

// generatorOf returns the generator that -model test runs.
func (o *official) generatorOf(run *trained) string {
	switch o.values["model_suffix"] {
	case "_A", "_AB":
		return "G_AB"
	case "_B", "_BA":
		return "G_BA"
	}
	direction, known := run.option("direction")
	if !known {
		direction = "AtoB"
	}
	if o.has("direction") && o.values["direction"] != direction {
		return "G_BA"
	}
	return "G_AB"
}

// checkModel rejects a model that contradicts -netG, for runs that do not record their options.
func (o *official) checkModel(i infer.Info) error {
	if o.has("netG") && i.Architecture != "" && i.Architecture != o.values["netG"] {
		return fmt.Errorf("-netG %s: the model is %s; omit the option", o.values["netG"], i.Architecture)
	}
	return nil
}

// namings are the folder names of domains A and B that cmd/train knows.
var namings = []func(phase string) (a, b string){
	func(p string) (a, b string) { return p + "A", p + "B" },
	func(p string) (a, b string) { return p + "_A", p + "_B" },
	func(p string) (a, b string) {
		if p == "train" {
			return "summer", "winter"
		}
		return p + "_summer", p + "_winter"
	},
}

// phaseFolders finds the folders of domains A and B in root, or else one level deeper.
func phaseFolders(root, phase string) (a, b string, err error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return "", "", fmt.Errorf("-dataroot: %w\nFix: name a folder; unpack an archive first", err)
	}
	dirs := []string{root}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && e.Name() != "__MACOSX" {
			dirs = append(dirs, filepath.Join(root, e.Name()))
		}
	}
	var found [][2]string
	var lone []error
	for i, dir := range dirs {
		a, b, err := pair(dir, phase)
		if err != nil {
			lone = append(lone, err)
		} else if a != "" {
			found = append(found, [2]string{a, b})
		}
		if i == 0 && (a != "" || err != nil) {
			break // deeper folders do not count
		}
	}
	switch {
	case len(found) == 1:
		return found[0][0], found[0][1], nil
	case len(found) > 1:
		return "", "", fmt.Errorf("-dataroot %q holds several data sets: %s, %s...\nFix: name one of them", root, filepath.Dir(found[0][0]), filepath.Dir(found[1][0]))
	case len(lone) > 0:
		return "", "", lone[0]
	}
	wantA, wantB := namings[0](phase)
	return "", "", fmt.Errorf("-dataroot %q has no folders %s and %s\nFix: name the beginning of their names with -phase; for a single folder of images add -model test", root, wantA, wantB)
}

// pair returns the folders of both domains in dir, and an error if there is only one of them.
func pair(dir, phase string) (a, b string, err error) {
	for _, naming := range namings {
		a, b := naming(phase)
		a, b = filepath.Join(dir, a), filepath.Join(dir, b)
		hasA, hasB := isFolder(a), isFolder(b)
		if hasA && hasB {
			return a, b, nil
		}
		if hasA != hasB {
			have, lack := a, b
			if hasB {
				have, lack = b, a
			}
			return "", "", fmt.Errorf("%s exists, but %s does not\nFix: for a single folder use -model test -dataroot %[1]s", have, lack)
		}
	}
	return "", "", nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
