package main

import (
	"context"
	"errors"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cyclegan/infer/pixels"
	"cyclegan/train/metric"
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

// The cache is named by the content of the images: equal names, sizes and times do not make two
// folders equal, and other names and times do not make one folder two.
func TestCacheFollowsContent(t *testing.T) {
	swd, err := metric.NewSWD(16, 16, nil)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	name := func(files map[string]byte) string {
		t.Helper()
		dir := t.TempDir()
		for file, gray := range files {
			img := image.NewNRGBA(image.Rect(0, 0, 16, 16))
			for i := range img.Pix {
				img.Pix[i] = gray
			}
			path := filepath.Join(dir, file)
			if err := pixels.Save(path, img, pixels.SaveOptions{}); err != nil { // BMP has the same size for all
				t.Fatal(err)
			}
			if err := os.Chtimes(path, begin, begin); err != nil {
				t.Fatal(err)
			}
		}
		f, err := listFolder("real", dir, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		c, err := newCache(t.Context(), &config{cache: t.TempDir()}, f, swd, nil, t.Logf)
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Base(c.pictures)
	}
	want := name(map[string]byte{"a.bmp": 10, "b.bmp": 20})
	begin = begin.Add(-time.Hour)
	if got := name(map[string]byte{"x.bmp": 10, "z.bmp": 20}); got != want {
		t.Error("the names and times of images change the name of the entry")
	}
	begin = begin.Add(time.Hour)
	for what, files := range map[string]map[string]byte{
		"one image differs": {"a.bmp": 10, "b.bmp": 21}, "another order": {"a.bmp": 20, "b.bmp": 10}, "an image less": {"a.bmp": 10},
	} {
		if name(files) == want {
			t.Errorf("%s: the same entry", what)
		}
	}
}

// An image that changes after it was hashed fails, since its statistics would be cached as those of
// the image before.
func TestImageChangesMeanwhile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.png")
	save := func(side int) {
		if err := pixels.Save(path, image.NewNRGBA(image.Rect(0, 0, side, side)), pixels.SaveOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	save(16)
	f, err := listFolder("real", filepath.Dir(path), 0, 0)
	if err == nil {
		err = f.hash(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&config{}).image(f.files[0]); err != nil {
		t.Error(err)
	}
	save(17)
	if _, err := (&config{}).image(f.files[0]); err == nil || !strings.Contains(err.Error(), "changed during the evaluation") {
		t.Errorf("read a changed image: %v", err)
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
