package batch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"cyclegan/infer/pixels"
)

// walk plans the images of a folder and its subfolders. Real is its path with links resolved; named
// is the path under which the caller knows it. Linked is true if a link led here from outside the
// inputs.
func (p *planner) walk(real, named, to string, linked bool) {
	if linked {
		p.seen[real] = true
	}
	entries, err := os.ReadDir(real) // on an error, those read so far
	if err != nil {
		p.Unread = append(p.Unread, Failure{named, fmt.Errorf("read folder %q: %w", named, err)})
	}
	for _, e := range entries {
		name := e.Name()
		if pixels.Hidden(name) {
			continue
		}
		path, named, to := filepath.Join(real, name), filepath.Join(named, name), filepath.Join(to, name)
		kind := e.Type()
		if kind&fs.ModeSymlink != 0 {
			info, err := os.Stat(path)
			switch {
			case err == nil && info.IsDir():
				p.followLink(path, named, to)
				continue
			case err == nil:
				kind = info.Mode().Type()
			case pixels.Readable(name):
				p.Unread = append(p.Unread, Failure{named, fmt.Errorf("follow link %q: %w", named, err)})
				continue
			}
		}
		switch {
		case kind.IsDir():
			info, err := e.Info()
			if err == nil && p.isOutput(path, info) || linked && p.seen[path] {
				continue
			}
			p.walk(path, named, to, linked)
		case kind.IsRegular() && pixels.Readable(name):
			p.add(named, to)
		default:
			p.Unsupported = append(p.Unsupported, named)
		}
	}
}

// followLink follows a link to a folder, unless its images are planned anyway or it leads to a
// parent of an input, as loops do.
func (p *planner) followLink(path, named, to string) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		p.Unread = append(p.Unread, Failure{named, fmt.Errorf("follow link %q: %w", named, err)})
		return
	}
	known := p.seen[real] || within(p.output, real)
	for _, root := range p.roots {
		known = known || within(root, real) || within(real, root)
	}
	if known {
		p.SkippedLinks++
		return
	}
	p.walk(real, named, to, true)
}

// within reports whether path is dir or below it. Both are resolved.
func within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// Expand returns the files and folders that an input of [NewPlan] stands for: the input itself if
// it exists, otherwise the names that match it as a pattern of filepath.Glob. Names that begin with
// a dot only match a pattern that does.
func Expand(input string) ([]string, error) {
	_, err := os.Lstat(input)
	switch {
	case err == nil:
		return []string{input}, nil
	case strings.ContainsAny(input, "*?["):
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("input %q: %w", input, fs.ErrNotExist)
	default:
		return nil, fmt.Errorf("input: %w", err)
	}
	matches, err := filepath.Glob(input)
	if err != nil {
		return nil, fmt.Errorf("input %q is neither a file nor a valid pattern: %w", input, err)
	}
	hidden := strings.HasPrefix(filepath.Base(input), ".")
	var paths []string
	for _, m := range matches {
		if hidden || !strings.HasPrefix(filepath.Base(m), ".") {
			paths = append(paths, m)
		}
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("input %q: no file or folder matches it", input)
	}
	return paths, nil
}
