package dataset

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strings"
)

// GroupKind says what identical files spoil. A group that is of several kinds
// has the first of them.
type GroupKind string

const (
	AcrossDomains   GroupKind = "across_domains"    // both domains have the picture
	AcrossTrainTest GroupKind = "across_train_test" // it is trained on and tested with
	WithinSet       GroupKind = "within_set"        // it is there more than once
)

// Group is files with the same bytes.
type Group struct {
	Kind   GroupKind `json:"kind"`
	Bytes  int64     `json:"bytes"` // of each
	SHA256 string    `json:"sha256"`
	Files  []Member  `json:"files"`
}

// Member is a file of a group.
type Member struct {
	Set  string `json:"set"` // trainA, trainB, testA or testB
	Name string `json:"name"`
}

// String is the names with equals signs between them.
func (g Group) String() string {
	names := make([]string, len(g.Files))
	for i, m := range g.Files {
		names[i] = m.Name
	}
	return strings.Join(names, " = ")
}

// identical makes groups of the files that are alike.
func (in *inspector) identical() {
	at := map[fingerprint]int{}
	for _, f := range in.alike {
		k, ok := at[f.fingerprint()]
		if !ok {
			k = len(in.same)
			at[f.fingerprint()] = k
			in.same = append(in.same, nil)
		}
		in.same[k] = append(in.same[k], f)
	}
	rank := func(group []file) int {
		return slices.Index([]GroupKind{AcrossDomains, AcrossTrainTest, WithinSet}, kindOf(group))
	}
	// Stable: within a kind they stay in the order of their first file.
	slices.SortStableFunc(in.same, func(a, b []file) int { return cmp.Compare(rank(a), rank(b)) })
	for _, group := range in.same {
		sum := group[0].look().sum
		g := Group{Kind: kindOf(group), Bytes: group[0].bytes(), SHA256: hex.EncodeToString(sum[:])}
		for _, f := range group {
			g.Files = append(g.Files, Member{f.p.name, f.name()})
		}
		in.Identical = append(in.Identical, g)
	}
}

func kindOf(group []file) GroupKind {
	kind := WithinSet
	for _, f := range group {
		if f.p.domain != group[0].p.domain {
			return AcrossDomains
		}
		if f.p.train != group[0].p.train {
			kind = AcrossTrainTest
		}
	}
	return kind
}
