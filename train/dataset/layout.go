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
	"slices"
	"strings"

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
	f, err := locate(o)
	if err != nil {
		return nil, err
	}
	if o.Direction == BtoA {
		f.a, f.b, f.testA, f.testB = f.b, f.a, f.testB, f.testA
		f.tests[0], f.tests[1] = f.tests[1], f.tests[0]
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
		return nil, fmt.Errorf("open dataset: %w", err)
	}
	f, err := search(fsys, o.Phase)
	if err != nil {
		if closer != nil {
			closer.Close()
		}
		return nil, fmt.Errorf("open dataset %q: %w", o.Dataroot, err)
	}
	f.where, f.closer = display(o.Dataroot), closer
	for _, folder := range []*Folder{f.a, f.b, f.testA, f.testB} {
		if folder != nil && closer == nil {
			folder.Dir = filepath.Join(o.Dataroot, filepath.FromSlash(folder.path))
		}
	}
	return f, nil
}

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
	return f, nil
}

// labelAmong returns the folder's own name, or its path if another folder has the same name.
func labelAmong(dir string, all []string) string {
	for _, other := range all {
		if other != "" && display(other) == display(dir) && filepath.Clean(other) != filepath.Clean(dir) {
			return filepath.ToSlash(filepath.Clean(dir))
		}
	}
	return display(dir)
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
	for _, member := range z.File {
		const encrypted = 1 << 0 // a flag of the local file header
		if member.Flags&encrypted != 0 {
			f.Close()
			return nil, nil, fmt.Errorf("%q is encrypted. Fix: unpack it and use the folder", root)
		}
	}
	return z, f, nil
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
	var wanted []string
	for _, n := range namings {
		wanted = append(wanted, n.a(phase)+" and "+n.b(phase))
	}
	return nil, fmt.Errorf("no training images: it has neither folders %s, also one level deeper; folders found: %s; files found: %s. Fix: %s",
		strings.Join(wanted, ", nor "), some(dirs), some(files), hint(fsys, dirs, files, phase))
}

// list returns the folders and files in dir, without hidden ones and the folder that macOS adds to
// archives.
func list(fsys fs.FS, dir string) (dirs, files []string, err error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		switch name := e.Name(); {
		case ignored(name):
		case isFolder(fsys, path.Join(dir, name), e):
			dirs = append(dirs, name)
		default:
			files = append(files, name)
		}
	}
	return dirs, files, nil
}

func ignored(name string) bool {
	return strings.HasPrefix(name, ".") || name == "__MACOSX"
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
		switch {
		case a == nil && b == nil:
			continue
		case a == nil:
			return nil, half(dir, n.b(phase), n.a(phase), dirs)
		case b == nil:
			return nil, half(dir, n.a(phase), n.b(phase), dirs)
		}
		return &found{
			layout: n.about, dir: dir, a: a, b: b,
			testA: at(n.a("test"), n.titleA), testB: at(n.b("test"), n.titleB),
			tests: [2]string{path.Join(dir, n.a("test")), path.Join(dir, n.b("test"))},
		}, nil
	}
	return nil, nil
}

func half(dir, have, lack string, dirs []string) error {
	return fmt.Errorf("folder %s exists but %s does not; folders found: %s. Fix: add it, or use dir_A and dir_B for other names",
		path.Join(dir, have), path.Join(dir, lack), some(dirs))
}

// resolve returns the folder called name, which may have two parts, in dir. It accepts a name that
// differs only in case if there is no other.
func resolve(fsys fs.FS, dir string, dirs []string, name string) string {
	first, rest, nested := strings.Cut(name, "/")
	var alike []string
	for _, d := range dirs {
		if d == first {
			alike = []string{d}
			break
		}
		if strings.EqualFold(d, first) {
			alike = append(alike, d)
		}
	}
	if len(alike) != 1 {
		return ""
	}
	if !nested {
		return alike[0]
	}
	dir = path.Join(dir, alike[0])
	below, _, err := list(fsys, dir)
	if err != nil {
		return ""
	}
	if r := resolve(fsys, dir, below, rest); r != "" {
		return path.Join(alike[0], r)
	}
	return ""
}

// some joins the first few names.
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

// hint guesses from its folders and files how to use a root in which no dataset was found.
func hint(fsys fs.FS, dirs, files []string, phase string) string {
	if slices.ContainsFunc(files, pixels.Readable) {
		return "this folder has images itself, so use the folder above the domains, or two folders as dir_A and dir_B"
	}
	isZip := func(f string) bool { return strings.EqualFold(path.Ext(f), ".zip") }
	if i := slices.IndexFunc(files, isZip); i >= 0 && len(dirs) == 0 {
		return fmt.Sprintf("use the archive %s itself", files[i])
	}
	budget := 200 // folders to search, so that the root of a disk is answered soon
	if deep := deeper(fsys, ".", dirs, phase, 3, &budget); deep != "" {
		return "use " + deep + ", which has a dataset"
	}
	var filled []string
	for _, d := range dirs {
		if _, files, err := list(fsys, d); err == nil && slices.ContainsFunc(files, pixels.Readable) {
			filled = append(filled, d)
		}
	}
	if len(filled) == 2 {
		return fmt.Sprintf("if %s and %s are the domains, use them as dir_A and dir_B", filled[0], filled[1])
	}
	return "use two folders as dir_A and dir_B"
}

// deeper looks for a dataset in the folders below dir.
func deeper(fsys fs.FS, dir string, dirs []string, phase string, levels int, budget *int) string {
	for _, name := range dirs {
		if levels == 0 || *budget == 0 {
			return ""
		}
		*budget--
		p := path.Join(dir, name)
		below, _, err := list(fsys, p)
		if err != nil {
			continue
		}
		if f, err := match(fsys, p, below, phase); err == nil && f != nil {
			return p
		}
		if found := deeper(fsys, p, below, phase, levels-1, budget); found != "" {
			return found
		}
	}
	return ""
}
