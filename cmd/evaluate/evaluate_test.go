package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPruneRemovesOwnOldEntries(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-unusedFor - time.Hour)
	name := strings.Repeat("a", 32)
	for file, age := range map[string]time.Time{
		name + ".pictures": old, name + ".features": time.Now(), name + ".notes": old, "mine.features": old,
	} {
		path := filepath.Join(dir, file)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, age, age); err != nil {
			t.Fatal(err)
		}
	}
	(&cache{dir: dir}).prune()
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range left {
		left[i] = filepath.Base(left[i])
	}
	if want := []string{name + ".features", name + ".notes", "mine.features"}; !slices.Equal(left, want) {
		t.Errorf("%v remain, want %v", left, want)
	}
}

func TestKeysTellOptionsApart(t *testing.T) {
	seen := map[string]bool{}
	for _, parts := range [][]any{{}, {1}, {1, 2}, {"1", 2}, {[2]int{1, 2}}, {"12"}, {"1", "2"}} {
		k := key(parts...)
		if len(k) != 32 || seen[k] {
			t.Errorf("%v has the key %q", parts, k)
		}
		seen[k] = true
	}
}

func TestInOrder(t *testing.T) {
	items := make([]int, 100)
	for i := range items {
		items[i] = i
	}
	slow := func(i int) (int, error) { time.Sleep(time.Duration(i*7%5) * time.Millisecond); return 2 * i, nil }
	next := 0
	err := inOrder(t.Context(), items, slow, func(_, r int, _ error) error {
		if r != 2*next {
			t.Fatalf("result %d came as number %d", r, next)
		}
		next++
		return nil
	})
	if err != nil || next != len(items) {
		t.Errorf("%d of %d results, %v", next, len(items), err)
	}

	enough, n := errors.New("enough"), 0
	err = inOrder(t.Context(), items, slow, func(int, int, error) error {
		if n++; n == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || n != 3 {
		t.Errorf("%d results before %v", n, err)
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	n = 0
	err = inOrder(ctx, items, slow, func(int, int, error) error { n++; cancel(enough); return nil })
	if !errors.Is(err, enough) || n != 1 {
		t.Errorf("%d results after the context ended, and %v", n, err)
	}
}
