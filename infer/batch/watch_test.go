package batch

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cyclegan/infer/internal/imagetest"
	"cyclegan/infer/pixels"
)

// save writes an image whose time of change is a number of minutes after a fixed time.
func save(t *testing.T, path string, side, minutes int) {
	t.Helper()
	if err := pixels.Save(path, imagetest.Pattern(side, 7), pixels.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 1, 0, minutes, 0, 0, time.UTC)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestWatcher(t *testing.T) {
	photographs(t, "in/a.png")
	w := NewWatcher([]string{"in", "in/*.bmp*"}, "out", "png")
	if _, err := w.Next(); err == nil {
		t.Error("a pattern that matches nothing is no error")
	}
	w = NewWatcher([]string{"in"}, "out", "png")
	next := func(what string, want ...string) {
		t.Helper()
		plan, err := w.Next()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, j := range plan.Jobs {
			got = append(got, filepath.ToSlash(j.Input+" "+j.Output))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	next("there at the start", "in/a.png out/a.png")
	next("nothing new")

	save(t, "in/b.png", 9, 1)
	next("arrives")
	save(t, "in/b.png", 10, 2)
	next("is still written to")
	next("has arrived", "in/b.png out/b.png")
	next("has been planned")

	// As PNG, a.jpg sorts before a.png and would take its name if that were not decided.
	save(t, "in/a.jpg", 9, 1)
	next("arrives")
	next("has a name that is taken", "in/a.jpg out/a.jpg.png")

	save(t, "in/a.png", 11, 3)
	next("changes")
	next("has changed", "in/a.png out/a.png")

	if err := os.Remove("in/b.png"); err != nil {
		t.Fatal(err)
	}
	next("is removed")

	if err := os.Rename("in", "gone"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Next(); err == nil {
		t.Error("a folder that is gone is no error")
	}
	if err := os.Rename("gone", "in"); err != nil {
		t.Fatal(err)
	}
	next("is back")
}

// Files that cannot be converted are listed once.
func TestWatcherUnsupported(t *testing.T) {
	photographs(t, "in/a.png")
	write := func(path string) {
		if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("in/a.cr2")
	w := NewWatcher([]string{"in"}, "out", "")
	for i, want := range []string{"in/a.cr2", "", "in/b.jxl", ""} {
		if i == 2 {
			write("in/b.jxl")
		}
		plan, err := w.Next()
		if err != nil {
			t.Fatal(err)
		}
		if got := filepath.ToSlash(strings.Join(plan.Unsupported, " ")); got != want {
			t.Errorf("look %d: unsupported %q, want %q", i+1, got, want)
		}
	}
}

func TestWatcherStartsEmpty(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("in", 0o755); err != nil {
		t.Fatal(err)
	}
	w := NewWatcher([]string{"in"}, "out", "")
	for range 2 {
		if plan, err := w.Next(); err != nil || len(plan.Jobs) > 0 {
			t.Fatalf("plan %v, error %v", plan, err)
		}
	}
}

func TestSummaryAdd(t *testing.T) {
	a, b := Job{Input: "a"}, Job{Input: "b"}
	sum := &Summary{}
	sum.Add(&Plan{Jobs: []Job{a, b}}, &Summary{Total: 2, Converted: 1, Failed: []Failure{{Path: "b"}}})
	sum.Add(&Plan{Jobs: []Job{b}}, &Summary{Total: 1, Converted: 1})
	if sum.Total != 2 || sum.Converted != 2 || len(sum.Failed) != 0 {
		t.Errorf("%+v: the image that failed and was then converted counts twice", sum)
	}
}

// Two runs over the same folders leave what one of them leaves.
func TestRunTwiceAtOnce(t *testing.T) {
	photographs(t, "in/a.png", "in/b.jpg", "in/sub/c.png", "in/d.bmp")
	if _, err := convert(t.Context(), inverter, "in", "alone", "", nil); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() {
				s, err := convert(context.Background(), inverter, "in", "both", "", nil)
				if err != nil || len(s.Failed) > 0 {
					t.Errorf("summary %+v, error %v", s, err)
				}
			})
		}
		group.Wait()
		if err := os.RemoveAll("once"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename("both", "once"); err != nil {
			t.Fatal(err)
		}
		want, got := files(t, "alone"), files(t, "once")
		if len(got) != 4 {
			t.Fatalf("%d files, want 4", len(got))
		}
		for name, data := range want {
			if got[name] != data {
				t.Errorf("%s differs from that of a single run", name)
			}
		}
	}
}

// files returns the contents of all files below dir by their paths.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	contents := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		contents[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return contents
}
