package offheap

import (
	"slices"
	"testing"
)

func TestFloats(t *testing.T) {
	for _, n := range []int{1, 1000, 3<<20 + 1} {
		b, err := Floats(n)
		if err != nil {
			t.Fatal(err)
		}
		v := b.Values()
		if len(v) != n || slices.ContainsFunc(v, func(f float32) bool { return f != 0 }) {
			t.Fatalf("%d values, not %d zeros", len(v), n)
		}
		v[0], v[n-1] = 1, 2
		if got := b.Values(); got[n-1] != 2 {
			t.Errorf("it holds %g", got[n-1])
		}
		for range 2 {
			if err := b.Free(); err != nil {
				t.Error(err)
			}
		}
		if b.Values() != nil {
			t.Error("it has values after it was freed")
		}
	}
	for _, n := range []int{0, -1} {
		if _, err := Floats(n); err == nil {
			t.Errorf("memory for %d values was given", n)
		}
	}
}
