package batch

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"cyclegan/infer/pixels"
)

// add plans one picture; output has the input's name still.
func (p *planner) add(input, output string) {
	dir, name := filepath.Split(output)
	ext := filepath.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	switch {
	case !pixels.Readable(name):
		// A file that was named itself is read whatever its name; nothing of it is taken for an ending.
		stem, ext = name, "."+cmp.Or(p.format, "png")
	case p.format != "" && canonical(ext) != canonical(p.format):
		ext = "." + p.format
	case p.format == "" && !pixels.Writable(ext):
		ext = ".png"
		p.WebP++
	}
	p.Pictures = append(p.Pictures, Job{input, filepath.Join(dir, shorten(stem, ext, len(name)))})
}

// canonical gives one name to the endings of one format.
func canonical(ext string) string {
	switch ext = strings.ToLower(strings.TrimPrefix(ext, ".")); ext {
	case "jpeg":
		return "jpg"
	case "tif":
		return "tiff"
	}
	return ext
}

// distinct gives pictures that would be written to one file a name each, and one that would be where a folder has to be another. The first
// whose name is the output's anyway keeps it.
func (p *planner) distinct() {
	count := map[string]int{}
	taken := map[string]bool{}
	for _, j := range p.Pictures {
		count[p.key(j.Output)]++
		for dir := filepath.Dir(j.Output); !taken[p.key(dir)]; dir = filepath.Dir(dir) {
			taken[p.key(dir)] = true
		}
	}
	unchanged := func(j Job) bool { return filepath.Base(j.Input) == filepath.Base(j.Output) }
	var late []int
	for i, j := range p.Pictures {
		if key := p.key(j.Output); !taken[key] && (count[key] == 1 || unchanged(j)) {
			taken[key] = true
			continue
		}
		late = append(late, i)
	}
	for _, i := range late {
		j := &p.Pictures[i]
		dir, ext := filepath.Dir(j.Output), filepath.Ext(j.Output)
		name := filepath.Base(j.Input)
		stem := name
		if unchanged(*j) {
			stem = strings.TrimSuffix(name, ext)
		}
		j.Output = p.unused(taken, filepath.Join(dir, stem), ext, len(name))
		p.Renamed = append(p.Renamed, *j)
	}
}

// unused gives stem+ext, with a number if that is in use, and marks it used. Length is that of the name that it was made of.
func (p *planner) unused(used map[string]bool, stem, ext string, length int) string {
	dir, stem := filepath.Split(stem)
	name := filepath.Join(dir, shorten(stem, ext, length))
	for n := 2; used[p.key(name)]; n++ {
		name = filepath.Join(dir, shorten(stem, fmt.Sprintf("-%d%s", n, ext), length))
	}
	used[p.key(name)] = true
	return name
}

// key is one for all paths that are one file.
func (p *planner) key(path string) string {
	if p.fold {
		return strings.ToLower(path)
	}
	return path
}

// longest is how many bytes a name may have nearly everywhere; where it may have more, there are names of files that do.
const longest = 255

// shorten gives stem+ext, with the end of the stem cut off where the name would become longer than the one that it was made of and than any may be.
func shorten(stem, ext string, length int) string {
	for limit := max(longest, length); len(stem)+len(ext) > limit && stem != ""; {
		_, n := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-n]
	}
	return stem + ext
}
