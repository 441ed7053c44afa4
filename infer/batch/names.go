package batch

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"cyclegan/infer/pixels"
)

// add plans one image. Output still ends in the name of the input.
func (p *planner) add(input, output string) {
	dir, name := filepath.Split(output)
	ext := filepath.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	switch {
	case !pixels.Readable(name):
		// A file that the caller named is read whatever its name, of which nothing is taken for an
		// extension.
		stem, ext = name, "."+cmp.Or(p.format, "png")
	case p.format != "" && canonical(ext) != canonical(p.format):
		ext = "." + p.format
	case p.format == "" && !pixels.Writable(ext):
		ext = ".png"
		p.AsPNG++
	}
	p.Jobs = append(p.Jobs, Job{input, filepath.Join(dir, shorten(stem, ext, len(name)))})
}

// canonical maps the extensions of a format to one name.
func canonical(ext string) string {
	ext = strings.ToLower(strings.TrimPrefix(ext, "."))
	switch format := pixels.FormatOf("." + ext); format {
	case "":
		return ext
	case "jpeg":
		return "jpg"
	default:
		return format
	}
}

// separate renames outputs that would be one file, and those whose name is needed for a folder. The
// first image whose input has the name of the output keeps it.
func (p *planner) separate() {
	count := map[string]int{}
	taken := map[string]bool{}
	for _, output := range p.outputs {
		taken[p.key(output)] = true
	}
	for i, j := range p.Jobs {
		if output, ok := p.outputs[j.Input]; ok {
			p.Jobs[i].Output = output
			continue
		}
		count[p.key(j.Output)]++
		for dir := filepath.Dir(j.Output); !taken[p.key(dir)]; dir = filepath.Dir(dir) {
			taken[p.key(dir)] = true
		}
	}
	unchanged := func(j Job) bool { return filepath.Base(j.Input) == filepath.Base(j.Output) }
	var late []int
	for i, j := range p.Jobs {
		if _, ok := p.outputs[j.Input]; ok {
			continue
		}
		if key := p.key(j.Output); !taken[key] && (count[key] == 1 || unchanged(j)) {
			taken[key] = true
			continue
		}
		late = append(late, i)
	}
	for _, i := range late {
		j := &p.Jobs[i]
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

// unused returns stem+ext, with a number if that name is used, and marks it as used. Length is the
// length of the name from which stem was made.
func (p *planner) unused(used map[string]bool, stem, ext string, length int) string {
	dir, stem := filepath.Split(stem)
	name := filepath.Join(dir, shorten(stem, ext, length))
	for n := 2; used[p.key(name)]; n++ {
		name = filepath.Join(dir, shorten(stem, fmt.Sprintf("-%d%s", n, ext), length))
	}
	used[p.key(name)] = true
	return name
}

// key returns the same string for all paths that are one file.
func (p *planner) key(path string) string {
	if p.fold {
		return strings.ToLower(path)
	}
	return path
}

// maxName is the length in bytes that nearly all file systems allow for a name.
const maxName = 255

// shorten returns stem+ext. It cuts the stem where the name would become longer than maxName and
// longer than length, which the file system is known to allow.
func shorten(stem, ext string, length int) string {
	for limit := max(maxName, length); len(stem)+len(ext) > limit && stem != ""; {
		_, n := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-n]
	}
	return stem + ext
}
