package dataset

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"cyclegan/infer/pixels"
)

// hint guesses what a person meant who named a root in which no dataset is
// found, from the folders and files in it.
func hint(fsys fs.FS, dirs, files []string, phase string) string {
	pictures, archive := 0, ""
	for _, f := range files {
		if pixels.Readable(f) {
			pictures++
		}
		if strings.EqualFold(path.Ext(f), ".zip") {
			archive = f
		}
	}
	if pictures > 0 {
		return fmt.Sprintf("it holds %s itself: name the folder above those of the domains, or two folders with dir_A and dir_B", count(pictures, "picture"))
	}
	if archive != "" && len(dirs) == 0 {
		return fmt.Sprintf("name the archive %s itself, which is read as it is", archive)
	}
	budget := 200 // folders to look into, so that naming a whole disk is answered soon
	if deep := deeper(fsys, ".", dirs, phase, 3, &budget); deep != "" {
		return "there are some in " + deep + ": name that folder"
	}
	var filled []string
	for _, d := range dirs {
		if _, files, err := list(fsys, d); err == nil && holdsPicture(files) {
			filled = append(filled, d)
		}
	}
	if len(filled) == 2 {
		return fmt.Sprintf("are %s and %s the domains? Then name them with dir_A and dir_B", filled[0], filled[1])
	}
	return "or name two folders with dir_A and dir_B"
}

func holdsPicture(files []string) bool {
	for _, f := range files {
		if pixels.Readable(f) {
			return true
		}
	}
	return false
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
