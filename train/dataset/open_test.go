package dataset

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpenLayouts(t *testing.T) {
	for _, c := range []struct {
		name    string
		folders []string // A, B, and where there are, test A and B
		want    string
		a, b    string
	}{
		{"official", []string{"trainA", "trainB", "testA", "testB"}, "official layout", "A", "B"},
		{"official without tests", []string{"trainA", "trainB"}, "official layout", "A", "B"},
		{"nested", []string{"s2w/trainA", "s2w/trainB", "s2w/testA", "s2w/testB"}, "official layout", "A", "B"},
		{"underscores", []string{"train_A", "train_B", "test_A", "test_B"}, "underscores", "A", "B"},
		{"seasons", []string{"summer", "winter", "test_summer", "test_winter"}, "summer and winter", "summer", "winter"},
		{"seasons with classes", []string{"summer/x", "winter/y", "test_summer/x", "test_winter/y"}, "summer and winter", "summer", "winter"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			for k, f := range c.folders {
				fill(t, root, k+2, 9, 9, f)
			}
			d := open(t, small(root))
			if !strings.Contains(d.String(), c.want) {
				t.Errorf("String is %q, want %q", d, c.want)
			}
			if a, b := d.Domains(); a != c.a || b != c.b {
				t.Errorf("domains %q and %q", a, b)
			}
			check := func(s *Set, n int, fromTrain bool) {
				t.Helper()
				if s.Len() != n || s.FromTrain != fromTrain {
					t.Errorf("%v, want %d images, from train %v", s, n, fromTrain)
				}
			}
			check(d.TrainA(), 2, false)
			check(d.TrainB(), 3, false)
			if len(c.folders) == 4 {
				check(d.TestA(), 4, false)
				check(d.TestB(), 5, false)
			} else {
				check(d.TestA(), 2, true)
				check(d.TestB(), 3, true)
			}
			if d.Len() != 3 {
				t.Errorf("an epoch has %d pairs, want 3", d.Len())
			}
		})
	}
}

func TestOpenNamedFolders(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 2, 9, 9, "photos", "paintings")
	fill(t, root, 1, 9, 9, "more photos")
	o := small("")
	o.DirA, o.DirB, o.TestDirA = filepath.Join(root, "photos"), filepath.Join(root, "paintings"), filepath.Join(root, "more photos")
	d := open(t, o)
	if got := d.TrainA().Name(1); got != "photos/01.png" {
		t.Errorf("the second image of A is called %q", got)
	}
	if d.TestA().Len() != 1 || d.TestA().FromTrain || !d.TestB().FromTrain {
		t.Errorf("test sets: %v; %v", d.TestA(), d.TestB())
	}
}

func TestOpenPhaseAndDirection(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 2, 9, 9, "trainA")
	fill(t, root, 3, 9, 9, "trainB")
	fill(t, root, 4, 9, 9, "valA")
	fill(t, root, 5, 9, 9, "valB")
	o := small(root)
	o.Phase, o.Direction, o.InputNC = "val", BtoA, 1
	d := open(t, o)
	if d.TrainA().Len() != 5 || d.TrainB().Len() != 4 {
		t.Errorf("A has %d, B %d; want valB's 5 and valA's 4", d.TrainA().Len(), d.TrainB().Len())
	}
	if a, b := d.Domains(); a != "B" || b != "A" {
		t.Errorf("domains %s, %s; want them swapped", a, b)
	}
	b, err := d.Batch(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if b.CA != 1 || b.CB != 3 || !strings.HasPrefix(b.NamesA[0], "valB/") {
		t.Errorf("A has %d channels and %s: input_nc applies to A after the swap", b.CA, b.NamesA[0])
	}
}

func TestOpenMaxDatasetSize(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 5, 9, 9, "trainA", "trainB")
	o := small(root)
	o.MaxDatasetSize = 3
	if d := open(t, o); d.Len() != 3 || d.TrainA().Name(2) != "trainA/02.png" {
		t.Errorf("%v: want the first three in order", d)
	}
}

// An empty or damaged test folder counts as missing, and the reason is kept.
func TestOpenEmptyTests(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b map[string]string // files of testA and testB
		want string
	}{
		{"both empty", map[string]string{}, map[string]string{"notes.txt": "?"},
			`folder "testA" has no images|folder "testB" has no images|other files: .txt`},
		{"one damaged", map[string]string{"0.png": "?"}, nil, `folder "testA": none of its 1 images is usable`},
		{"missing", nil, nil, ""},
	} {
		root := t.TempDir()
		fill(t, root, 2, 9, 9, "trainA", "trainB")
		for folder, files := range map[string]map[string]string{"testA": c.a, "testB": c.b} {
			if files != nil {
				write(t, filepath.Join(root, folder, ".hidden"), nil)
			}
			for name, content := range files {
				write(t, filepath.Join(root, folder, name), []byte(content))
			}
		}
		for _, where := range []string{root, zipped(t, root, "")} {
			d := open(t, small(where))
			if !d.TestA().FromTrain || !d.TestB().FromTrain || d.TestA().Len() != 2 {
				t.Errorf("%s: tests on %v and %v", c.name, d.TestA(), d.TestB())
			}
			got := fmt.Sprint(d.EmptyTests())
			for want := range strings.SplitSeq(c.want, "|") {
				if !strings.Contains(got, want) || c.want == "" && got != "[]" {
					t.Errorf("%s: %s, want %q", c.name, got, want)
				}
			}
		}
	}
}

func TestOpenErrors(t *testing.T) {
	dir := func(folders ...string) string {
		root := t.TempDir()
		fill(t, root, 1, 9, 9, folders...)
		return root
	}
	notes := t.TempDir()
	write(t, filepath.Join(notes, "trainA", "readme.txt"), []byte("no images"))
	fill(t, notes, 1, 9, 9, "trainB")
	damaged := dir("trainB")
	write(t, filepath.Join(damaged, "trainA", "x.png"), []byte("no image"))
	write(t, filepath.Join(damaged, "trainA", "y.png"), nil)
	text := filepath.Join(t.TempDir(), "data.tar")
	write(t, text, []byte("no archive"))
	for _, c := range []struct {
		name, root string
		want       []string
	}{
		{"missing", filepath.Join(text, "nowhere"), []string{"nowhere"}},
		{"neither folder nor zip", text, []string{"neither a folder nor a zip file"}},
		{"no known folders", dir("cats", "dogs"), []string{"trainA and trainB", "train_A and train_B", "summer and winter", "folders found: cats, dogs", "dir_A"}},
		{"empty", t.TempDir(), []string{"folders found: none"}},
		{"half", dir("trainA", "testB"), []string{"trainA exists but trainB does not"}},
		{"several", dir("x/trainA", "x/trainB", "y/trainA", "y/trainB"), []string{"several datasets: x, y"}},
		{"no image", notes, []string{`"trainA" has no images`}},
		{"nothing readable", damaged, []string{`"trainA"`, "none of its 2 images", "trainA/x.png", "not a JPEG"}},
	} {
		_, err := Open(small(c.root))
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q lacks %q", c.name, err, want)
			}
		}
	}
	o := small("")
	o.DirA, o.DirB = text, dir("b")
	if _, err := Open(o); err == nil || !strings.Contains(err.Error(), "not a folder") {
		t.Errorf("a file as dir_A: %v", err)
	}
}

func TestZipEqualsFolder(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 4, 15, 11, "trainA", "trainB", "testA", "testB")
	want := run(t, open(t, small(root)), 0, 5)
	for _, top := range []string{"", "summer2winter_yosemite/"} {
		d := open(t, small(zipped(t, root, top)))
		got := run(t, d, 0, 5)
		for i := range got {
			got[i] = strings.ReplaceAll(got[i], top+"t", "t")
		}
		sameRuns(t, "zip with top folder "+top, got, want)
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Error("second Close:", err)
		}
	}
}

// Names that old programs write: separated by backslashes, or in an encoding of their system, with
// the files that systems add.
func TestZipNamesOfOldPrograms(t *testing.T) {
	for about, names := range map[string][]string{
		"backslashes": {`set\trainA\1.png`, `set\trainA\2.png`, `set\trainB\1.png`, `set\trainB\2.png`, `set\trainB\Thumbs.db`, `__MACOSX\set\trainA\._1.png`},
		"Latin-1":     {"trainA/caf\xe9.png", "trainA/na\xefve.png", "trainB/\xfc.png", "trainB/1.png", "__MACOSX/trainA/._caf\xe9.png", "trainA/.DS_Store"},
		"Shift JIS":   {"trainA/\x95\x5c.png", "trainA/\x8e\xa6\x95\x5c\x95.png", "trainB/\x82\xa0.png", "trainB/\x83\x5c.png"},
		"twice":       {"trainA/1.png", "trainA/2.png", "trainA/1.png", "trainB/1.png", "trainB/2.png"},
	} {
		path := filepath.Join(t.TempDir(), "data.zip")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		z := zip.NewWriter(f)
		for i, name := range names {
			w, err := z.CreateHeader(&zip.FileHeader{Name: name, NonUTF8: true})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(pngBytes(t, picture(i, 9, 9))); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		f.Close()
		d := open(t, small(path))
		if len(d.Skipped()) > 0 || d.TrainA().Len() != 2 || d.TrainB().Len() != 2 {
			t.Errorf("%s: %d and %d images, skipped %v", about, d.TrainA().Len(), d.TrainB().Len(), d.Skipped())
			continue
		}
		for _, set := range []*Set{d.TrainA(), d.TrainB()} {
			for i := range 2 {
				if _, err := set.Image(i, 0, 0); err != nil {
					t.Errorf("%s: %v", about, err)
				}
			}
		}
	}
}

// The public archive names its files by date and time.
func TestZipNamesWithSpacesAndColons(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	put := func(name string, data []byte) {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	data := pngBytes(t, picture(1, 9, 9))
	put("s2w/", nil)
	put("s2w/trainA/2010-09-07 12:13:14.png", data)
	put("s2w/trainB/2011-01-02 03:04:05.png", data)
	put("__MACOSX/s2w/trainA/._2010-09-07 12:13:14.png", []byte("a shadow"))
	put("s2w/trainA/._hidden.png", []byte("a shadow"))
	put("../outside.png", data)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	d := open(t, small(path))
	if got := d.TrainA().Name(0); d.TrainA().Len() != 1 || got != "s2w/trainA/2010-09-07 12:13:14.png" {
		t.Errorf("%d images, the first %q", d.TrainA().Len(), got)
	}
	if _, err := d.Batch(1, 0); err != nil {
		t.Error(err)
	}
	if s := d.Skipped(); len(s) != 0 {
		t.Errorf("skipped %v", s)
	}
}

// A damaged image is listed and skipped, whether its header or only its body is damaged. The
// batches do not depend on when it is found.
func TestBadFilesAreSkipped(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 6, 20, 20, "trainA", "trainB")
	whole := pngBytes(t, picture(3, 20, 20))
	huge := append([]byte(nil), whole...)
	binary.BigEndian.PutUint32(huge[16:], 1<<30)
	write(t, filepath.Join(root, "trainA", "01.png"), whole[:len(whole)/2])
	write(t, filepath.Join(root, "trainA", "03 empty.png"), nil)
	write(t, filepath.Join(root, "trainA", "04 huge.png"), huge)
	write(t, filepath.Join(root, "trainA", "05 text.jpg"), []byte("not what it says"))
	write(t, filepath.Join(root, "trainA", "06 png.jpg"), whole)
	o := small(root)
	d := open(t, o)
	if got := d.TrainA().Len(); got != 7 {
		t.Fatalf("%d images with a good header, want 7", got)
	}
	if got := len(d.Skipped()); got != 3 {
		t.Errorf("skipped by Open: %v", d.Skipped())
	}
	want := run(t, d, 0, 12)
	var names []string
	for _, s := range d.Skipped() {
		names = append(names, s.Name)
		if s.Err == nil {
			t.Errorf("%s: no reason", s.Name)
		}
	}
	if got := fmt.Sprint(names); got != "[trainA/01.png trainA/03 empty.png trainA/04 huge.png trainA/05 text.jpg]" {
		t.Errorf("skipped %s", got)
	}
	if !strings.Contains(d.String(), "4 skipped") {
		t.Errorf("%v lacks the count", d)
	}
	o.NumThreads = 0
	again := open(t, o)
	sameRuns(t, "from the middle, without threads", run(t, again, 5, 7), want[5:])
	for _, b := range want {
		if strings.Contains(b, "trainA/01.png") {
			t.Error("a batch has the name of the damaged image instead of its replacement")
		}
	}
}

func TestAllBodiesDamaged(t *testing.T) {
	root := t.TempDir()
	whole := pngBytes(t, picture(3, 20, 20))
	for _, f := range []string{"trainA/a.png", "trainA/b.png", "trainB/c.png"} {
		write(t, filepath.Join(root, f), whole[:len(whole)/2])
	}
	d := open(t, small(root))
	if _, err := d.Batch(1, 0); err == nil || !strings.Contains(err.Error(), "all 2 are damaged") {
		t.Errorf("got %v", err)
	}
	if _, _, err := d.TestA().First(3, 8, 8); err == nil {
		t.Error("no error for a test set without readable images")
	}
}

func TestCropLargerThanImage(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 2, 20, 20, "trainA", "trainB")
	write(t, filepath.Join(root, "trainA", "small.png"), pngBytes(t, picture(9, 30, 7)))
	o := small(root)
	o.Preprocess = Crop
	d := open(t, o)
	s := d.Skipped()
	if len(s) != 1 || s[0].Name != "trainA/small.png" || !strings.Contains(s[0].Err.Error(), "30x7 is smaller than crop_size 8") {
		t.Errorf("skipped %v", s)
	}
	run(t, d, 0, 4)
	o.CropSize = 21
	if _, err := Open(o); err == nil || !strings.Contains(err.Error(), "crop_size 21") {
		t.Errorf("all images too small: %v", err)
	}
}
