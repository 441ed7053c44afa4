package pipeline

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/memfs"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"

	"cyclegan/infer"
	"cyclegan/infer/batch"
	"cyclegan/infer/session"
)

func TestMain(m *testing.M) {
	beam.Init()
	os.Exit(m.Run())
}

// fixture is the path of a test file of the project.
func fixture(t *testing.T, name ...string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(append([]string{"..", "..", "..", "testdata"}, name...)...))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// invert is a model that makes negatives. Tests that run it are skipped where ONNX Runtime is
// missing.
func invert(t *testing.T) string {
	t.Helper()
	path := fixture(t, "models", "invert.onnx")
	m, err := infer.Open(path, nil)
	var missing *session.NotFoundError
	switch {
	case errors.As(err, &missing), errors.Is(err, session.ErrNoCgo):
		t.Skipf("this test runs a model: %v", err)
	case err != nil:
		t.Fatal(err)
	}
	m.Close()
	CloseModels() // so that each test opens its own
	t.Cleanup(CloseModels)
	return path
}

// run runs a pipeline on the embedded runner, and gives what is measured and the dead letters.
func run(t *testing.T, o *Options) (Measured, []Letter) {
	t.Helper()
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	p, s := beam.NewPipelineWithRoot()
	Build(s, o)
	result, err := beam.Run(t.Context(), "prism", p)
	if err != nil {
		t.Fatal(err)
	}
	measured, known := Measure(result)
	if !known {
		t.Error("the runner has no metrics")
	}
	letters, err := ReadLetters(t.Context(), o.DeadLetters)
	if err != nil {
		t.Fatal(err)
	}
	return measured, letters
}

// expected is what a batch makes of the same pictures: the files, by their slashed paths in the
// output, and the failures.
func expected(t *testing.T, model string, inputs []string, format string, opt *batch.Options) (files map[string][]byte, failures []Letter) {
	t.Helper()
	m, err := infer.Open(model, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	output := filepath.Join(t.TempDir(), "expected")
	plan, err := batch.NewPlan(inputs, output, format)
	if err != nil {
		t.Fatal(err)
	}
	c, err := batch.New(m, opt)
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Run(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range s.Failed {
		failures = append(failures, Letter{f.Path, f.Err.Error()})
	}
	return readTree(t, output), failures
}

// readTree gives the files below a folder.
func readTree(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(rel)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// equal compares two sets of files.
func equal(t *testing.T, got, want map[string][]byte) {
	t.Helper()
	if len(want) == 0 {
		t.Fatal("there is nothing to compare with")
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if content, ok := got[name]; !ok {
			t.Errorf("%s is missing", name)
		} else if !bytes.Equal(content, want[name]) {
			t.Errorf("%s has %d bytes, which are not the %d that are expected", name, len(content), len(want[name]))
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s should not be there", name)
		}
	}
}

// pictures copies pictures of every kind and damaged ones into a new folder with subfolders.
func pictures(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "in")
	for from, to := range map[string]string{"pictures": "good/sub", "badpictures": "bad"} {
		entries, err := os.ReadDir(fixture(t, from))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(folder, to), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			data, err := os.ReadFile(fixture(t, from, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, to, e.Name()), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return folder
}

func byPath(letters []Letter) []Letter {
	return slices.SortedFunc(slices.Values(letters), func(a, b Letter) int { return strings.Compare(a.Path, b.Path) })
}

func TestSameAsInfer(t *testing.T) {
	model := invert(t)
	in := pictures(t)
	for _, c := range []struct {
		name   string
		format string
		opt    batch.Options
		size   string
	}{
		{name: "each format"},
		{name: "jpg", format: "jpg", opt: batch.Options{Quality: 70, Size: func(int, int) (int, int) { return 40, 30 }}, size: "40x30"},
	} {
		t.Run(c.name, func(t *testing.T) {
			CloseModels()
			out := filepath.Join(t.TempDir(), "out")
			o := &Options{Model: model, Inputs: []string{in}, Output: out, DeadLetters: DefaultDeadLetters(out),
				Format: c.format, Quality: c.opt.Quality, Resize: c.size}
			measured, letters := run(t, o)
			want, failures := expected(t, model, o.Inputs, c.format, &c.opt)
			equal(t, readTree(t, out), want)
			if len(failures) < 10 || !slices.Equal(letters, byPath(failures)) {
				t.Errorf("dead letters %v, want %v", letters, byPath(failures))
			}
			for name, n := range map[string]int{"images_converted": len(want), "images_failed": len(failures), "models_opened": 1, "images_skipped": 0} {
				if got := measured.Counters[name]; got != int64(n) {
					t.Errorf("%s is %d, want %d", name, got, n)
				}
			}
			for _, name := range Times() {
				if got := measured.Times[name].Count; got != int64(len(want)) {
					t.Errorf("%s has %d values for %d pictures", name, got, len(want))
				}
			}
			if len(measured.Notes) == 0 {
				t.Error("there are no notes")
			}
		})
	}
}

func TestSkipExisting(t *testing.T) {
	model := invert(t)
	out := filepath.Join(t.TempDir(), "out")
	o := &Options{Model: model, Inputs: []string{fixture(t, "pictures")}, Output: out, DeadLetters: DefaultDeadLetters(out), SkipExisting: true}
	run(t, o)
	want := readTree(t, out)
	changed := filepath.Join(out, "base.png")
	if err := os.WriteFile(changed, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(out, "wide.png")); err != nil {
		t.Fatal(err)
	}
	measured, _ := run(t, o)
	if measured.Counters["images_converted"] != 1 || measured.Counters["images_skipped"] != int64(len(want)-1) {
		t.Errorf("of %d pictures one of which is missing: %v", len(want), measured.Counters)
	}
	want["base.png"] = []byte("mine")
	equal(t, readTree(t, out), want)
}

// TestElsewhere keeps pictures, model, results and dead letters in another file system than the
// local one.
func TestElsewhere(t *testing.T) {
	local := invert(t)
	in := pictures(t)
	files := readTree(t, in)
	const root = "memfs://elsewhere/"
	for name, content := range files {
		memfs.Write(root+"in/"+name, content)
	}
	memfs.Write(root+"in/top.png", files["good/sub/base.png"])
	memfs.Write(root+"in/good/middle.png", files["good/sub/base.png"])
	memfs.Write(root+"in/.hidden.png", files["good/sub/base.png"])
	model, err := os.ReadFile(local)
	if err != nil {
		t.Fatal(err)
	}
	memfs.Write(root+"invert.onnx", model)
	o := &Options{Model: root + "invert.onnx", Inputs: []string{root + "in"}, Output: root + "in/out/", DeadLetters: root + "failed.jsonl"}
	_, letters := run(t, o)
	want, failures := expected(t, local, []string{in}, "", nil)
	want["top.png"], want["good/middle.png"] = want["good/sub/base.png"], want["good/sub/base.png"]
	found, err := all(t.Context(), root+"in/out/")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]byte{}
	for _, path := range found {
		if got[strings.TrimPrefix(path, root+"in/out/")], err = read(t.Context(), path, 1<<30); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, got, want)
	if len(letters) != len(failures) {
		t.Errorf("%d dead letters, want %d", len(letters), len(failures))
	}
	for i, l := range byPath(failures) {
		name := root + "in/" + filepath.ToSlash(strings.TrimPrefix(l.Path, in+string(filepath.Separator)))
		if i < len(letters) && (letters[i].Path != name || letters[i].Reason != strings.ReplaceAll(l.Reason, l.Path, name)) {
			t.Errorf("dead letter %+v, want one of %s: %s", letters[i], name, l.Reason)
		}
	}

	// Local pictures may go there as well, and those from there here.
	o = &Options{Model: local, Inputs: []string{filepath.Join(in, "good")}, Output: root + "uploaded", DeadLetters: root + "failed.jsonl"}
	run(t, o)
	wantGood, _ := expected(t, local, []string{filepath.Join(in, "good")}, "", nil)
	got = map[string][]byte{}
	for name, content := range stored(t, root+"uploaded/sub") {
		got["sub/"+name] = content
	}
	equal(t, got, wantGood)
	out := filepath.Join(t.TempDir(), "out")
	o = &Options{Model: local, Inputs: []string{root + "in/good/*/*"}, Output: out, DeadLetters: DefaultDeadLetters(out)}
	run(t, o)
	equal(t, readTree(t, out), wantGood)
}
