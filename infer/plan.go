package infer

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

// NewPlan plans the conversion of files and folders into the folder output. Folders are searched with their subfolders, leaving out
// output itself, names that begin with a dot, and links to folders. One input folder's tree is repeated in output; several get
// a folder there each, by their names. Format is the one to write ("png", "jpg", ...); empty: each picture keeps its own.
// Two pictures never get one name: of a.jpg and a.png as PNG, the first becomes a.jpg.png.
func NewPlan(inputs []string, output, format string) (*Plan, error) {
	if len(inputs) == 0 {
		return nil, errors.New("no input: name a picture or a folder of pictures")
	}
	if output == "" {
		return nil, errors.New("no output: name the folder to write to")
	}
	if format != "" && !pixels.Writable(format) {
		return nil, fmt.Errorf("format %q cannot be written: choose png, jpg, gif, bmp or tiff", format)
	}
	p := planner{format: strings.ToLower(strings.TrimPrefix(format, "."))}
	var err error
	if p.output, err = realPath(output); err != nil {
		return nil, fmt.Errorf("output folder: %w", err)
	}
	if info, err := os.Stat(output); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("output %q is a file: name a folder to write to", output)
	}
	sources, err := p.sources(inputs, output)
	if err != nil {
		return nil, err
	}
	for _, s := range sources {
		if s.folder {
			p.walk(s)
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

type planner struct {
	Plan
	format string
	output string // resolved, to tell it by
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
	folders := 0
	for _, path := range inputs {
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
		list = append(list, source{path: path, real: real, folder: info.IsDir(), to: output})
		if info.IsDir() {
			folders++
			if real == p.output {
				return nil, fmt.Errorf("output %q is an input folder too, so its pictures would be overwritten: choose another output", path)
			}
		}
	}
	if folders > 1 {
		names := map[string]bool{}
		for i, s := range list {
			if !s.folder {
				continue
			}
			base := filepath.Base(s.real)
			if base == string(filepath.Separator) || base == "." {
				base = "root"
			}
			list[i].to = filepath.Join(output, unused(names, base, ""))
		}
	}
	return list, nil
}

// walk plans the pictures of a folder.
func (p *planner) walk(s source) {
	// The resolved folder is walked, since a link would not be; the names stay those that the person gave.
	filepath.WalkDir(s.real, func(path string, d fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(s.real, path)
		if relErr != nil {
			rel = path
		}
		named := filepath.Join(s.path, rel)
		if err != nil {
			p.Unread = append(p.Unread, Failure{named, err})
			return nil
		}
		if path != s.real && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			if path == p.output {
				return filepath.SkipDir
			}
			return nil
		}
		mode := d.Type()
		if mode&fs.ModeSymlink != 0 && pixels.Readable(d.Name()) {
			info, err := os.Stat(path)
			if err != nil {
				p.Unread = append(p.Unread, Failure{named, err})
				return nil
			}
			mode = info.Mode().Type()
		}
		if !mode.IsRegular() || !pixels.Readable(d.Name()) {
			p.Others++
			return nil
		}
		p.add(named, filepath.Join(s.to, rel))
		return nil
	})
}

// add plans one picture; output has the input's name still.
func (p *planner) add(input, output string) {
	ext := filepath.Ext(output)
	switch {
	case !pixels.Readable(output):
		// A file that was named itself is read whatever its name; nothing of it is taken for an ending.
		output += "." + cmp.Or(p.format, "png")
	case p.format != "" && canonical(ext) != canonical(p.format):
		output = strings.TrimSuffix(output, ext) + "." + p.format
	case p.format == "" && !pixels.Writable(ext):
		output = strings.TrimSuffix(output, ext) + ".png"
		p.WebP++
	}
	p.Pictures = append(p.Pictures, Job{input, output})
}

// canonical gives one name to the endings of one format.
func canonical(ext string) string {
	switch ext = strings.ToLower(strings.TrimPrefix(ext, ".")); ext {
	case "jpeg":
		return "jpg"
	case "tif":
		return "tiff"
	}
	return ext
}

// distinct gives pictures that would be written to one file a name each. The first whose name is the output's anyway keeps it.
func (p *planner) distinct() {
	count := map[string]int{}
	taken := map[string]bool{}
	for _, j := range p.Pictures {
		count[fold(j.Output)]++
	}
	unchanged := func(j Job) bool { return filepath.Base(j.Input) == filepath.Base(j.Output) }
	var late []int
	for i, j := range p.Pictures {
		if key := fold(j.Output); count[key] == 1 || unchanged(j) && !taken[key] {
			taken[key] = true
			continue
		}
		late = append(late, i)
	}
	for _, i := range late {
		j := &p.Pictures[i]
		dir, ext := filepath.Dir(j.Output), filepath.Ext(j.Output)
		name := filepath.Base(j.Input)
		if unchanged(*j) {
			name = strings.TrimSuffix(name, ext)
		}
		j.Output = unused(taken, filepath.Join(dir, name), ext)
		p.Renamed = append(p.Renamed, *j)
	}
}

// unused gives stem+ext, with a number if that is in use, and marks it used.
func unused(used map[string]bool, stem, ext string) string {
	name := stem + ext
	for n := 2; used[fold(name)]; n++ {
		name = fmt.Sprintf("%s-%d%s", stem, n, ext)
	}
	used[fold(name)] = true
	return name
}

// keepInputs refuses to write over a picture that is read.
func (p *planner) keepInputs() error {
	inputs := map[string]bool{}
	for _, j := range p.Pictures {
		if real, err := realPath(j.Input); err == nil {
			inputs[fold(real)] = true
		}
	}
	for _, j := range p.Pictures {
		if real, err := realPath(j.Output); err == nil && inputs[fold(real)] {
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
