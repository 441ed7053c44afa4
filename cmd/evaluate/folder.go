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

// folder is one of the two sets of images.
type folder struct {
	dir    string
	files  []file // by name
	others int    // files without an image extension
	failed []failure
}

// file is an image file.
type file struct {
	path, name  string // name is relative to the folder, with slashes
	size, mtime int64  // in bytes, in nanoseconds
	w, h        int    // from the header, after EXIF rotation
}

type failure struct {
	Path  string `json:"path"`
	Error string `json:"error"`
}

// stem returns the name without its extension.
func (f file) stem() string { return strings.TrimSuffix(f.name, path.Ext(f.name)) }

// listFolder finds the images in a folder and its subfolders. It skips names that begin with a dot and
// links to folders. If there are more than most (0 for no bound), the seed chooses that many.
func listFolder(option, dir string, most int, seed uint64) (*folder, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("-%s: %w", option, err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("-%s %q is a file\nFix: name a folder of images", option, dir)
	}
	f := &folder{dir: dir}
	root, err := filepath.EvalSymlinks(dir) // WalkDir does not follow a link
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
			info, err := os.Stat(at) // the target of a link
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
		return nil, errors.Join(fmt.Errorf("-%s: no images in %q (jpg, png, gif, bmp, tiff or webp)", option, dir), f.firstFailure())
	}
	f.choose(most, seed)
	return f, nil
}

// choose keeps at most most files and sorts them by name. The choice is random, because names often
// follow time, and depends on names alone, so that pairs stay pairs.
func (f *folder) choose(most int, seed uint64) {
	if most > 0 && len(f.files) > most {
		rank := map[string]string{}
		for _, p := range f.files {
			sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", seed, p.stem()))
			rank[p.name] = string(sum[:])
		}
		slices.SortFunc(f.files, func(a, b file) int {
			return cmp.Or(cmp.Compare(rank[a.name], rank[b.name]), cmp.Compare(a.name, b.name))
		})
		f.files = f.files[:most]
	}
	slices.SortFunc(f.files, func(a, b file) int { return cmp.Compare(a.name, b.name) })
}

func (f *folder) fail(path string, err error) {
	f.failed = append(f.failed, failure{path, err.Error()})
}

func (f *folder) firstFailure() error {
	if len(f.failed) == 0 {
		return nil
	}
	return errors.New(f.failed[0].Error)
}

// good returns the files that have not failed.
func (f *folder) good() []file {
	failed := map[string]bool{}
	for _, x := range f.failed {
		failed[x.Path] = true
	}
	return slices.DeleteFunc(slices.Clone(f.files), func(p file) bool { return failed[p.path] })
}

// survey reads the headers and removes the files that have none.
func (f *folder) survey(ctx context.Context) error {
	var whole []file
	err := inOrder(ctx, f.files, func(p file) (file, error) {
		opened, err := os.Open(p.path)
		if err != nil {
			return p, fmt.Errorf("read image: %w", err)
		}
		defer opened.Close()
		info, err := pixels.Header(opened, pixels.Limits{})
		if err != nil {
			return p, fmt.Errorf("read image %q: %w", p.path, err)
		}
		p.w, p.h = info.Upright()
		return p, nil
	}, func(p file, err error) error {
		if err != nil {
			f.fail(p.path, err)
		} else {
			whole = append(whole, p)
		}
		return nil
	})
	f.files = whole
	if err == nil && len(whole) == 0 {
		err = fmt.Errorf("no image in %q can be read: %w", f.dir, f.firstFailure())
	}
	return err
}

// sizes lists the sizes of the images, and returns the common one or 0.
func sizes(folders ...*folder) (list string, w, h int) {
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
