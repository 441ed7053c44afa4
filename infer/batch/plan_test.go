package batch

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// tree creates empty files in a new folder, in which the test then runs, so that plans have
// relative names.
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
	}{
		{name: "tree", files: []string{"in/b.JPG", "in/a.png", "in/sub/deep/c.tif", "in/notes.txt", "in/.hidden.png", "in/.thumbs/x.png", "in/._a.png"},
			inputs: []string{"in"}, output: "out",
			want: []string{"in/a.png > out/a.png", "in/b.JPG > out/b.JPG", "in/sub/deep/c.tif > out/sub/deep/c.tif"}, others: 1},
		{name: "webp", files: []string{"in/a.webp", "in/b.gif"}, inputs: []string{"in/"}, output: "out",
			want: []string{"in/a.webp > out/a.webp", "in/b.gif > out/b.gif"}},
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
		{name: "pattern", files: []string{"in/a.jpg", "in/b.png", "in/.c.jpg", "in/d.jpg/e.png", "x.txt"}, inputs: []string{"in/*.jpg"}, output: "out",
			want: []string{"in/a.jpg > out/a.jpg", "in/d.jpg/e.png > out/e.png"}},
		{name: "pattern over the output", files: []string{"a/a.png", "out/b.png", "c.png"}, inputs: []string{"*"}, output: "out",
			want: []string{"a/a.png > out/a.png", "c.png > out/c.png"}},
		{name: "name like a pattern", files: []string{"in/[1].png", "in/1.png"}, inputs: []string{"in/[1].png"}, output: "out",
			want: []string{"in/[1].png > out/[1].png"}},
		{name: "hidden pattern", files: []string{".a.png"}, inputs: []string{".*.png"}, output: "out",
			want: []string{".a.png > out/.a.png"}},
		{name: "odd names", files: []string{"in/-dash.png", "in/ space .png", "in/line\nbreak.png", "in/é日本.png", "in/quote'\".png", "in/.png", "in/a.b.c.png"}, inputs: []string{"in"}, output: "out",
			want: []string{"in/ space .png > out/ space .png", "in/-dash.png > out/-dash.png", "in/a.b.c.png > out/a.b.c.png", "in/line\nbreak.png > out/line\nbreak.png",
				"in/quote'\".png > out/quote'\".png", "in/é日本.png > out/é日本.png"}},
		{name: "image where a folder has to be", files: []string{"in/a.jpg", "in/a.png/b.png"}, inputs: []string{"in"}, output: "out", format: "png",
			want: []string{"in/a.jpg > out/a.jpg.png", "in/a.png/b.png > out/a.png/b.png"}, renamed: 1},
		{name: "input inside output", files: []string{"out/in/a.png"}, inputs: []string{"out/in"}, output: "out",
			want: []string{"out/in/a.png > out/a.png"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree(t, c.files...)
			p, err := DryPlan(c.inputs, c.output, c.format)
			if err != nil {
				t.Fatal(err)
			}
			if got := listing(p.Jobs); !slices.Equal(got, c.want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
			if len(p.Renamed) != c.renamed || len(p.Unsupported) != c.others {
				t.Errorf("%d renamed, others %q", len(p.Renamed), p.Unsupported)
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
		{"pattern of nothing", []string{"in/*.gif"}, "out", "", `"in/*.gif": no file or folder matches`},
		{"bad pattern", []string{"in/[a.gif"}, "out", "", "neither a file nor a valid pattern"},
		{"empty", []string{"empty"}, "out", "", "no images in empty"},
		{"format", []string{"in"}, "out", "heic", `"heic" cannot be written`},
		{"output is input", []string{"in"}, "./in", "", "input folder too"},
		{"output is a file", []string{"in"}, "file", "", `"file" is a file`},
		{"over itself", []string{"in/a.png"}, "in", "", "overwritten"},
		{"over another", []string{"in", "in/sub"}, ".", "", `"in/a.png" would be overwritten by the result of "in/a.png"`},
		{"over a neighbour", []string{"both/both", "both/a.jpg"}, "both", "", "overwritten"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree(t, files...)
			_, err := DryPlan(c.inputs, c.output, c.format)
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
	touch(t, "elsewhere/deep/d.png")
	touch(t, "elsewhere/deep/.hidden/e.png")
	for link, target := range map[string]string{
		"in": "real", "real/file.png": "../elsewhere/c.png", "real/folder": "../elsewhere", "real/loop": ".",
		"real/broken.png": "nothing", "real/broken": "nothing", "out": "real/result", "real/results": "result", "real/self.png": "self.png",
		// A loop, a parent, another folder, and a folder that another link leads to.
		"elsewhere/back": "../real", "elsewhere/deep/up": "..", "real/above": "../..", "real/twin": "sub", "real/sub/again": "../../elsewhere/deep",
	} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	touch(t, "real/result/a.png")
	p, err := DryPlan([]string{"in"}, "out", "")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"in/a.png > out/a.png", "in/file.png > out/file.png", "in/folder/c.png > out/folder/c.png", "in/folder/deep/d.png > out/folder/deep/d.png",
		"in/sub/b.png > out/sub/b.png"}
	if got := listing(p.Jobs); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	// loop, results, back, up, above, twin and again.
	if p.SkippedLinks != 7 || len(p.Unsupported) != 1 {
		t.Errorf("%d links skipped, other files %q", p.SkippedLinks, p.Unsupported)
	}
	for i, name := range []string{"broken.png", "self.png"} {
		if len(p.Unread) != 2 || p.Unread[i].Path != filepath.Join("in", name) || !strings.Contains(p.Unread[i].Err.Error(), strconv.Quote(filepath.Join("in", name))) {
			t.Errorf("unread %v", p.Unread)
		}
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
	p, err := DryPlan([]string{"in"}, "out", "")
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Jobs) != 1 || len(p.Unread) != 1 || p.Unread[0].Path != filepath.Join("in", "locked") {
		t.Errorf("plan %+v", p)
	}
}

// Images of one name get different outputs, in their order.
func TestPlanManyOfOneName(t *testing.T) {
	var files, inputs []string
	for i := range 12 {
		files = append(files, fmt.Sprintf("%02d/a.png", i))
	}
	inputs = append(inputs, files...)
	tree(t, files...)
	p, err := DryPlan(inputs, "out", "")
	if err != nil {
		t.Fatal(err)
	}
	outputs := map[string]bool{}
	for i, j := range p.Jobs {
		if j.Input != inputs[i] {
			t.Errorf("place %d has %s", i, j.Input)
		}
		outputs[j.Output] = true
	}
	if len(outputs) != 12 || len(p.Renamed) != 11 {
		t.Errorf("%d outputs, %d renamed", len(outputs), len(p.Renamed))
	}
}

// Names that an extension or a number would make too long are shortened, and stay different.
func TestPlanLongNames(t *testing.T) {
	long := strings.Repeat("é", 120) + "0123456789" // 250 bytes
	tree(t, "in/"+long+".jpg", "in/"+long+".png", "in/"+long+"a.gif", "in/"+long+"b.bmp", long+"12345", long+"12346")
	p, err := DryPlan([]string{"in", long + "12345", long + "12346"}, "out", "jpg")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, j := range p.Jobs {
		name := filepath.Base(j.Output)
		if len(name) > 255 || !utf8.ValidString(name) || filepath.Ext(name) != ".jpg" || seen[name] {
			t.Errorf("%q of %d bytes", name, len(name))
		}
		seen[name] = true
		if err := os.MkdirAll("out", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(j.Output, nil, 0o644); err != nil {
			t.Error(err)
		}
	}
	if len(seen) != 6 || !seen[long+".jpg"] {
		t.Errorf("%d names", len(seen))
	}
}

// If A.png and a.png are one file in the output, the second is renamed; otherwise both keep their
// names.
func TestPlanFoldsCase(t *testing.T) {
	tree(t, "in/A.png", "in/a.png", "in/Sub/x.png", "in2/x.png")
	if entries, _ := os.ReadDir("in"); len(entries) != 3 {
		t.Skip("the system folds case itself")
	}
	for fold, want := range map[bool][]string{false: {"in/A.png > out/A.png", "in/a.png > out/a.png"}, true: {"in/A.png > out/A.png", "in/a.png > out/a-2.png"}} {
		p, err := newPlan([]string{"in/A.png", "in/a.png"}, "out", "", fold, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := listing(p.Jobs); !slices.Equal(got, want) {
			t.Errorf("fold %v: %q, want %q", fold, got, want)
		}
	}
}

// If many paths of links lead to each folder, one of them is followed.
func TestPlanLattice(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need rights there")
	}
	const depth = 40 // 2^40 ways
	tree(t, "in/a.png", fmt.Sprintf("far/%d/b.png", depth))
	for i := range depth {
		for _, way := range []string{"left", "right"} {
			if err := os.MkdirAll(fmt.Sprintf("far/%d", i), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(fmt.Sprintf("../%d", i+1), fmt.Sprintf("far/%d/%s", i, way)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Symlink("../far/0", "in/far"); err != nil {
		t.Fatal(err)
	}
	p, err := DryPlan([]string{"in"}, "out", "")
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Jobs) != 2 || p.SkippedLinks != depth {
		t.Errorf("%d images, %d links skipped", len(p.Jobs), p.SkippedLinks)
	}
}

func TestPlanNames(t *testing.T) {
	plan, err := PlanNames([]Job{
		{"gs://b/in/a.jpg", "a.jpg"}, {"gs://b/in/a.png", "a.png"}, {"gs://b/in/sub/c.webp", "sub/c.webp"}, {"gs://b/in/photo", "photo"},
		{"gs://b/in/d.png/e.png", "d.png/e.png"}, {"gs://b/in/d.png", "d.png"},
	}, "PNG", false)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"gs://b/in/a.jpg > a.jpg.png", "gs://b/in/a.png > a.png", "gs://b/in/sub/c.webp > sub/c.png", "gs://b/in/photo > photo.png",
		"gs://b/in/d.png/e.png > d.png/e.png", "gs://b/in/d.png > d-2.png",
	}
	if got := listing(plan.Jobs); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if len(plan.Renamed) != 2 {
		t.Errorf("renamed %q", listing(plan.Renamed))
	}
	if _, err := PlanNames([]Job{{"gs://b/a.png", "../a.png"}}, "", false); err == nil {
		t.Error("an output outside the folder was taken")
	}
	if _, err := PlanNames(nil, "heic", false); err == nil {
		t.Error("a format that cannot be written was taken")
	}
	if plan, err = PlanNames([]Job{{"x/a.png", "a.png"}, {"y/A.png", "A.png"}}, "", true); err != nil || plan.Jobs[1].Output != "A-2.png" {
		t.Errorf("where names fold: %q, %v", listing(plan.Jobs), err)
	}
}
