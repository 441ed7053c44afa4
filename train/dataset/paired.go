package dataset

import (
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// phases are the folders of pix2pix's data sets. Each of their images is a pair: A on the left
// half, B on the right half.
var phases = []string{"train", "val", "test"}

func isPhase(dir string) bool { return slices.Contains(phases, strings.ToLower(path.Base(dir))) }

// arePairs reports whether a folder holds images that are all twice as wide as high. It looks at a
// few.
func arePairs(fsys fs.FS, dir string) bool {
	f := &Folder{FS: fsys, path: dir, Others: map[string]int{}}
	names, _ := f.list() // an unreadable folder has none
	const most = 8
	for i := range min(most, len(names)) {
		file, err := f.readHeader(names[i*len(names)/min(most, len(names))])
		if err != nil || file.Size.Width != 2*file.Size.Height {
			return false
		}
	}
	return len(names) > 0
}

// findPairs looks for a pix2pix data set in a root, its folders, and one folder deeper. It returns
// an error that says how to split the pairs, or nil.
func findPairs(fsys fs.FS, dirs []string) error {
	for _, parent := range append([]string{"."}, dirs...) {
		below, _, _ := list(fsys, parent)
		for _, name := range below {
			if dir := path.Join(parent, name); isPhase(dir) && arePairs(fsys, dir) {
				return pairsError("in the folder that holds "+dir, below)
			}
		}
	}
	if len(dirs) == 0 && arePairs(fsys, ".") { // a phase itself
		return pairsError("in the folder above", phases)
	}
	return nil
}

// pairedFolders returns an error if dir_A and dir_B are two phases of a pix2pix data set instead of
// two domains.
func pairedFolders(a, b *Folder) error {
	parent := filepath.Dir(filepath.Clean(a.Dir))
	if !isPhase(filepath.ToSlash(a.Dir)) || !isPhase(filepath.ToSlash(b.Dir)) || parent != filepath.Dir(filepath.Clean(b.Dir)) ||
		!arePairs(a.FS, a.path) || !arePairs(b.FS, b.path) {
		return nil
	}
	return pairsError("in "+parent, []string{filepath.Base(a.Dir), filepath.Base(b.Dir)})
}

// pairsError returns the error for folders of pairs, named after their phases. The images of test,
// or else of val, become testA and testB.
func pairsError(where string, folders []string) error {
	var commands string
	cut := func(from, to string) {
		for _, side := range [][2]string{{"A", "West"}, {"B", "East"}} {
			commands += fmt.Sprintf("\n  mkdir %[1]s && mogrify -path %[1]s -gravity %[3]s -crop 50%%x100%%+0+0 +repage '%[2]s/*.*'", to+side[0], from, side[1])
		}
	}
	tested := false
	for _, phase := range []string{"train", "test", "val"} {
		i := slices.IndexFunc(folders, func(f string) bool { return strings.EqualFold(f, phase) })
		switch {
		case i < 0 || phase != "train" && tested:
		case phase == "train":
			cut(folders[i], "train")
		default:
			cut(folders[i], "test")
			tested = true
		}
	}
	return fmt.Errorf("these are pairs for pix2pix, not two domains: each image has A on its left half and B on its right half\n"+
		"Fix: split the pairs %s, for example with ImageMagick:%s", where, commands)
}
