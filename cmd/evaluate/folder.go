package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"cyclegan/cmd/internal/modelcli"
	"cyclegan/infer/batch"
	"cyclegan/infer/pixels"
)

// folder is one of the two sets of images.
type folder struct {
	dir    string
	files  []file   // by name
	others []string // files whose names are not those of images
	failed []modelcli.Failure
}

type file struct {
	path, name string            // name is relative to the folder, with slashes
	w, h       int               // from the header, after EXIF rotation
	deep       bool              // 16 bits per sample
	sum        [sha256.Size]byte // of the content, or zero; see hash
}

func (f file) stem() string { return strings.TrimSuffix(f.name, path.Ext(f.name)) }

// listFolder finds the images in a folder and its subfolders, as cmd/infer does. If there are more
// than maxImages (0 for no bound), the seed chooses that many.
func listFolder(option, dir string, maxImages int, seed uint64) (*folder, error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("-%s %q is a file\nFix: name a folder of images", option, dir)
	}
	plan, err := batch.DryPlan([]string{dir}, filepath.Join(dir, ".none"), "") // nothing is written
	if err != nil {
		return nil, fmt.Errorf("-%s: %w", option, err)
	}
	f := &folder{dir: dir, others: plan.Unsupported}
	for _, u := range plan.Unread {
		f.fail(u.Path, u.Err)
	}
	for _, j := range plan.Jobs {
		name, err := filepath.Rel(dir, j.Input)
		if err != nil {
			return nil, err
		}
		f.files = append(f.files, file{path: j.Input, name: filepath.ToSlash(name)})
	}
	f.choose(maxImages, seed)
	return f, nil
}

// choose keeps at most maxImages files and sorts them by name. The choice is random, because names
// often follow time, and depends on names alone, so that pairs stay pairs.
func (f *folder) choose(maxImages int, seed uint64) {
	if maxImages > 0 && len(f.files) > maxImages {
		rank := map[string]string{}
		for _, p := range f.files {
			sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", seed, p.stem()))
			rank[p.name] = string(sum[:])
		}
		slices.SortFunc(f.files, func(a, b file) int {
			return cmp.Or(cmp.Compare(rank[a.name], rank[b.name]), cmp.Compare(a.name, b.name))
		})
		f.files = f.files[:maxImages]
	}
	slices.SortFunc(f.files, func(a, b file) int { return cmp.Compare(a.name, b.name) })
}

func (f *folder) fail(path string, err error) {
	f.failed = append(f.failed, modelcli.Failure{Path: path, Error: err.Error()})
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
		p.deep = info.Deep
		return p, nil
	}, func(_, p file, err error) error {
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

// hash computes the sums of the files, which identify their content.
func (f *folder) hash(ctx context.Context) error {
	i := 0
	return inOrder(ctx, f.files, func(p file) (sum [sha256.Size]byte, err error) {
		opened, err := os.Open(p.path)
		if err != nil {
			return sum, fmt.Errorf("read image: %w", err)
		}
		defer opened.Close()
		h := sha256.New()
		if _, err = io.Copy(h, opened); err != nil {
			return sum, fmt.Errorf("read image: %w", err)
		}
		h.Sum(sum[:0])
		return sum, nil
	}, func(_ file, sum [sha256.Size]byte, err error) error {
		f.files[i].sum = sum
		i++
		return err
	})
}

// sizes lists the sizes of the images, and returns the common one or 0.
func sizes(folders ...*folder) (list string, w, h int) {
	var all []string
	for _, f := range folders {
		for _, p := range f.files {
			w, h = p.w, p.h
			if s := fmt.Sprintf("%dx%d", w, h); !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	if len(all) > 1 {
		w, h = 0, 0
	}
	if len(all) > 3 {
		all = append(all[:3], "...")
	}
	return strings.Join(all, ", "), w, h
}
