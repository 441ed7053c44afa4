package cli

import (
	"slices"
	"testing"
)

func TestWithLargePages(t *testing.T) {
	const asks = "GLIBC_TUNABLES=glibc.malloc.hugetlb=1"
	for _, c := range []struct {
		name, mode    string
		environ, want []string // nil: no new start
	}{
		{"none yet", "always [madvise] never\n", []string{"A=1"}, []string{"A=1", asks}},
		{"empty", "always [madvise] never\n", []string{"GLIBC_TUNABLES=", "B=2"}, []string{asks, "B=2"}},
		{"others", "always [madvise] never\n", []string{"GLIBC_TUNABLES=glibc.malloc.arena_max=2"}, []string{"GLIBC_TUNABLES=glibc.malloc.arena_max=2:glibc.malloc.hugetlb=1"}},
		{"others, closed", "always [madvise] never\n", []string{"GLIBC_TUNABLES=glibc.malloc.arena_max=2:"}, []string{"GLIBC_TUNABLES=glibc.malloc.arena_max=2:glibc.malloc.hugetlb=1"}},
		{"started anew", "always [madvise] never\n", []string{"A=1", asks}, nil},
		{"a person's choice", "always [madvise] never\n", []string{"GLIBC_TUNABLES=glibc.malloc.hugetlb=0"}, nil},
		{"for everybody", "[always] madvise never\n", []string{"A=1"}, nil},
		{"for nobody", "always madvise [never]\n", []string{"A=1"}, nil},
		{"unknown", "", []string{"A=1"}, nil},
	} {
		before := slices.Clone(c.environ)
		got, ok := withLargePages(c.environ, c.mode)
		if ok != (c.want != nil) || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v, want %q", c.name, got, ok, c.want)
		}
		if !slices.Equal(c.environ, before) {
			t.Errorf("%s: the environment itself changed", c.name)
		}
		if again, ok := withLargePages(got, c.mode); c.want != nil && ok {
			t.Errorf("%s: it would start for ever: %q", c.name, again)
		}
	}
}
