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
		v := b.Values
		if len(v) != n || slices.ContainsFunc(v, func(f float32) bool { return f != 0 }) {
			t.Fatalf("%d values, not %d zeros", len(v), n)
		}
		v[0], v[n-1] = 1, 2
		if got := b.Values; got[n-1] != 2 {
			t.Errorf("the last value is %g", got[n-1])
		}
		for range 2 {
			if err := b.Free(); err != nil {
				t.Error(err)
			}
		}
		if b.Values != nil {
			t.Error("a freed block has values")
		}
	}
	if _, err := Floats(-1); err == nil {
		t.Error("Floats(-1) succeeded")
	}
}
