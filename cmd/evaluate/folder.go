package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"cyclegan/infer/pixels"
)

// folder is one of the two sets of pictures.
type folder struct {
	dir    string
	files  []file // by name
	others int    // files that are no pictures by their names
	failed []failure
}

// file is a picture.
type file struct {
	path, name  string // name is relative to the folder, with slashes
	size, mtime int64  // in bytes, in nanoseconds
	w, h        int    // as its header says, upright
}

type failure struct {
	Path  string `json:"path"`
	Error string `json:"error"`
}

// listFolder finds the pictures of a folder and its subfolders, leaving out names that begin with a dot and links to folders; of
// more pictures than most (0: all) it takes so many, which the seed chooses.
func listFolder(option, dir string, most int, seed uint64) (*folder, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("-%s: %w", option, err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("-%s %q is a file: name a folder of pictures", option, dir)
	}
	f := &folder{dir: dir}
	root, err := filepath.EvalSymlinks(dir) // since a link would not be walked
	if err != nil {
		return nil, fmt.Errorf("-%s: %w", option, err)
	}
	filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(root, at)
		if relErr != nil {
			rel = at
		}
		named := filepath.Join(dir, rel)
		switch {
		case err != nil:
			f.fail(named, err)
		case at != root && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return filepath.SkipDir
			}
		case d.IsDir():
		case !pixels.Readable(d.Name()):
			f.others++
		default:
			info, err := os.Stat(at) // what a link leads to
			switch {
			case err != nil:
				f.fail(named, err)
			case !info.Mode().IsRegular():
				f.others++
			default:
				f.files = append(f.files, file{path: named, name: filepath.ToSlash(rel), size: info.Size(), mtime: info.ModTime().UnixNano()})
			}
		}
		return nil
	})
	if len(f.files) == 0 {
		return nil, errors.Join(fmt.Errorf("-%s: no pictures in %q: files ending in jpg, png, gif, bmp, tiff and webp are read", option, dir), f.failure())
	}
	f.choose(most, seed)
	return f, nil
}

// choose keeps so many files, at random since names often follow the time, and brings them into the order of their names. Equal names
// are chosen from equal folders, so that pairs stay pairs.
func (f *folder) choose(most int, seed uint64) {
	if most > 0 && len(f.files) > most {
		rank := map[string]string{}
		for _, p := range f.files {
			sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", seed, p.stem()))
			rank[p.name] = string(sum[:])
		}
		slices.SortFunc(f.files, func(a, b file) int {
			return cmp.Or(strings.Compare(rank[a.name], rank[b.name]), strings.Compare(a.name, b.name))
		})
		f.files = f.files[:most]
	}
	slices.SortFunc(f.files, func(a, b file) int { return strings.Compare(a.name, b.name) })
}

// stem is the name without its ending.
func (f file) stem() string { return strings.TrimSuffix(f.name, path.Ext(f.name)) }

func (f *folder) fail(path string, err error) {
	f.failed = append(f.failed, failure{path, err.Error()})
}

// failure is the first of the failed files as an error.
func (f *folder) failure() error {
	if len(f.failed) == 0 {
		return nil
	}
	return errors.New(f.failed[0].Error)
}

// survey reads the headers, and takes out the files that have none.
func (f *folder) survey(ctx context.Context) error {
	type header struct {
		file
		err error
	}
	var whole []file
	err := inOrder(ctx, f.files, func(p file) header {
		opened, err := os.Open(p.path)
		if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
			err = pe.Err // the path is named below
		}
		if err == nil {
			var info pixels.Info
			info, err = pixels.Header(opened, pixels.Limits{})
			opened.Close()
			p.w, p.h = info.Upright()
		}
		return header{p, err}
	}, func(h header) error {
		if h.err != nil {
			f.fail(h.path, fmt.Errorf("read picture %q: %w", h.path, h.err))
		} else {
			whole = append(whole, h.file)
		}
		return nil
	})
	f.files = whole
	if err == nil && len(whole) == 0 {
		err = fmt.Errorf("no picture of %q can be read: %w", f.dir, f.failure())
	}
	return err
}

// sizes says in words which sizes the pictures have, and gives the one that all have, else 0.
func sizes(folders ...*folder) (words string, w, h int) {
	var all []string
	for _, f := range folders {
		for _, p := range f.files {
			if s := fmt.Sprintf("%dx%d", p.w, p.h); !slices.Contains(all, s) {
				if len(all) == 3 {
					return strings.Join(all, ", ") + " and more", 0, 0
				}
				all = append(all, s)
			}
		}
	}
	if len(all) == 1 {
		p := folders[0].files[0]
		return all[0], p.w, p.h
	}
	return strings.Join(all, ", "), 0, 0
}
