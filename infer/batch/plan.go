package batch

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"cyclegan/infer/pixels"
)

// A Plan says which image goes where.
type Plan struct {
	// Jobs are in the order of the inputs and, within a folder, of the names. No two have the same
	// output.
	Jobs []Job
	// Unread lists the folders and links that could not be read.
	Unread []Failure
	// Unsupported lists the files in the folders whose names are not those of images that can be
	// read.
	Unsupported []string
	// SkippedLinks is the number of links to folders that were not followed, because they lead to
	// images that are in the plan or in the output anyway, or to a parent of an input.
	SkippedLinks int
	// AsPNG is the number of images that become PNG, because their formats can only be read.
	AsPNG int
	// Renamed lists the jobs whose outputs have another name because theirs was taken by another
	// image.
	Renamed []Job
}

// A Job is one image: the file to read and the file to write.
type Job struct{ Input, Output string }

// A Failure is a file or folder that could not be converted.
type Failure struct {
	Path string
	Err  error
}

// NewPlan plans the conversion of files and folders into the folder output.
//
// An input may be a file, a folder, which is searched with its subfolders, or a pattern in the form
// of filepath.Glob. Within folders, files with the extension of an image are taken, and names that
// begin with a dot are skipped, as is output itself. Links are followed unless they form a loop,
// and no folder is read twice. The tree of a single input folder is repeated in output; several
// input folders get a folder of their own in output each.
//
// Format is the format of the outputs ("png", "jpg", "webp", "gif", "bmp", "tiff"). If it is empty,
// each image keeps its format, or becomes PNG if that can only be read. Outputs have different
// names: of a.jpg and a.png as PNG, the first becomes a.jpg.png.
//
// NewPlan creates output if needed, checks that it takes files and removes the temporary files that
// runs killed more than an hour ago have left in it. On file systems that ignore case, names differ
// in more than their case.
func NewPlan(inputs []string, output, format string) (*Plan, error) {
	p, err := listed(inputs, output, format, false)
	if err != nil {
		return nil, err
	}
	return p.some()
}

// DryPlan plans like NewPlan, but changes nothing on disk.
func DryPlan(inputs []string, output, format string) (*Plan, error) {
	p, err := newPlan(inputs, output, format, usuallyFolds, nil)
	if err != nil {
		return nil, err
	}
	return p.some()
}

// listed plans as NewPlan does. Without images, it is an error unless mayBeEmpty is true.
func listed(inputs []string, output, format string, mayBeEmpty bool) (*planner, error) {
	p, err := newPlan(inputs, output, format, usuallyFolds, nil)
	if err != nil {
		return nil, err
	}
	if !mayBeEmpty {
		if _, err := p.some(); err != nil {
			return nil, err
		}
	}
	fold, err := openOutput(output)
	if err != nil {
		return nil, err
	}
	if fold && !usuallyFolds {
		if p, err = newPlan(inputs, output, format, fold, nil); err != nil {
			return nil, err
		}
	}
	p.removePartialFiles()
	return p, nil
}

// some returns the plan, or an error if it is empty.
func (p *planner) some() (*Plan, error) {
	if len(p.Jobs) == 0 && len(p.Unread) == 0 {
		found := ""
		if n := len(p.Unsupported); n > 0 {
			found = fmt.Sprintf("; unsupported files: %d, such as %s", n, strings.Join(p.Unsupported[:min(n, 4)], ", "))
		}
		return nil, fmt.Errorf("no images in %s: the extensions %s are supported%s", strings.Join(p.inputs, ", "), pixels.ReadableFormats, found)
	}
	return &p.Plan, nil
}

// usuallyFolds reports whether A.png and a.png are usually one file on this system.
const usuallyFolds = runtime.GOOS == "windows" || runtime.GOOS == "darwin"

func newPlan(inputs []string, output, format string, fold bool, outputs map[string]string) (*planner, error) {
	if len(inputs) == 0 {
		return nil, errors.New("no input: name an image or a folder of images")
	}
	if output == "" {
		return nil, errors.New("no output: name the folder to write to")
	}
	p, err := newPlanner(format, fold)
	if err != nil {
		return nil, err
	}
	p.inputs, p.outputs = inputs, outputs
	if p.output, err = realPath(output); err != nil {
		return nil, fmt.Errorf("output folder %q: %w", output, err)
	}
	if p.outputInfo, err = os.Stat(output); err == nil && !p.outputInfo.IsDir() {
		return nil, fmt.Errorf("output %q is a file: name a folder to write to", output)
	}
	sources, err := p.sources(inputs, output)
	if err != nil {
		return nil, err
	}
	for _, s := range sources {
		if s.folder {
			p.walk(s.real, s.path, s.to, false)
		} else {
			p.add(s.path, filepath.Join(output, filepath.Base(s.path)))
		}
	}
	p.separate()
	return p, p.checkInputsKept()
}

// PlanNames plans files that are not on disk, such as the objects of a bucket, by their names
// alone. The Output of each file is the place of the input in its tree: a path relative to the
// output folder that ends in the name of the input. The plan has the outputs that the rules of
// [NewPlan] give, relative to the output folder too. Fold is true if A.png and a.png are one file
// in the output.
func PlanNames(files []Job, format string, fold bool) (*Plan, error) {
	p, err := newPlanner(format, fold)
	if err != nil {
		return nil, err
	}
	for _, j := range files {
		if !filepath.IsLocal(j.Output) {
			return nil, fmt.Errorf("output %q of %q is outside the output folder", j.Output, j.Input)
		}
		p.add(j.Input, j.Output)
	}
	p.separate()
	return &p.Plan, nil
}

type planner struct {
	Plan
	inputs     []string
	outputs    map[string]string // by input: outputs that are decided
	format     string
	fold       bool
	output     string      // resolved
	outputInfo fs.FileInfo // nil if the output does not exist
	roots      []string    // the input folders, resolved
	seen       map[string]bool
}

func newPlanner(format string, fold bool) (*planner, error) {
	if format != "" && !pixels.Writable(format) {
		return nil, fmt.Errorf("format %q cannot be written: choose %s", format, pixels.WritableFormats)
	}
	format = strings.ToLower(strings.TrimPrefix(format, "."))
	return &planner{format: format, fold: fold, seen: map[string]bool{}}, nil
}

// source is an input.
type source struct {
	path   string // as the caller named it
	real   string // resolved
	folder bool
	to     string // the output folder of its tree
}

// sources resolves the inputs, drops repeated ones, and assigns each folder its place in the
// output.
func (p *planner) sources(inputs []string, output string) ([]source, error) {
	var list []source
	seen := map[string]bool{}
	for _, input := range inputs {
		paths, err := Expand(input)
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			info, err := os.Stat(path)
			real, realErr := realPath(path)
			isOutput := err == nil && info.IsDir() && p.isOutput(real, info)
			switch {
			case cmp.Or(err, realErr) != nil:
				return nil, fmt.Errorf("input: %w", cmp.Or(err, realErr))
			case seen[real], isOutput && path != input: // matched by a pattern, hardly intended
				continue
			case isOutput:
				return nil, fmt.Errorf("output %q is an input folder too, so its images would be overwritten: choose another output", path)
			case !info.IsDir() && !info.Mode().IsRegular():
				return nil, fmt.Errorf("input %q is neither a file nor a folder", path)
			}
			seen[real] = true
			list = append(list, source{path: path, real: real, folder: info.IsDir(), to: output})
			if info.IsDir() {
				p.roots = append(p.roots, real)
			}
		}
	}
	names := map[string]bool{}
	for i, s := range list {
		if s.folder && len(p.roots) > 1 {
			base := filepath.Base(s.real)
			list[i].to = filepath.Join(output, p.unused(names, base, "", len(base)))
		}
	}
	return list, nil
}

func (p *planner) isOutput(real string, info fs.FileInfo) bool {
	return real == p.output || p.outputInfo != nil && os.SameFile(p.outputInfo, info)
}

// checkInputsKept returns an error if an output would overwrite an input.
func (p *planner) checkInputsKept() error {
	inputs := map[string]bool{}
	for _, j := range p.Jobs {
		if real, err := realPath(j.Input); err == nil {
			inputs[p.key(real)] = true
		}
	}
	for _, j := range p.Jobs {
		if real, err := realPath(j.Output); err == nil && inputs[p.key(real)] {
			return fmt.Errorf("%q would be overwritten by the result of %q: choose another output folder", j.Output, j.Input)
		}
	}
	return nil
}

// realPath returns the absolute path, with links resolved as far as the path exists.
func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	rest := ""
	for dir := abs; ; dir = filepath.Dir(dir) {
		real, err := filepath.EvalSymlinks(dir)
		if err == nil {
			return filepath.Join(real, rest), nil
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return "", err
		}
		rest = filepath.Join(filepath.Base(dir), rest)
	}
}
