package dataset

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// folder is one domain's place.
type folder struct {
	fsys  fs.FS
	path  string // within fsys
	label string // for messages
	title string // what the domain shows
	dir   string // the folder itself; "" inside a zip file
}

// found is where the data of a run lies.
type found struct {
	where, layout string
	a, b          *folder
	testA, testB  *folder // nil when there is none
	closer        io.Closer
}

// naming is a known way to name the folders of a dataset.
type naming struct {
	about          string
	a, b           func(phase string) string
	titleA, titleB string
}

var namings = []naming{
	{"official layout", func(p string) string { return p + "A" }, func(p string) string { return p + "B" }, "A", "B"},
	{"layout with underscores", func(p string) string { return p + "_A" }, func(p string) string { return p + "_B" }, "A", "B"},
	{"summer and winter layout", season("summer"), season("winter"), "summer", "winter"},
}

func season(name string) func(phase string) string {
	return func(phase string) string {
		if phase == "train" {
			return name
		}
		return phase + "_" + name
	}
}

// find locates the folders that the options name, with A and B by direction.
func find(o Options) (*found, error) {
	f, err := locate(o)
	if err != nil {
		return nil, err
	}
	if o.Direction == BtoA {
		f.a, f.b, f.testA, f.testB = f.b, f.a, f.testB, f.testA
		f.layout += ", BtoA"
	}
	return f, nil
}

func locate(o Options) (*found, error) {
	if o.Dataroot == "" {
		return namedFolders(o)
	}
	fsys, closer, err := openRoot(o.Dataroot)
	if err != nil {
		return nil, fmt.Errorf("open dataset %q: %w", o.Dataroot, bare(err))
	}
	f, err := search(fsys, o.Phase)
	if err != nil {
		if closer != nil {
			closer.Close()
		}
		return nil, fmt.Errorf("open dataset %q: %w", o.Dataroot, err)
	}
	f.where, f.closer = display(o.Dataroot), closer
	for _, folder := range []*folder{f.a, f.b, f.testA, f.testB} {
		if folder != nil && closer == nil {
			folder.dir = filepath.Join(o.Dataroot, filepath.FromSlash(folder.path))
		}
	}
	return f, nil
}

// namedFolders serves dir_A, dir_B and the test folders.
func namedFolders(o Options) (*found, error) {
	f := &found{where: "folders", layout: "dir_A and dir_B"}
	for _, n := range []struct {
		dir, label, title string
		to                **folder
	}{{o.DirA, "A", "A", &f.a}, {o.DirB, "B", "B", &f.b}, {o.TestDirA, "test A", "A", &f.testA}, {o.TestDirB, "test B", "B", &f.testB}} {
		if n.dir == "" {
			continue
		}
		info, err := os.Stat(n.dir)
		if err != nil {
			return nil, fmt.Errorf("open folder %q: %w", n.dir, bare(err))
		}
		if !info.IsDir() {
			return nil, fmt.Errorf("open folder %q: not a folder", n.dir)
		}
		*n.to = &folder{os.DirFS(n.dir), ".", display(n.dir), n.title, n.dir}
	}
	return f, nil
}

// openRoot opens a folder, or a zip file that is read in place.
func openRoot(root string) (fs.FS, io.Closer, error) {
	info, err := os.Stat(root)
	if err != nil {
		return nil, nil, err
	}
	if info.IsDir() {
		return os.DirFS(root), nil, nil
	}
	f, err := os.Open(root)
	if err != nil {
		return nil, nil, err
	}
	z, err := zip.NewReader(f, info.Size())
	// Names that would be unsafe to unpack are harmless here: nothing is unpacked.
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		f.Close()
		return nil, nil, fmt.Errorf("neither a folder nor a zip file: %w", err)
	}
	return z, f, nil
}

// search tries every naming at the top, then one folder deeper.
func search(fsys fs.FS, phase string) (*found, error) {
	top, dirs, files, err := list(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("list: %w", bare(err))
	}
	if f, err := match(fsys, ".", top, phase); f != nil || err != nil {
		return f, err
	}
	var deeper []*found
	for _, dir := range dirs {
		names, _, _, err := list(fsys, dir)
		if err != nil {
			return nil, fmt.Errorf("list %q: %w", dir, bare(err))
		}
		f, err := match(fsys, dir, names, phase)
		if err != nil {
			return nil, err
		}
		if f != nil {
			deeper = append(deeper, f)
		}
	}
	if len(deeper) == 1 {
		return deeper[0], nil
	}
	if len(deeper) > 1 {
		var all []string
		for _, f := range deeper {
			all = append(all, path.Dir(f.a.path))
		}
		return nil, fmt.Errorf("holds several datasets: %s; name one of them", some(all))
	}
	var wanted []string
	for _, n := range namings {
		wanted = append(wanted, n.a(phase)+" with "+n.b(phase))
	}
	return nil, fmt.Errorf("no training pictures: looked, here and one folder deeper, for %s; found folders: %s; files: %s (or name two folders with dir_A and dir_B)",
		strings.Join(wanted, ", or "), some(dirs), some(files))
}

// list gives the folders and files in dir, without hidden ones and the shadow
// folder that macOS puts into archives.
func list(fsys fs.FS, dir string) (isDir map[string]bool, dirs, files []string, err error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, nil, nil, err
	}
	isDir = map[string]bool{}
	for _, e := range entries {
		name := e.Name()
		if ignored(name) {
			continue
		}
		is := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			info, err := fs.Stat(fsys, path.Join(dir, name))
			is = err == nil && info.IsDir()
		}
		if is {
			isDir[name] = true
			dirs = append(dirs, name)
		} else {
			files = append(files, name)
		}
	}
	return isDir, dirs, files, nil
}

func ignored(name string) bool {
	return strings.HasPrefix(name, ".") || name == "__MACOSX"
}

// match looks for a known naming among the folders of dir.
func match(fsys fs.FS, dir string, has map[string]bool, phase string) (*found, error) {
	for _, n := range namings {
		a, b := n.a(phase), n.b(phase)
		if has[a] != has[b] {
			have, lack := a, b
			if has[b] {
				have, lack = b, a
			}
			return nil, fmt.Errorf("folder %s is there but %s is not: unpaired training needs both", path.Join(dir, have), path.Join(dir, lack))
		}
		if !has[a] {
			continue
		}
		at := func(name, title string) *folder {
			if !has[name] {
				return nil
			}
			return &folder{fsys: fsys, path: path.Join(dir, name), label: name, title: title}
		}
		return &found{
			layout: n.about, a: at(a, n.titleA), b: at(b, n.titleB),
			testA: at(n.a("test"), n.titleA), testB: at(n.b("test"), n.titleB),
		}, nil
	}
	return nil, nil
}

// some names the first few of a list.
func some(names []string) string {
	const most = 6
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
