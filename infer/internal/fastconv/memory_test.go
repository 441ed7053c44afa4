package fastconv

import (
	"slices"
	"testing"
)

func TestAllocate(t *testing.T) {
	for _, n := range []int{1, 1000, 3<<20 + 1} {
		v, free, err := allocate(n)
		if err != nil {
			t.Fatal(err)
		}
		if len(v) != n || slices.ContainsFunc(v, func(f float32) bool { return f != 0 }) {
			t.Fatalf("%d values, not %d zeros", len(v), n)
		}
		v[0], v[n-1] = 1, 2
		if err := free(); err != nil {
			t.Error(err)
		}
	}
}
