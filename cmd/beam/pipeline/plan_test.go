package pipeline

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/memfs"

	"cyclegan/infer/batch"
)

// lines writes a plan as "input > output".
func lines(jobs []batch.Job) []string {
	var out []string
	for _, j := range jobs {
		out = append(out, j.Input+" > "+j.Output)
	}
	return out
}

func TestPlanElsewhere(t *testing.T) {
	for _, name := range []string{"in/a.jpg", "in/a.png", "in/notes.txt", "in/.hidden.png", "in/sub/b.webp", "in/sub/.x/c.png", "in/sub/deep/d.TIF",
		"more/sub/f.png", "more/sub/in/e.png", "odd/photo", "odd/[x].png"} {
		memfs.Write("memfs://plan/"+name, nil)
	}
	for _, c := range []struct {
		name           string
		inputs         []string
		output, format string
		want           []string
		others         int
	}{
		{name: "folder", inputs: []string{"in"}, output: "memfs://plan/out", others: 1,
			want: []string{"in/a.jpg > out/a.jpg", "in/a.png > out/a.png", "in/sub/b.webp > out/sub/b.webp", "in/sub/deep/d.TIF > out/sub/deep/d.TIF"}},
		{name: "format", inputs: []string{"in/", "in"}, output: "memfs://plan/out/", format: "png", others: 1,
			want: []string{"in/a.jpg > out/a.jpg.png", "in/a.png > out/a.png", "in/sub/b.webp > out/sub/b.png", "in/sub/deep/d.TIF > out/sub/deep/d.png"}},
		{name: "folders", inputs: []string{"in/sub/deep", "more/sub/in"}, output: "memfs://plan/out",
			want: []string{"in/sub/deep/d.TIF > out/deep/d.TIF", "more/sub/in/e.png > out/in/e.png"}},
		{name: "namesakes", inputs: []string{"in/sub", "more/sub"}, output: "memfs://plan/out",
			want: []string{"in/sub/b.webp > out/sub/b.webp", "in/sub/deep/d.TIF > out/sub/deep/d.TIF", "more/sub/f.png > out/sub-2/f.png", "more/sub/in/e.png > out/sub-2/in/e.png"}},
		{name: "pattern", inputs: []string{"in/*.*", "in/*/*.webp"}, output: "memfs://plan/out", others: 1,
			want: []string{"in/a.jpg > out/a.jpg", "in/a.png > out/a.png", "in/sub/b.webp > out/sub/b.webp"}},
		{name: "named", inputs: []string{"odd/photo", "odd/[x].png", "in/a.png", "in/a.png"}, output: "memfs://plan/out",
			want: []string{"odd/photo > out/photo.png", "odd/[x].png > out/[x].png", "in/a.png > out/a.png"}},
		{name: "output inside", inputs: []string{"in"}, output: "memfs://plan/in/sub", format: "png", others: 1,
			want: []string{"in/a.jpg > in/sub/a.jpg.png", "in/a.png > in/sub/a.png"}},
	} {
		o := &Options{Output: c.output, Format: c.format}
		for _, in := range c.inputs {
			o.Inputs = append(o.Inputs, "memfs://plan/"+in)
		}
		plan, err := Plan(t.Context(), o, true)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := lines(plan.Jobs)
		for i := range got {
			got[i] = strings.ReplaceAll(got[i], "memfs://plan/", "")
		}
		if !slices.Equal(got, c.want) || len(plan.Unsupported) != c.others {
			t.Errorf("%s\ngot  %q, others %q\nwant %q, %d others", c.name, got, plan.Unsupported, c.want, c.others)
		}
	}
	for want, o := range map[string]*Options{
		"is also an input folder":     {Inputs: []string{"memfs://plan/in"}, Output: "memfs://plan/in/"},
		"no files in a folder of":     {Inputs: []string{"memfs://plan/none"}, Output: "memfs://plan/out"},
		"no file matches the pattern": {Inputs: []string{"memfs://plan/none/*"}, Output: "memfs://plan/out"},
		"no images in":                {Inputs: []string{"memfs://plan/in/*.txt"}, Output: "memfs://plan/out"},
		"would be overwritten by the": {Inputs: []string{"memfs://plan/in/a.png", "memfs://plan/in/a.jpg"}, Output: "memfs://plan/in"},
		"convert them in two runs":    {Inputs: []string{"memfs://plan/in", "in"}, Output: "out"},
		"unknown file system ftp:/":   {Inputs: []string{"ftp://plan/in"}, Output: "out"},
	} {
		if _, err := Plan(t.Context(), o, true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v to %s: %v, want an error with %q", o.Inputs, o.Output, err, want)
		}
	}
}

func TestDefaultDeadLetters(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for output, want := range map[string]string{
		"out": "out", "a/out/": filepath.Join("a", "out"), ".": here, "gs://b/out/": "gs://b/out", "s3://b/a/out": "s3://b/a/out", "gs://b": "", "gs://b/": "", "/": "",
	} {
		if want != "" {
			want += ".dead_letters.jsonl"
		}
		if got := DefaultDeadLetters(output); got != want {
			t.Errorf("beside %s is %q, want %q", output, got, want)
		}
	}
}
