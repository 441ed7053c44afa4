package batch

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"cyclegan/infer/pixels"
)

// folder plans the pictures of a folder and its subfolders. Real is where it lies, with links resolved; named is as the person knows it.
// Linked says that a link led here from outside the inputs' own trees.
func (p *planner) folder(real, named, to string, linked bool) {
	if linked {
		p.seen[real] = true
	}
	entries, err := os.ReadDir(real) // what it could read, with an error
	if err != nil {
		p.Unread = append(p.Unread, Failure{named, fmt.Errorf("read folder %q: %w", named, reason(err))})
	}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") {
			continue
		}
		path, named, to := filepath.Join(real, name), filepath.Join(named, name), filepath.Join(to, name)
		kind := e.Type()
		if kind&fs.ModeSymlink != 0 {
			info, err := os.Stat(path)
			switch {
			case err == nil && info.IsDir():
				p.link(path, named, to)
				continue
			case err == nil:
				kind = info.Mode().Type()
			case pixels.Readable(name):
				p.Unread = append(p.Unread, Failure{named, fmt.Errorf("follow link %q: %w", named, reason(err))})
				continue
			}
		}
		switch {
		case kind.IsDir():
			info, err := e.Info()
			if err == nil && p.isOutput(path, info) || linked && p.seen[path] {
				continue
			}
			p.folder(path, named, to, linked)
		case kind.IsRegular() && pixels.Readable(name):
			p.add(named, to)
		default:
			p.Others++
		}
	}
}

// link follows a link to a folder, unless its pictures come up without it, or it leads up to where an input lies, as loops do.
func (p *planner) link(path, named, to string) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		p.Unread = append(p.Unread, Failure{named, fmt.Errorf("follow link %q: %w", named, reason(err))})
		return
	}
	known := p.seen[real] || within(p.output, real)
	for _, root := range p.roots {
		known = known || within(root, real) || within(real, root)
	}
	if known {
		p.Links++
		return
	}
	p.folder(real, named, to, true)
}

// within tells whether path is dir or lies in it. Both are resolved.
func within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// reason is an error without the path, which the caller names as the person knows it.
func reason(err error) error {
	if e, ok := err.(*fs.PathError); ok {
		return e.Err
	}
	return err
}

// Expand gives the files and folders that an input of a Batch stands for: itself if there is something of that name, else what matches it
// as a pattern of filepath.Glob, without names that begin with a dot unless the pattern does. Shells do this themselves, but not those of Windows.
func Expand(input string) ([]string, error) {
	paths, _, err := expand(input)
	return paths, err
}

func expand(input string) (paths []string, pattern bool, err error) {
	if _, err := os.Lstat(input); err == nil || !strings.ContainsAny(input, "*?[") {
		return []string{input}, false, nil
	}
	matches, err := filepath.Glob(input)
	if err != nil {
		return nil, true, fmt.Errorf("input %q: there is no file of that name, and as a pattern it makes no sense: %w", input, err)
	}
	hidden := strings.HasPrefix(filepath.Base(input), ".")
	for _, m := range matches {
		if hidden || !strings.HasPrefix(filepath.Base(m), ".") {
			paths = append(paths, m)
		}
	}
	if len(paths) == 0 {
		return nil, true, fmt.Errorf("input %q: no file or folder matches it", input)
	}
	return paths, true, nil
}
