package infer

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// tree makes empty files below a new folder, in which the test then runs, so that plans show relative names.
func tree(t *testing.T, files ...string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, f := range files {
		touch(t, f)
	}
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

// listing writes jobs as "input > output".
func listing(jobs []Job) []string {
	lines := []string{}
	for _, j := range jobs {
		lines = append(lines, filepath.ToSlash(j.Input+" > "+j.Output))
	}
	return lines
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		name    string
		files   []string
		inputs  []string
		output  string
		format  string
		want    []string
		renamed int
		others  int
		webp    int
	}{
		{name: "tree", files: []string{"in/b.JPG", "in/a.png", "in/sub/deep/c.tif", "in/notes.txt", "in/.hidden.png", "in/.thumbs/x.png", "in/._a.png"},
			inputs: []string{"in"}, output: "out",
			want: []string{"in/a.png > out/a.png", "in/b.JPG > out/b.JPG", "in/sub/deep/c.tif > out/sub/deep/c.tif"}, others: 1},
		{name: "webp", files: []string{"in/a.webp", "in/b.gif"}, inputs: []string{"in/"}, output: "out",
			want: []string{"in/a.webp > out/a.png", "in/b.gif > out/b.gif"}, webp: 1},
		{name: "format", files: []string{"in/a.jpeg", "in/b.tif", "in/c.webp"}, inputs: []string{"in"}, output: "out", format: "JPG",
			want: []string{"in/a.jpeg > out/a.jpeg", "in/b.tif > out/b.jpg", "in/c.webp > out/c.jpg"}},
		{name: "same name", files: []string{"in/a.jpg", "in/a.png", "in/a.bmp", "in/a.jpg.png"}, inputs: []string{"in"}, output: "out", format: "png",
			want:    []string{"in/a.bmp > out/a.bmp.png", "in/a.jpg > out/a.jpg-2.png", "in/a.jpg.png > out/a.jpg.png", "in/a.png > out/a.png"},
			renamed: 2},
		{name: "none keeps the name", files: []string{"in/a.jpg", "in/a.bmp"}, inputs: []string{"in"}, output: "out", format: "png",
			want: []string{"in/a.bmp > out/a.bmp.png", "in/a.jpg > out/a.jpg.png"}, renamed: 2},
		{name: "several folders", files: []string{"x/a.png", "y/x/a.png", "z/b.png"}, inputs: []string{"x", "y/x", "z", "x/../x"}, output: "out",
			want: []string{"x/a.png > out/x/a.png", "y/x/a.png > out/x-2/a.png", "z/b.png > out/z/b.png"}},
		{name: "a folder and files", files: []string{"x/a.png", "y/a.png", "y/b.png"}, inputs: []string{"x", "y/a.png", "y/b.png"}, output: "out",
			want: []string{"x/a.png > out/a.png", "y/a.png > out/a-2.png", "y/b.png > out/b.png"}, renamed: 1},
		{name: "file without an ending", files: []string{"photo", "scan.2024"}, inputs: []string{"photo", "scan.2024"}, output: "out",
			want: []string{"photo > out/photo.png", "scan.2024 > out/scan.2024.png"}},
		{name: "output inside", files: []string{"in/a.png", "in/out/a.png", "in/out/sub/b.png"}, inputs: []string{"in"}, output: "in/out",
			want: []string{"in/a.png > in/out/a.png"}},
		{name: "here", files: []string{"a.png", "out/a.png"}, inputs: []string{"."}, output: "out",
			want: []string{"a.png > out/a.png"}},
		{name: "input inside output", files: []string{"out/in/a.png"}, inputs: []string{"out/in"}, output: "out",
			want: []string{"out/in/a.png > out/a.png"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree(t, c.files...)
			p, err := NewPlan(c.inputs, c.output, c.format)
			if err != nil {
				t.Fatal(err)
			}
			if got := listing(p.Pictures); !slices.Equal(got, c.want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
			if len(p.Renamed) != c.renamed || p.Others != c.others || p.WebP != c.webp {
				t.Errorf("%d renamed, %d others, %d WebP", len(p.Renamed), p.Others, p.WebP)
			}
		})
	}
}

func TestPlanRefuses(t *testing.T) {
	files := []string{"in/a.png", "in/sub/b.png", "empty/notes.txt", "file", "both/a.jpg", "both/both/a.jpg"}
	for _, c := range []struct {
		name   string
		inputs []string
		output string
		format string
		want   string
	}{
		{"no input", nil, "out", "", "no input"},
		{"no output", []string{"in"}, "", "", "no output"},
		{"missing", []string{"in", "nowhere"}, "out", "", "nowhere"},
		{"empty", []string{"empty"}, "out", "", "no pictures in empty"},
		{"format", []string{"in"}, "out", "webp", `"webp" cannot be written`},
		{"output is input", []string{"in"}, "./in", "", "input folder too"},
		{"output is a file", []string{"in"}, "file", "", `"file" is a file`},
		{"over itself", []string{"in/a.png"}, "in", "", "overwritten"},
		{"over another", []string{"in", "in/sub"}, ".", "", `"in/a.png" would be overwritten by the result of "in/a.png"`},
		{"over a neighbour", []string{"both/both", "both/a.jpg"}, "both", "", "overwritten"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree(t, files...)
			_, err := NewPlan(c.inputs, c.output, c.format)
			if err == nil || !strings.Contains(filepath.ToSlash(err.Error()), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestPlanLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need rights there")
	}
	tree(t, "real/a.png", "real/sub/b.png", "elsewhere/c.png")
	for link, target := range map[string]string{
		"in": "real", "real/file.png": "../elsewhere/c.png", "real/folder.png": "../elsewhere", "real/loop": ".",
		"real/broken.png": "nothing", "out": "real/result",
	} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	touch(t, "real/result/a.png")
	p, err := NewPlan([]string{"in"}, "out", "")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"in/a.png > out/a.png", "in/file.png > out/file.png", "in/sub/b.png > out/sub/b.png"}
	if got := listing(p.Pictures); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(p.Unread) != 1 || p.Unread[0].Path != filepath.Join("in", "broken.png") {
		t.Errorf("unread %v", p.Unread)
	}
}

func TestPlanUnreadFolder(t *testing.T) {
	tree(t, "in/a.png", "in/locked/b.png")
	if err := os.Chmod("in/locked", 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod("in/locked", 0o755)
	if _, err := os.ReadDir("in/locked"); err == nil {
		t.Skip("this user may read everything")
	}
	p, err := NewPlan([]string{"in"}, "out", "")
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Pictures) != 1 || len(p.Unread) != 1 || p.Unread[0].Path != filepath.Join("in", "locked") {
		t.Errorf("plan %+v", p)
	}
}

// Any number of pictures of one name keep apart, and stay in their order.
func TestPlanManyOfOneName(t *testing.T) {
	var files, inputs []string
	for i := range 12 {
		files = append(files, fmt.Sprintf("%02d/a.png", i))
	}
	inputs = append(inputs, files...)
	tree(t, files...)
	p, err := NewPlan(inputs, "out", "")
	if err != nil {
		t.Fatal(err)
	}
	outputs := map[string]bool{}
	for i, j := range p.Pictures {
		if j.Input != inputs[i] {
			t.Errorf("place %d has %s", i, j.Input)
		}
		outputs[j.Output] = true
	}
	if len(outputs) != 12 || len(p.Renamed) != 11 {
		t.Errorf("%d outputs, %d renamed", len(outputs), len(p.Renamed))
	}
}
