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

// latest is the epoch of the newest state of a run.
const latest = "latest"

// trained is the folder that a training has left.
type trained struct {
	dir     string
	options map[string]any // nil where the run does not tell them
}

// openTrained looks into the folder of the run. Of its options only those are read that are asked for, whatever else there is.
func openTrained(dir string) (*trained, error) {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil, fmt.Errorf("there is no run %q\nto mend it: -name and -checkpoints_dir say which run%s", dir, runsNear(filepath.Dir(dir)))
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
		return nil, fmt.Errorf("options of the run: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&r.options); err != nil {
		return nil, fmt.Errorf("options of the run: read %q: %w", path, err)
	}
	return r, nil
}

// runsNear names the runs in a folder, for a hint.
func runsNear(dir string) string {
	found, err := filepath.Glob(filepath.Join(dir, "*", "*.onnx"))
	if err != nil || len(found) == 0 {
		return ""
	}
	var names []string
	for _, path := range found {
		name := filepath.Base(filepath.Dir(path))
		if len(names) == 0 || names[len(names)-1] != name {
			names = append(names, name)
		}
	}
	if len(names) > 5 {
		names = append(names[:5], "...")
	}
	return "; there are " + strings.Join(names, ", ")
}

// option gives an option of the training as it would stand on its command line.
func (r *trained) option(name string) (string, bool) {
	v, ok := r.options[name]
	return fmt.Sprint(v), ok
}

// checkFixed lists the options that contradict those of the training.
func (r *trained) checkFixed(o *official) error {
	var bad []error
	for _, opt := range officialOptions {
		was, known := r.option(opt.name)
		if opt.place == fixed && o.has(opt.name) && known && was != o.values[opt.name] {
			bad = append(bad, fmt.Errorf("-%s %s: run %q was trained with %s; leave it out, since the .onnx file fixes it", opt.name, o.values[opt.name], r.dir, was))
		}
	}
	return errors.Join(bad...)
}

// generators gives the files of G_AB, G_BA or both after an epoch.
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
		return nil, fmt.Errorf("run %q has no generator %s\nto mend it: %s", r.dir, strings.Join(missing, ", "), strings.Join(slices.Compact(commands), "\n            "))
	}
	return paths, nil
}

// export says how a generator comes into dir.
func (r *trained) export(o *official, g, dir string) string {
	side, direction := "_A", "AtoB"
	if g == "G_BA" {
		side, direction = "_B", "BtoA"
	}
	epoch := o.values["epoch"]
	for _, suffix := range []string{side, ""} {
		pth := filepath.Join(r.dir, epoch+"_net_G"+suffix+".pth")
		if _, err := os.Stat(pth); err == nil {
			command := fmt.Sprintf("go run ./cmd/export -pth %s -direction %s -o %s", pth, direction, filepath.Join(dir, g+".onnx"))
			if !isFolder(dir) {
				command = fmt.Sprintf("mkdir %s && %s", dir, command)
			}
			return command
		}
	}
	command := "go run ./cmd/export -name " + o.name
	if o.has("checkpoints_dir") {
		command += " -checkpoints_dir " + o.values["checkpoints_dir"]
	}
	if epoch == latest {
		return command
	}
	return fmt.Sprintf("%s -epoch %s -o %s\nif the run has kept that epoch (-save_epoch_freq of the training says which it keeps)", command, epoch, dir)
}

// jobs says which generator converts which pictures, and what is worth a line each.
func (o *official) jobs() (jobs []job, notes []string, err error) {
	run, err := openTrained(filepath.Join(o.values["checkpoints_dir"], o.name))
	if err != nil {
		return nil, nil, err
	}
	if err := run.checkFixed(o); err != nil {
		return nil, nil, cli.Usage(err)
	}
	notes = o.notes()
	if norm, _ := run.option("norm"); norm == "batch" && !o.is("eval") {
		notes = append(notes, "BatchNorm uses its running statistics, as test.py does with -eval alone")
	}
	if o.model == modelTest {
		jobs, err = o.convert(run, []string{o.generatorOf(run)}, []string{o.values["dataroot"]})
		return jobs, notes, err
	}
	direction, known := run.option("direction")
	asked := o.values["direction"]
	if known && o.has("direction") && asked != direction {
		return nil, nil, cli.Usage(fmt.Errorf("-direction %s: run %q was trained with %s, so each generator would get the pictures that it makes\n"+
			"to mend it: leave -direction out for both ways; for %[1]s alone give -model test -direction %[1]s and the folder of pictures as -dataroot", asked, run.dir, direction))
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

// convert gives each generator a folder.
func (o *official) convert(run *trained, generators, folders []string) ([]job, error) {
	paths, err := run.generators(o, generators...)
	if err != nil {
		return nil, err
	}
	var jobs []job
	for i, g := range generators {
		jobs = append(jobs, job{
			model: paths[i], inputs: []string{folders[i]}, most: o.most(), check: o.checkModel,
			// By the official names of the results.
			output: filepath.Join(o.values["results_dir"], o.name, o.values["phase"]+"_"+o.values["epoch"], "fake_"+g[len(g)-1:]),
			wrap:   func(t batch.Translator) batch.Translator { return prepared{t, o.preprocessing()} },
		})
	}
	return jobs, nil
}

// generatorOf gives the generator that -model test runs.
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

// checkModel refuses a model that is not what the command line says; a run that tells its options has been asked before.
func (o *official) checkModel(i infer.Info) error {
	if o.has("netG") && i.Architecture != "" && i.Architecture != o.values["netG"] {
		return fmt.Errorf("-netG %s: it is %s; leave it out, since the .onnx file fixes it", o.values["netG"], i.Architecture)
	}
	return nil
}
