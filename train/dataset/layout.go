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

// found is where the data of a run lies.
type found struct {
	where, layout string
	dir           string // that the folders lie in, within the root
	a, b          *Folder
	testA, testB  *Folder   // nil when there is none
	tests         [2]string // what the test folders are or would be called
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
	{"layout with a folder a phase", func(p string) string { return p + "/A" }, func(p string) string { return p + "/B" }, "A", "B"},
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
		return nil, fmt.Errorf("open dataset %q: %w", o.Dataroot, err)
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

// namedFolders serves dir_A, dir_B and the test folders.
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
			return nil, fmt.Errorf("open folder %q: %w", dir, err)
		}
		if !info.IsDir() {
			return nil, fmt.Errorf("open folder %q: not a folder (a zip file that holds both domains is named with dataroot)", dir)
		}
		*to = &Folder{FS: os.DirFS(dir), Label: labelAmong(dir, dirs), Dir: dir, path: ".", name: []string{"A", "B"}[i%2]}
	}
	return f, nil
}

// labelAmong is the folder's own name, and its path where another folder of
// that name takes part.
func labelAmong(dir string, all []string) string {
	for _, other := range all {
		if other != "" && display(other) == display(dir) && filepath.Clean(other) != filepath.Clean(dir) {
			return filepath.ToSlash(filepath.Clean(dir))
		}
	}
	return display(dir)
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
	for _, member := range z.File {
		const encrypted = 1 << 0 // of the flags in a local file header
		if member.Flags&encrypted != 0 {
			f.Close()
			return nil, nil, errors.New("the zip file is encrypted: unpack it with its password, and name the folder")
		}
	}
	return z, f, nil
}

// search tries every naming at the top, then one folder deeper.
func search(fsys fs.FS, phase string) (*found, error) {
	dirs, files, err := list(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	if f, err := match(fsys, ".", dirs, phase); f != nil || err != nil {
		return f, err
	}
	var deeper []*found
	for _, dir := range dirs {
		names, _, err := list(fsys, dir)
		if err != nil {
			return nil, fmt.Errorf("list %q: %w", dir, err)
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
		return nil, fmt.Errorf("holds several datasets: %s; name one of them", some(all))
	}
	var wanted []string
	for _, n := range namings {
		wanted = append(wanted, n.a(phase)+" with "+n.b(phase))
	}
	return nil, fmt.Errorf("no training pictures: looked, here and one folder deeper, for %s; found folders: %s; files: %s (%s)",
		strings.Join(wanted, ", or "), some(dirs), some(files), hint(fsys, dirs, files, phase))
}

// list gives the folders and files in dir, without hidden ones and the shadow
// folder that macOS puts into archives.
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

// match looks for a known naming in dir, whose folders are given.
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
	return fmt.Errorf("folder %s is there but %s is not: unpaired training needs both; found folders: %s (other names can be given with dir_A and dir_B)",
		path.Join(dir, have), path.Join(dir, lack), some(dirs))
}

// resolve finds the folder called name, which may have two parts, in dir. One
// whose name differs in upper and lower case serves where it is the only one.
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

// hint guesses what a person meant who named a root in which no dataset is
// found, from the folders and files in it.
func hint(fsys fs.FS, dirs, files []string, phase string) string {
	if slices.ContainsFunc(files, pixels.Readable) {
		return "it holds pictures itself: name the folder above those of the domains, or two folders with dir_A and dir_B"
	}
	isZip := func(f string) bool { return strings.EqualFold(path.Ext(f), ".zip") }
	if i := slices.IndexFunc(files, isZip); i >= 0 && len(dirs) == 0 {
		return fmt.Sprintf("name the archive %s itself, which is read as it is", files[i])
	}
	budget := 200 // folders to look into, so that naming a whole disk is answered soon
	if deep := deeper(fsys, ".", dirs, phase, 3, &budget); deep != "" {
		return "there are some in " + deep + ": name that folder"
	}
	var filled []string
	for _, d := range dirs {
		if _, files, err := list(fsys, d); err == nil && slices.ContainsFunc(files, pixels.Readable) {
			filled = append(filled, d)
		}
	}
	if len(filled) == 2 {
		return fmt.Sprintf("are %s and %s the domains? Then name them with dir_A and dir_B", filled[0], filled[1])
	}
	return "or name two folders with dir_A and dir_B"
}

// deeper finds a dataset that lies below the folders which are searched.
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
