package dataset

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// judgePlaces finds folders that are the same or lie in one another, by
// whatever names or links they were reached.
func (in *inspector) judgePlaces() {
	for i, p := range in.parts {
		for _, q := range in.parts[i+1:] {
			where := relation(p.files.folder.dir, q.files.folder.dir)
			if where == "" {
				continue
			}
			first, second := p.label(), q.label()
			if where == "holds" {
				first, second = second, first
			}
			kind, what := "same_folder", fmt.Sprintf("%s and %s are the same folder", first, second)
			if where != "is" {
				kind, what = "nested_folders", fmt.Sprintf("%s lies inside %s", first, second)
			}
			switch {
			case p.train && q.train:
				in.add(SeverityError, kind, nil, what, "The pictures are in both domains, so there is nothing to translate. Give each domain a folder of its own, side by side.")
			case p.domain != q.domain:
				in.add(SeverityWarning, kind, nil, what, "They are of different domains: are the test folders swapped, or named wrongly?")
			default:
				in.add(SeverityWarning, kind, nil, what, "The test pictures are trained on, so their scores say nothing about new ones. Keep some apart in a folder of its own.")
			}
			in.placed[[2]string{p.name, q.name}] = true
		}
	}
}

// relation tells whether folder a "is" b, "holds" it or lies "in" it; "" is none
// of these, as for folders within archives, whose path is "".
func relation(a, b string) string {
	if a == "" || b == "" {
		return ""
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	switch {
	case errA != nil || errB != nil:
		return ""
	case os.SameFile(infoA, infoB):
		return "is"
	case lies(a, infoB):
		return "in"
	case lies(b, infoA):
		return "holds"
	}
	return ""
}

// lies tells whether one of the folders above dir is outer.
func lies(dir string, outer os.FileInfo) bool {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return false
	}
	for {
		up := filepath.Dir(dir)
		if up == dir {
			return false
		}
		info, err := os.Stat(up)
		if err == nil && os.SameFile(info, outer) {
			return true
		}
		dir = up
	}
}

// judgeCopies is about identical files.
func (in *inspector) judgeCopies() {
	copies := in.copies()
	a, b := in.parts[0], in.parts[1]
	alike := max(copies[a.name][b.name], copies[b.name][a.name])
	smaller, larger := a, b
	if b.usable() < a.usable() {
		smaller, larger = b, a
	}
	mostly := func(p, q *part) bool { return 2*copies[p.name][q.name] > p.usable() }
	if alike > 0 && mostly(smaller, larger) && !in.placed[[2]string{a.name, b.name}] {
		in.add(SeverityError, "domains_alike", in.lines(func(g []file) bool { return holds(g, a.name) && holds(g, b.name) }),
			fmt.Sprintf("the domains hold the same pictures: %d of the %d in %s are in %s too", copies[smaller.name][larger.name], smaller.usable(), smaller.label(), larger.label()),
			"There is nothing to translate between them. Check that each folder holds what it should.")
	} else if lines := in.lines(func(g []file) bool { return kindOf(g) == AcrossDomains }); len(lines) > 0 && !in.crossed() {
		in.add(SeverityWarning, "across_domains", lines, isAre(len(lines), "picture")+" in both domains",
			"The networks are told that these belong to A and to B, and one of the two is wrong. Delete each from where it does not belong.")
	}
	for _, t := range in.parts {
		for _, p := range in.training() {
			if !t.train && t.domain != p.domain && mostly(t, p) && !in.placed[[2]string{p.name, t.name}] {
				in.add(SeverityWarning, "test_swapped", nil, fmt.Sprintf("most pictures of %s are in %s, which is of the other domain", t.label(), p.label()), "Are the test folders swapped?")
			}
		}
	}
	in.judgeLeak(copies)
	in.judgeRepeats()
}

// crossed tells that folders of different domains are one or nested, which says
// all about files in both.
func (in *inspector) crossed() bool {
	for pair := range in.placed {
		if strings.HasSuffix(pair[0], "A") != strings.HasSuffix(pair[1], "A") {
			return true
		}
	}
	return false
}

// judgeLeak is about test pictures that are trained on.
func (in *inspector) judgeLeak(copies map[string]map[string]int) {
	var parts []string
	leaks := map[string]bool{}
	for _, p := range in.training() {
		t := in.test(p.domain)
		if t == nil || in.placed[[2]string{p.name, t.name}] {
			continue
		}
		if n := copies[t.name][p.name]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d of the %d in %s", n, t.usable(), t.label()))
			leaks[p.domain] = true
		}
	}
	if len(parts) == 0 {
		return
	}
	lines := in.lines(func(g []file) bool {
		return leaks["A"] && holds(g, "trainA") && holds(g, "testA") || leaks["B"] && holds(g, "trainB") && holds(g, "testB")
	})
	in.add(SeverityWarning, "leak", lines, "test pictures are trained on: "+strings.Join(parts, ", "),
		"They make scores better than new pictures would. Delete them from the training folder, or from the test folder where it has enough.")
}

// repeatsWarn is the share of repeated files from which they are worth a warning.
const repeatsWarn = 0.05

// judgeRepeats is about files that one set has more than once.
func (in *inspector) judgeRepeats() {
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
	var parts []string
	s := SeverityNote
	for _, p := range in.parts {
		n := extra[p.name]
		if n == 0 {
			continue
		}
		parts = append(parts, fmt.Sprintf("%d of the %d in %s", n, p.usable(), p.label()))
		if p.train && float64(n) > repeatsWarn*float64(p.usable()) {
			s = SeverityWarning
		}
	}
	if len(parts) > 0 {
		in.add(s, "repeats", lines, "files are copies of others in the same set: "+strings.Join(parts, ", "),
			"What is there twice is trained on twice as often, and counts twice in a score. Delete the copies.")
	}
}

// copies tells how many files of one set have a copy in another.
func (in *inspector) copies() map[string]map[string]int {
	n := map[string]map[string]int{}
	for _, p := range in.parts {
		n[p.name] = map[string]int{}
	}
	for _, g := range in.same {
		// Groups can be large: of pictures that say "not available", for instance.
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

func holds(group []file, set string) bool {
	for _, f := range group {
		if f.p.name == set {
			return true
		}
	}
	return false
}

// lines writes the groups that are wanted.
func (in *inspector) lines(want func([]file) bool) []string {
	var lines []string
	for k, g := range in.same {
		if want(g) {
			lines = append(lines, in.Identical[k].String())
		}
	}
	return lines
}
