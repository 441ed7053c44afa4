package dataset

import (
	"archive/zip"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"cyclegan/infer/pixels"
)

// found says where the images of a run are.
type found struct {
	where, layout string
	dir           string // of the folders, within the root
	a, b          *Folder
	testA, testB  *Folder   // nil if missing
	tests         [2]string // names of the test folders, even if missing
	closer        io.Closer
}

// naming is a known naming of the folders of a dataset.
type naming struct {
	about          string
	a, b           func(phase string) string
	titleA, titleB string
}

var namings = []naming{
	{"official layout", func(p string) string { return p + "A" }, func(p string) string { return p + "B" }, "A", "B"},
	{"layout with one folder per phase", func(p string) string { return p + "/A" }, func(p string) string { return p + "/B" }, "A", "B"},
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

// find finds the folders that the options name, and swaps A and B if the direction says so.
func find(o Options) (*found, error) {
	locate := namedFolders
	if o.Dataroot != "" {
		locate = inRoot
	}
	f, err := locate(o)
	if err == nil && o.Direction == BtoA {
		f.a, f.b, f.testA, f.testB = f.b, f.a, f.testB, f.testA
		f.tests[0], f.tests[1] = f.tests[1], f.tests[0]
		f.layout += ", BtoA"
	}
	return f, err
}

// inRoot returns the folders in Dataroot.
func inRoot(o Options) (*found, error) {
	fsys, closer, err := openRoot(o.Dataroot)
	if err != nil {
		return nil, fmt.Errorf("open dataset: %w", err)
	}
	f, err := search(fsys, o.Phase)
	if err != nil {
		if closer != nil {
			closer.Close()
		}
		return nil, fmt.Errorf("open dataset %q: %w", o.Dataroot, err)
	}
	f.where, f.closer = base(o.Dataroot), closer
	for _, folder := range []*Folder{f.a, f.b, f.testA, f.testB} {
		if folder != nil && closer == nil {
			folder.Dir = filepath.Join(o.Dataroot, filepath.FromSlash(folder.path))
		}
	}
	return f, nil
}

// base returns the last element of a path that may end in "/" or "/.".
func base(path string) string { return filepath.Base(filepath.Clean(path)) }

// namedFolders returns dir_A, dir_B and the test folders.
func namedFolders(o Options) (*found, error) {
	f := &found{where: "folders", layout: "dir_A and dir_B", tests: [2]string{"test_dir_A", "test_dir_B"}}
	dirs := []string{o.DirA, o.DirB, o.TestDirA, o.TestDirB}
	for i, to := range []**Folder{&f.a, &f.b, &f.testA, &f.testB} {
		dir := dirs[i]
		if dir == "" {
			continue
		}
		info, err := os.Stat(dir)
		if err != nil {
			return nil, fmt.Errorf("open folder: %w", err)
		}
		if !info.IsDir() {
			return nil, fmt.Errorf("open folder %q: not a folder (for a zip file with both domains use dataroot)", dir)
		}
		*to = &Folder{FS: os.DirFS(dir), Label: labelAmong(dir, dirs), Dir: dir, path: ".", name: []string{"A", "B"}[i%2]}
	}
	return f, pairedFolders(f.a, f.b)
}

// labelAmong returns the folder's own name, or its path if another folder has the same name.
func labelAmong(dir string, all []string) string {
	for _, other := range all {
		if other != "" && base(other) == base(dir) && filepath.Clean(other) != filepath.Clean(dir) {
			return filepath.ToSlash(filepath.Clean(dir))
		}
	}
	return base(dir)
}

// openRoot opens a folder or a zip file.
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
	// Insecure paths are harmless here, because nothing is unpacked.
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		f.Close()
		return nil, nil, fmt.Errorf("%q is neither a folder nor a zip file: %w", root, err)
	}
	repairNames(z)
	return z, f, nil
}

// repairNames makes the names in a zip file those of paths in UTF-8. Old programs of Windows
// separate folders by backslashes, and many programs write the system's encoding without saying so.
// Such bytes are read as code page 437, the default of the format: a name may look odd, but
// identifies one file. Of entries with the same name, which package zip refuses, the last one
// stays, as after unpacking.
func repairNames(z *zip.Reader) {
	last := map[string]*zip.File{}
	for _, f := range z.File {
		slash := "/"
		if strings.Contains(f.Name, "/") {
			slash = "＼" // not a separator, but a part of a letter in Shift JIS, or of a name on Unix
		}
		if !utf8.ValidString(f.Name) {
			f.Name, _ = charmap.CodePage437.NewDecoder().String(f.Name) // knows every byte
		}
		f.Name = strings.ReplaceAll(f.Name, `\`, slash)
		last[f.Name] = f
	}
	z.File = slices.DeleteFunc(z.File, func(f *zip.File) bool { return last[f.Name] != f })
}

// search looks for every naming in the root, then one folder deeper.
func search(fsys fs.FS, phase string) (*found, error) {
	dirs, files, err := list(fsys, ".")
	if err != nil {
		return nil, err
	}
	if f, err := match(fsys, ".", dirs, phase); f != nil || err != nil {
		return f, err
	}
	var deeper []*found
	for _, dir := range dirs {
		names, _, err := list(fsys, dir)
		if err != nil {
			return nil, err
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
			all = append(all, f.dir)
		}
		return nil, fmt.Errorf("several datasets: %s. Fix: use one of these folders", some(all))
	}
	if err := findPairs(fsys, dirs); err != nil {
		return nil, err
	}
	var wanted []string
	for _, n := range namings {
		wanted = append(wanted, n.a(phase)+" and "+n.b(phase))
	}
	fix := "use two folders as dir_A and dir_B"
	if slices.ContainsFunc(files, pixels.Readable) {
		fix = "this folder has images itself, so use the folder above the domains, or two folders as dir_A and dir_B"
	}
	return nil, fmt.Errorf("no training images: it has neither folders %s, also one level deeper; folders found: %s; files found: %s. Fix: %s",
		strings.Join(wanted, ", nor "), some(dirs), some(files), fix)
}

// list returns the folders and files in dir, without hidden ones.
func list(fsys fs.FS, dir string) (dirs, files []string, err error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		switch name := e.Name(); {
		case pixels.Hidden(name):
		case isFolder(fsys, path.Join(dir, name), e):
			dirs = append(dirs, name)
		default:
			files = append(files, name)
		}
	}
	return dirs, files, nil
}

// match looks for a known naming among the folders of dir.
func match(fsys fs.FS, dir string, dirs []string, phase string) (*found, error) {
	at := func(name, title string) *Folder {
		name = resolve(fsys, dir, dirs, name)
		if name == "" {
			return nil
		}
		return &Folder{FS: fsys, Label: name, path: path.Join(dir, name), name: title}
	}
	for _, n := range namings {
		a, b := at(n.a(phase), n.titleA), at(n.b(phase), n.titleB)
		if a == nil && b == nil {
			continue
		}
		if a == nil || b == nil {
			have, lack := n.a(phase), n.b(phase)
			if a == nil {
				have, lack = lack, have
			}
			return nil, fmt.Errorf("folder %s exists but %s does not; folders found: %s. Fix: add it, or use dir_A and dir_B for other names",
				path.Join(dir, have), path.Join(dir, lack), some(dirs))
		}
		return &found{
			layout: n.about, dir: dir, a: a, b: b,
			testA: at(n.a("test"), n.titleA), testB: at(n.b("test"), n.titleB),
			tests: [2]string{path.Join(dir, n.a("test")), path.Join(dir, n.b("test"))},
		}, nil
	}
	return nil, nil
}

// resolve returns the folder called name, which may have two parts, in dir, or "". It accepts a
// name that differs only in case if there is no other.
func resolve(fsys fs.FS, dir string, dirs []string, name string) (found string) {
	for i, part := range strings.Split(name, "/") {
		if i > 0 {
			dirs, _, _ = list(fsys, path.Join(dir, found)) // an unreadable folder has none
		}
		if !slices.Contains(dirs, part) {
			alike := slices.DeleteFunc(slices.Clone(dirs), func(d string) bool { return !strings.EqualFold(d, part) })
			if len(alike) != 1 {
				return ""
			}
			part = alike[0]
		}
		found = path.Join(found, part)
	}
	return found
}

// some joins the first few names.
func some(names []string) string {
	const most = 6
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return cmp.Or(strings.Join(names, ", "), "none")
}
