package main

import (
	"cmp"
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

// Values of -epoch that are not numbers.
const (
	best   = "best"
	latest = "latest"
)

// trained is the folder of a run of cmd/train.
type trained struct {
	dir     string
	options map[string]json.RawMessage // nil if the run does not record them
}

// openTrained opens a run in a folder of runs. It reads the options without checking them, because
// only few matter.
func openTrained(folder, name string) (*trained, error) {
	dir := filepath.Join(folder, name)
	if !isFolder(dir) {
		return nil, fmt.Errorf("no run %q%s\nFix: name the run with -name and -checkpoints_dir", dir, cli.There("runs", folder, cli.Runs))
	}
	r := &trained{dir: dir}
	path := filepath.Join(dir, "options.json")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &r.options)
	}
	if err != nil {
		return nil, fmt.Errorf("read the options of the run: %q: %w", path, err)
	}
	return r, nil
}

// option returns an option of the run in the form of its command line.
func (r *trained) option(name string) (string, bool) {
	v, ok := r.options[name]
	return strings.Trim(string(v), `"`), ok
}

func (r *trained) checkFixed(o *official) error {
	var bad []error
	for _, opt := range officialOptions {
		was, known := r.option(opt.name)
		if opt.support == fixed && o.has(opt.name) && known && was != o.value(opt.name) {
			bad = append(bad, fmt.Errorf("-%s %s: run %q was trained with %s, which the .onnx file fixes; omit the option", opt.name, o.value(opt.name), r.dir, was))
		}
	}
	return errors.Join(bad...)
}

// folder returns the folder of the generators that -epoch names. The run's own folder has its best
// state, or the last one of a run that was never evaluated.
func (r *trained) folder(o *official) string {
	switch epoch := o.value("epoch"); {
	case !o.has("epoch") || epoch == best:
		return r.dir
	case epoch != latest:
		return filepath.Join(r.dir, "epoch_"+epoch)
	}
	dir := filepath.Join(r.dir, latest)
	if _, err := os.Stat(filepath.Join(r.dir, "checkpoints", "best.safetensors")); err == nil || isFolder(dir) {
		return dir
	}
	return r.dir
}

func (r *trained) generators(o *official, names ...string) ([]string, error) {
	dir := r.folder(o)
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
	epoch, program := o.value("epoch"), cli.Program("export")
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
		command += " -checkpoints_dir " + o.value("checkpoints_dir")
	}
	switch {
	case dir == r.dir:
		return command
	case epoch == latest:
		return command + " -epoch latest"
	}
	return fmt.Sprintf("%s -epoch %s -o %s\nThe run must have kept that epoch (-save_epoch_freq of the training).", command, epoch, dir)
}

// jobs returns the conversions of an official command line, with notes about them.
func (o *official) jobs() (jobs []job, notes []string, err error) {
	run, err := openTrained(o.value("checkpoints_dir"), o.name)
	if err != nil {
		return nil, nil, err
	}
	if err := run.checkFixed(o); err != nil {
		return nil, nil, cli.Usage(err)
	}
	notes = o.notes()
	eval, _ := strconv.ParseBool(o.value("eval"))
	if norm, _ := run.option("norm"); norm == "batch" && !eval {
		notes = append(notes, "BatchNorm uses its running statistics, as test.py does only with -eval")
	}
	if o.model == modelTest {
		jobs, err = o.convert(run, []string{o.generatorOf(run)}, []string{o.value("dataroot")})
		return jobs, notes, err
	}
	direction, known := run.option("direction")
	asked := o.value("direction")
	if known && o.has("direction") && asked != direction {
		return nil, nil, cli.Usage(fmt.Errorf("-direction %s: run %q was trained with %s, so each generator would get the images of the wrong domain\n"+
			"Fix: omit -direction to convert both ways; for %[1]s only, use -model test -direction %[1]s with the folder of images as -dataroot", asked, run.dir, direction))
	}
	a, b, err := phaseFolders(o.value("dataroot"), o.value("phase"))
	if err != nil {
		return nil, nil, err
	}
	if asked == "BtoA" || direction == "BtoA" {
		a, b = b, a
	}
	jobs, err = o.convert(run, []string{"G_AB", "G_BA"}, []string{a, b})
	return jobs, notes, err
}

func (o *official) convert(run *trained, generators, folders []string) ([]job, error) {
	paths, err := run.generators(o, generators...)
	if err != nil {
		return nil, err
	}
	maxImages := o.number("num_test")
	if n := o.number("max_dataset_size"); n > 0 {
		maxImages = min(maxImages, n)
	}
	var jobs []job
	for i, g := range generators {
		jobs = append(jobs, job{
			model: source{path: paths[i]}, inputs: []string{folders[i]}, maxImages: maxImages, check: o.checkModel,
			// G_AB makes fake_B, as in the official code.
			output: filepath.Join(o.value("results_dir"), o.name, o.value("phase")+"_"+o.value("epoch"), "fake_"+g[len(g)-1:]),
			wrap:   func(t batch.Translator) batch.Translator { return prepared{t, o.preprocessing()} },
		})
	}
	return jobs, nil
}

// generatorOf returns the generator that -model test runs.
func (o *official) generatorOf(run *trained) string {
	switch o.value("model_suffix") {
	case "_A", "_AB":
		return "G_AB"
	case "_B", "_BA":
		return "G_BA"
	}
	direction, _ := run.option("direction")
	if o.has("direction") && o.value("direction") != cmp.Or(direction, "AtoB") {
		return "G_BA"
	}
	return "G_AB"
}

// checkModel rejects a model that contradicts -netG, for runs that do not record their options.
func (o *official) checkModel(i infer.Info) error {
	if o.has("netG") && i.Architecture != "" && i.Architecture != o.value("netG") {
		return fmt.Errorf("-netG %s: the model is %s; omit the option", o.value("netG"), i.Architecture)
	}
	return nil
}

// phaseFolders finds the folders of domains A and B in root, or else one level deeper, by the names
// that cmd/train knows.
func phaseFolders(root, phase string) (a, b string, err error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return "", "", fmt.Errorf("-dataroot: %w\nFix: name a folder; unpack an archive first", err)
	}
	namings := [][2]string{{phase + "A", phase + "B"}, {phase + "_A", phase + "_B"}, {phase + "_summer", phase + "_winter"}}
	if phase == "train" {
		namings[2] = [2]string{"summer", "winter"}
	}
	dirs := []string{root}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && e.Name() != "__MACOSX" {
			dirs = append(dirs, filepath.Join(root, e.Name()))
		}
	}
	var found []string
	for i, dir := range dirs {
		if i == 1 && len(found) > 0 {
			break // deeper folders do not count
		}
		for _, naming := range namings {
			inA, inB := filepath.Join(dir, naming[0]), filepath.Join(dir, naming[1])
			hasA, hasB := isFolder(inA), isFolder(inB)
			if hasA && hasB {
				a, b, found = inA, inB, append(found, dir)
				break
			}
			if hasB {
				inA, inB = inB, inA
			}
			if hasA || hasB {
				return "", "", fmt.Errorf("%s exists, but %s does not\nFix: for a single folder use -model test -dataroot %[1]s", inA, inB)
			}
		}
	}
	switch len(found) {
	case 0:
		return "", "", fmt.Errorf("-dataroot %q has no folders %s and %s\nFix: name the beginning of their names with -phase; for a single folder of images add -model test", root, namings[0][0], namings[0][1])
	case 1:
		return a, b, nil
	}
	return "", "", fmt.Errorf("-dataroot %q holds several data sets: %s, %s...\nFix: name one of them", root, found[0], found[1])
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
