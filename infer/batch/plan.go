package batch

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"cyclegan/infer/pixels"
)

// A Plan says which picture goes where. Making one reads folders, and no pictures.
type Plan struct {
	// Pictures are in the order of the inputs and, within a folder, of their names. No two have the same output.
	Pictures []Job
	// Unread are the folders and links that could not be looked into.
	Unread []Failure
	// Others counts the files in the folders that are no pictures by their names.
	Others int
	// Links counts the links to folders that were not followed: to folders whose pictures are in the plan or in the output anyway,
	// and to those that an input lies in.
	Links int
	// WebP counts the pictures that become PNG because Go cannot write WebP; Renamed are those whose outputs
	// got names of their own because another picture's has theirs.
	WebP    int
	Renamed []Job
}

// A Job is one picture: the file it is in and the one it goes to.
type Job struct{ Input, Output string }

// A Failure is a file or folder that could not be converted.
type Failure struct {
	Path string
	Err  error
}

// NewPlan plans the conversion of files and folders into the folder output. An input may be a pattern as filepath.Glob takes it, unless
// there is a file of that very name. A file that is named is read whatever its name. Folders are searched with their subfolders for
// files named like pictures, leaving out output itself and names that begin with a dot. Links are followed, but none into a loop and no
// folder twice. One input folder's tree is repeated in output; several get a folder there each, by their names. Format is the one to
// write ("png", "jpg", ...); empty: each picture keeps that of its name. Two pictures never get one name: of a.jpg and a.png as PNG, the
// first becomes a.jpg.png.
func NewPlan(inputs []string, output, format string) (*Plan, error) {
	return newPlan(inputs, output, format, namesFold)
}

// newPlan is NewPlan where fold tells whether the output takes A.png for a.png.
func newPlan(inputs []string, output, format string, fold bool) (*Plan, error) {
	if len(inputs) == 0 {
		return nil, errors.New("no input: name a picture or a folder of pictures")
	}
	if output == "" {
		return nil, errors.New("no output: name the folder to write to")
	}
	if format != "" && !pixels.Writable(format) {
		return nil, errFormat(format)
	}
	p := planner{format: bareFormat(format), fold: fold, seen: map[string]bool{}}
	var err error
	if p.output, err = realPath(output); err != nil {
		return nil, fmt.Errorf("output folder: %w", err)
	}
	if p.there, err = os.Stat(output); err == nil && !p.there.IsDir() {
		return nil, fmt.Errorf("output %q is a file: name a folder to write to", output)
	}
	sources, err := p.sources(inputs, output)
	if err != nil {
		return nil, err
	}
	for _, s := range sources {
		if s.folder {
			p.folder(s.real, s.path, s.to, false)
		} else {
			p.add(s.path, filepath.Join(output, filepath.Base(s.path)))
		}
	}
	if len(p.Pictures) == 0 && len(p.Unread) == 0 {
		return nil, fmt.Errorf("no pictures in %s: files ending in jpg, png, gif, bmp, tiff and webp are read", strings.Join(inputs, ", "))
	}
	p.distinct()
	if err := p.keepInputs(); err != nil {
		return nil, err
	}
	return &p.Plan, nil
}

// PlanNames is NewPlan for files that are known and lie elsewhere than in folders, such as the objects of a bucket. In a job's Output is the place
// that the input has in its tree, a path that is relative to the output and ends in the input's name; the plan's Outputs have the name that the
// result takes, by the rules of NewPlan. It looks at nothing but the names, of which it takes any for a picture's. Fold says whether the output takes
// A.png for a.png.
func PlanNames(files []Job, format string, fold bool) (*Plan, error) {
	if format != "" && !pixels.Writable(format) {
		return nil, errFormat(format)
	}
	p := planner{format: bareFormat(format), fold: fold}
	for _, j := range files {
		if !filepath.IsLocal(j.Output) {
			return nil, fmt.Errorf("output %q of %q does not lie in the output folder", j.Output, j.Input)
		}
		p.add(j.Input, j.Output)
	}
	p.distinct()
	return &p.Plan, nil
}

func errFormat(format string) error {
	return fmt.Errorf("format %q cannot be written: choose png, jpg, gif, bmp or tiff", format)
}

func bareFormat(format string) string { return strings.ToLower(strings.TrimPrefix(format, ".")) }

type planner struct {
	Plan
	format string
	fold   bool
	output string      // resolved, to tell it by
	there  fs.FileInfo // of the output, nil where there is none yet
	roots  []string    // the input folders, resolved
	seen   map[string]bool
}

// source is one input.
type source struct {
	path   string // as it was named
	real   string
	folder bool
	to     string // the folder that its tree goes to
}

// sources looks at the inputs, drops repeated ones, and gives each folder its place in the output.
func (p *planner) sources(inputs []string, output string) ([]source, error) {
	var list []source
	seen := map[string]bool{}
	for _, input := range inputs {
		paths, pattern, err := expand(input)
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			info, err := os.Stat(path)
			if err != nil {
				return nil, fmt.Errorf("input: %w", err)
			}
			real, err := realPath(path)
			if err != nil {
				return nil, fmt.Errorf("input: %w", err)
			}
			if seen[real] {
				continue
			}
			seen[real] = true
			if !info.IsDir() && !info.Mode().IsRegular() {
				return nil, fmt.Errorf("input %q is neither a file nor a folder", path)
			}
			if info.IsDir() && p.isOutput(real, info) {
				if pattern {
					continue // it was hardly meant
				}
				return nil, fmt.Errorf("output %q is an input folder too, so its pictures would be overwritten: choose another output", path)
			}
			list = append(list, source{path: path, real: real, folder: info.IsDir(), to: output})
			if info.IsDir() {
				p.roots = append(p.roots, real)
			}
		}
	}
	if len(p.roots) > 1 {
		names := map[string]bool{}
		for i, s := range list {
			if !s.folder {
				continue
			}
			base := filepath.Base(s.real)
			if base == string(filepath.Separator) || base == "." {
				base = "root"
			}
			list[i].to = filepath.Join(output, p.unused(names, base, "", len(base)))
		}
	}
	return list, nil
}

func (p *planner) isOutput(real string, info fs.FileInfo) bool {
	return real == p.output || p.there != nil && os.SameFile(p.there, info)
}

// keepInputs refuses to write over a picture that is read.
func (p *planner) keepInputs() error {
	inputs := map[string]bool{}
	for _, j := range p.Pictures {
		if real, err := realPath(j.Input); err == nil {
			inputs[p.key(real)] = true
		}
	}
	for _, j := range p.Pictures {
		if real, err := realPath(j.Output); err == nil && inputs[p.key(real)] {
			return fmt.Errorf("%q would be overwritten by the result of %q: choose another output folder", j.Output, j.Input)
		}
	}
	return nil
}

// realPath gives the absolute path with links resolved as far as it exists.
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

// sortFailures puts failures in the order of the plan.
func (p *Plan) sortFailures(failed []Failure) {
	place := make(map[string]int, len(p.Pictures))
	for i, j := range p.Pictures {
		place[j.Input] = i
	}
	slices.SortStableFunc(failed, func(a, b Failure) int { return cmp.Compare(place[a.Path], place[b.Path]) })
}
