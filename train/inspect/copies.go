package inspect

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// findOverlaps finds folders that are the same or nested, whatever names or links lead to them.
func (in *inspector) findOverlaps() {
	for i, p := range in.parts {
		for _, q := range in.parts[i+1:] {
			first, second := p.folder.Label, q.folder.Label
			kind, title := "nested_folders", ""
			switch relation(p.folder.Dir, q.folder.Dir) {
			case same:
				kind, title = "same_folder", fmt.Sprintf("%s and %s are the same folder", first, second)
			case inside:
				title = fmt.Sprintf("%s is inside %s", first, second)
			case contains:
				title = fmt.Sprintf("%s is inside %s", second, first)
			default:
				continue
			}
			switch {
			case p.train && q.train:
				in.add(Error, kind, nil, title, "Both domains have the same images, so there is nothing to translate. Fix: use separate folders that are not nested.")
			case p.domain != q.domain:
				in.add(Warning, kind, nil, title, "They belong to different domains. Fix: check whether the test folders are swapped or have wrong names.")
			default:
				in.add(Warning, kind, nil, title, "The run trains on the test images, so their scores say nothing about new ones. Fix: set some images aside in a separate folder.")
			}
			in.overlaps[[2]string{p.name, q.name}] = true
		}
	}
}

// How folder a relates to folder b.
const (
	separate = iota
	same
	inside
	contains
)

// relation is separate for folders in archives, whose path is "".
func relation(a, b string) int {
	if a == "" || b == "" {
		return separate
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	switch {
	case errA != nil || errB != nil:
		return separate
	case os.SameFile(infoA, infoB):
		return same
	case isInside(a, infoB):
		return inside
	case isInside(b, infoA):
		return contains
	}
	return separate
}

// isInside reports whether outer is one of the folders above dir.
func isInside(dir string, outer os.FileInfo) bool {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return false
	}
	for up := filepath.Dir(dir); up != dir; dir, up = up, filepath.Dir(up) {
		if info, err := os.Stat(up); err == nil && os.SameFile(info, outer) {
			return true
		}
	}
	return false
}

// findCopies finds identical files where they do harm.
func (in *inspector) findCopies() {
	copies := in.copies()
	a, b := in.parts[0], in.parts[1]
	smaller, larger := a, b
	if b.usable() < a.usable() {
		smaller, larger = b, a
	}
	mostly := func(p, q *part) bool { return 2*copies[p.name][q.name] > p.usable() }
	if mostly(smaller, larger) && !in.overlaps[[2]string{a.name, b.name}] {
		in.add(Error, "domains_alike", in.lines(func(g []file) bool { return has(g, a.name) && has(g, b.name) }),
			fmt.Sprintf("the domains have the same images: %s are also in %s", smaller.ofSet(copies[smaller.name][larger.name]), larger.folder.Label),
			"There is nothing to translate between them. Fix: check that each folder has the images of its domain.")
	} else if lines := in.lines(func(g []file) bool { return kindOf(g) == AcrossDomains }); len(lines) > 0 && !in.crossed() {
		in.add(Warning, "across_domains", lines, fmt.Sprintf("images in both domains: %d", len(lines)),
			"The networks learn that these belong to A and to B, and one of the two is wrong. Fix: delete each from the domain where it does not belong.")
	}
	for _, t := range in.parts {
		for _, p := range in.training() {
			if !t.train && t.domain != p.domain && mostly(t, p) && !in.overlaps[[2]string{p.name, t.name}] {
				in.add(Warning, "test_swapped", nil, fmt.Sprintf("most images of %s are in %s, which belongs to the other domain", t.folder.Label, p.folder.Label),
					"Fix: check whether the test folders are swapped.")
			}
		}
	}
	in.findLeak(copies)
	in.findRepeats()
}

// crossed reports whether folders of different domains overlap, which explains all files in both.
func (in *inspector) crossed() bool {
	for pair := range in.overlaps {
		if strings.HasSuffix(pair[0], "A") != strings.HasSuffix(pair[1], "A") {
			return true
		}
	}
	return false
}

// findLeak finds test images that are also training images.
func (in *inspector) findLeak(copies map[string]map[string]int) {
	var sets []string
	leaks := map[string]bool{}
	for _, p := range in.training() {
		t := in.test(p.domain)
		if t == nil || in.overlaps[[2]string{p.name, t.name}] {
			continue
		}
		if n := copies[t.name][p.name]; n > 0 {
			sets = append(sets, t.ofSet(n))
			leaks[p.domain] = true
		}
	}
	if len(sets) == 0 {
		return
	}
	lines := in.lines(func(g []file) bool {
		return leaks["A"] && has(g, "trainA") && has(g, "testA") || leaks["B"] && has(g, "trainB") && has(g, "testB")
	})
	in.add(Warning, "leak", lines, "test images are also training images: "+strings.Join(sets, ", "),
		"They score better than new images would. Fix: delete them from the training folder, or from the test folder if enough remain there.")
}

// findRepeats finds files that one set has more than once.
func (in *inspector) findRepeats() {
	extra := map[string]int{}
	lines := in.lines(func(g []file) bool {
		n := map[string]int{}
		repeats := false
		for _, f := range g {
			if n[f.p.name]++; n[f.p.name] > 1 {
				extra[f.p.name]++
				repeats = true
			}
		}
		return repeats
	})
	var sets []string
	s := Note
	for _, p := range in.parts {
		n := extra[p.name]
		if n == 0 {
			continue
		}
		sets = append(sets, p.ofSet(n))
		if p.train && float64(n) > 0.05*float64(p.usable()) {
			s = Warning
		}
	}
	if len(sets) > 0 {
		in.add(s, "repeats", lines, "copies of other files in the same set: "+strings.Join(sets, ", "),
			"The run trains on a copied image more often, and a score counts it more often. Fix: delete the copies.")
	}
}

// copies returns for each set how many of its files have a copy in each other set.
func (in *inspector) copies() map[string]map[string]int {
	n := map[string]map[string]int{}
	for _, p := range in.parts {
		n[p.name] = map[string]int{}
	}
	for _, g := range in.same {
		// Counting per set first keeps large groups cheap, such as thousands of "not available"
		// images.
		members := map[string]int{}
		for _, f := range g {
			members[f.p.name]++
		}
		for set, k := range members {
			for other := range members {
				if other != set {
					n[set][other] += k
				}
			}
		}
	}
	return n
}

func has(group []file, set string) bool {
	return slices.ContainsFunc(group, func(f file) bool { return f.p.name == set })
}

// lines returns the groups for which want returns true, as text.
func (in *inspector) lines(want func([]file) bool) []string {
	var lines []string
	for k, g := range in.same {
		if want(g) {
			lines = append(lines, in.Identical[k].String())
		}
	}
	return lines
}
