package dataset

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpenOtherNames(t *testing.T) {
	for _, folders := range [][]string{
		{"TrainA", "trainb", "TESTA", "TestB"},
		{"train/A", "train/B", "test/A", "test/B"},
		{"s2w/Train/a", "s2w/Train/b", "s2w/TEST/a", "s2w/TEST/b"},
		{"Summer", "WINTER", "test_summer", "Test_Winter"},
	} {
		root := t.TempDir()
		for k, f := range folders {
			fill(t, root, k+1, 9, 9, f)
		}
		d, err := Open(small(root))
		if err != nil {
			t.Errorf("%v: %v", folders, err)
			continue
		}
		for k, s := range []*Set{d.TrainA(), d.TrainB(), d.TestA(), d.TestB()} {
			if s.Len() != k+1 || s.FromTrain || s.Name(0) != folders[k]+"/00.png" {
				t.Errorf("%v: set %d is %v, %s", folders, k, s, s.Name(0))
			}
		}
		d.Close()
	}
}

// An exact name takes precedence over one in another case. Two inexact names are ambiguous.
func TestOpenNamesInTwoCases(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 1, 9, 9, "trainA", "trainB")
	if _, err := os.Stat(filepath.Join(root, "TRAINA")); err == nil {
		t.Skip("this file system ignores case")
	}
	fill(t, root, 3, 9, 9, "TrainA")
	if d := open(t, small(root)); d.TrainA().Len() != 1 {
		t.Errorf("opened %s", d.TrainA().Name(0))
	}
	if err := os.Rename(filepath.Join(root, "trainA"), filepath.Join(root, "TRAINa")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(small(root)); err == nil || !strings.Contains(err.Error(), "TRAINa, TrainA, trainB") {
		t.Errorf("two candidates for trainA: %v", err)
	}
}

func TestOpenHints(t *testing.T) {
	dir := func(folders ...string) string {
		root := t.TempDir()
		fill(t, root, 1, 9, 9, folders...)
		return root
	}
	heic := dir("trainB")
	write(t, filepath.Join(heic, "trainA", "1.CR2"), []byte("?"))
	write(t, filepath.Join(heic, "trainA", "2.cr2"), []byte("?"))
	empty := dir("trainB")
	if err := os.Mkdir(filepath.Join(empty, "trainA"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, root, want string }{
		{"a domain's folder", filepath.Join(dir("trainA", "trainB"), "trainA"), "has images itself, so use the folder above"},
		{"other names", dir("cats", "dogs", "cows"), "use two folders as dir_A and dir_B"},
		{"one domain", dir("trainA", "testA"), "folders found: testA, trainA"},
		{"unsupported formats", heic, `"trainA" has no images (jpg, png, gif, bmp, tiff, webp, heic, avif and ppm); other files: .cr2`},
		{"nothing", empty, "other files: none"},
	} {
		if _, err := Open(small(c.root)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nwant %q", c.name, err, c.want)
		}
	}
}

// Folders with the same name are distinguished by their paths.
func TestOpenFoldersOfOneName(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 2, 9, 9, "cats/photos", "dogs/photos")
	write(t, filepath.Join(root, "cats/photos/bad.png"), nil)
	write(t, filepath.Join(root, "dogs/photos/bad.png"), nil)
	t.Chdir(root)
	o := small("")
	o.DirA, o.DirB = "cats/photos", "./dogs/photos/"
	d := open(t, o)
	if a, b := d.TrainA().Name(0), d.TrainB().Name(0); a != "cats/photos/00.png" || b != "dogs/photos/00.png" {
		t.Errorf("image names are %s and %s", a, b)
	}
	if len(d.Skipped()) != 2 {
		t.Errorf("skipped %v, want one of each", d.Skipped())
	}
}

// Data sets are often put together from links, which may form circles.
func TestOpenFollowsLinks(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 2, 9, 9, "trainA", "trainB", "elsewhere")
	link(t, filepath.Join(root, "elsewhere"), filepath.Join(root, "trainA", "more"))
	link(t, "..", filepath.Join(root, "elsewhere", "up"))
	link(t, ".", filepath.Join(root, "trainB", "self"))
	d := open(t, small(root))
	// trainA/more/up leads to trainB and to elsewhere again.
	names := map[string]bool{}
	for i := range d.TrainA().Len() {
		names[d.TrainA().Name(i)] = true
	}
	if !names["trainA/00.png"] || !names["trainA/more/01.png"] {
		t.Errorf("found %v", names)
	}
	if n := d.TrainB().Len(); n != 2 {
		t.Errorf("%d images of B, want 2: it links to itself", n)
	}
}

// denied refuses to open one file, like a file system without permission.
type denied struct {
	fs.FS
	name string
}

func (d denied) Open(name string) (fs.File, error) {
	if name == d.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return d.FS.Open(name)
}

func TestNoPermission(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 7, 12, 12, "trainA", "trainB")
	d := open(t, small(root))
	f := &Folder{FS: denied{os.DirFS(root), "trainA/05.png"}, path: "trainA", Label: "trainA"}
	if err := d.scan(f, true); err != nil || len(f.Skipped) != 1 || !errors.Is(f.Skipped[0].Err, fs.ErrPermission) {
		t.Errorf("%+v, %v", f.Skipped, err)
	}
	f = &Folder{FS: denied{os.DirFS(root), "trainA"}, path: "trainA", Label: "trainA"}
	if err := d.scan(f, true); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "trainA") {
		t.Errorf("folder without permission: %v", err)
	}
}

func link(t testing.TB, to, at string) {
	t.Helper()
	if err := os.Symlink(to, at); err != nil {
		t.Skip("symbolic links are not supported: ", err)
	}
}
