package offheap

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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
			t.Errorf("the last value is %g", got[n-1])
		}
		for range 2 {
			if err := b.Free(); err != nil {
				t.Error(err)
			}
		}
		if b.Values() != nil {
			t.Error("a freed block has values")
		}
	}
	for _, n := range []int{0, -1} {
		if _, err := Floats(n); err == nil {
			t.Errorf("Floats(%d) succeeded", n)
		}
	}
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, size := range []int{0, 1000, leastLarge, 3*largePage + leastLarge + 17} {
		want := make([]byte, size)
		for i := range want {
			want[i] = byte(i * 7 >> 3)
		}
		if err := os.WriteFile(path, want, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadFile(path)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: read %d, error %v", size, len(got), err)
		}
	}
	if _, err := ReadFile(path + ".no"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := ReadFile(t.TempDir()); err == nil {
		t.Error("ReadFile read a folder")
	}
}

func TestInner(t *testing.T) {
	for _, size := range []int{0, 1, largePage, 5 * largePage} {
		data := make([]byte, size)
		part := inner(data)
		if len(part)%largePage != 0 || len(part) > size || size >= 2*largePage && len(part) < size-2*largePage {
			t.Errorf("%d of %d bytes", len(part), size)
		}
	}
}
