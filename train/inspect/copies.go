package inspect

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// GroupKind says what a group of identical files spoils. A group of several kinds has the first of
// them.
type GroupKind string

const (
	AcrossDomains   GroupKind = "across_domains"    // both domains have the image
	AcrossTrainTest GroupKind = "across_train_test" // the image is for training and for testing
	WithinSet       GroupKind = "within_set"        // one set has the image more than once
)

// Group is a group of files with the same bytes.
type Group struct {
	Kind   GroupKind `json:"kind"`
	Bytes  int64     `json:"bytes"` // of each file
	SHA256 string    `json:"sha256"`
	Files  []Member  `json:"files"`
}

// Member is a file of a group.
type Member struct {
	Set  string `json:"set"` // trainA, trainB, testA or testB
	Name string `json:"name"`
}

// String returns the names with equals signs between them.
func (g Group) String() string {
	names := make([]string, len(g.Files))
	for i, m := range g.Files {
		names[i] = m.Name
	}
	return strings.Join(names, " = ")
}

// identical groups the files in alike.
func (in *inspector) identical() {
	at := map[digest]int{}
	for _, f := range in.alike {
		k, ok := at[f.id()]
		if !ok {
			k = len(in.same)
			at[f.id()] = k
			in.same = append(in.same, nil)
		}
		in.same[k] = append(in.same[k], f)
	}
	// The names of the kinds are in their order. Within a kind, groups stay in that of their first
	// file.
	slices.SortStableFunc(in.same, func(a, b []*file) int { return cmp.Compare(kindOf(a), kindOf(b)) })
	for _, group := range in.same {
		sum := group[0].sum
		g := Group{Kind: kindOf(group), Bytes: group[0].Bytes, SHA256: hex.EncodeToString(sum[:])}
		for _, f := range group {
			g.Files = append(g.Files, Member{f.part.name, f.Name})
		}
		in.Identical = append(in.Identical, g)
	}
}

func kindOf(group []*file) GroupKind {
	kind := WithinSet
	for _, f := range group {
		if f.part.domain != group[0].part.domain {
			return AcrossDomains
		}
		if f.part.train != group[0].part.train {
			kind = AcrossTrainTest
		}
	}
	return kind
}

// findCopies finds identical files where they do harm.
func (in *inspector) findCopies() {
	copies := in.copies()
	a, b := in.parts[0], in.parts[1]
	smaller, larger := a, b
	if len(b.files) < len(a.files) {
		smaller, larger = b, a
	}
	mostly := func(p, q *part) bool { return 2*copies[p.name][q.name] > len(p.files) }
	if mostly(smaller, larger) {
		in.add(Error, "domains_alike", in.lines(func(g []*file) bool { return has(g, a.name) && has(g, b.name) }),
			fmt.Sprintf("the domains have the same images: %s are also in %s", smaller.ofSet(copies[smaller.name][larger.name]), larger.folder.Label),
			"There is nothing to translate between them. Fix: check that each folder has the images of its domain.")
	} else if lines := in.lines(func(g []*file) bool { return kindOf(g) == AcrossDomains }); len(lines) > 0 {
		in.add(Warning, "across_domains", lines, fmt.Sprintf("images in both domains: %d", len(lines)),
			"The networks learn that these belong to A and to B, and one of the two is wrong. Fix: delete each from the domain where it does not belong.")
	}
	for _, t := range in.parts {
		for _, p := range in.training() {
			if !t.train && t.domain != p.domain && mostly(t, p) {
				in.add(Warning, "test_swapped", nil, fmt.Sprintf("most images of %s are in %s, which belongs to the other domain", t.folder.Label, p.folder.Label),
					"Fix: check whether the test folders are swapped.")
			}
		}
	}
	in.findLeak(copies)
	in.findRepeats()
}

// findLeak finds test images that are also training images.
func (in *inspector) findLeak(copies map[string]map[string]int) {
	var sets []string
	for _, p := range in.training() {
		if t := in.test(p.domain); t != nil && copies[t.name][p.name] > 0 {
			sets = append(sets, t.ofSet(copies[t.name][p.name]))
		}
	}
	if len(sets) == 0 {
		return
	}
	lines := in.lines(func(g []*file) bool {
		return has(g, "trainA") && has(g, "testA") || has(g, "trainB") && has(g, "testB")
	})
	in.add(Warning, "leak", lines, "test images are also training images: "+strings.Join(sets, ", "),
		"They score better than new images would. Fix: delete them from the training folder, or from the test folder if enough remain there.")
}

// findRepeats finds files that one set has more than once.
func (in *inspector) findRepeats() {
	extra := map[string]int{}
	lines := in.lines(func(g []*file) bool {
		repeats := false
		for set, k := range members(g) {
			extra[set] += k - 1
			repeats = repeats || k > 1
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
		if p.train && float64(n) > 0.05*float64(len(p.files)) {
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
		counts := members(g)
		for set, k := range counts {
			for other := range counts {
				if other != set {
					n[set][other] += k
				}
			}
		}
	}
	return n
}

// members counts the files of a group by set.
func members(group []*file) map[string]int {
	n := map[string]int{}
	for _, f := range group {
		n[f.part.name]++
	}
	return n
}

func has(group []*file, set string) bool { return members(group)[set] > 0 }

// lines returns the groups for which want returns true, as text.
func (in *inspector) lines(want func([]*file) bool) []string {
	var lines []string
	for k, g := range in.same {
		if want(g) {
			lines = append(lines, in.Identical[k].String())
		}
	}
	return lines
}
