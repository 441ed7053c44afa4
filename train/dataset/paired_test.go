package dataset

import (
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Pix2pix's folders of pairs are refused by name, however they are given, and panoramas are not.
func TestOpenPairs(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 3, 18, 9, "maps/train", "maps/val", "places/panoramas", "places/maps", "deep/facades/test", "mixed/train")
	fill(t, root, 1, 18, 10, "mixed/train")
	folder := func(name string) string { return filepath.Join(root, filepath.FromSlash(name)) }
	named := func(a, b string) Options {
		o := small("")
		o.DirA, o.DirB = folder(a), folder(b)
		return o
	}
	for _, c := range []struct {
		name  string
		o     Options
		pairs bool
		want  string // in the error, "" for none
	}{
		{"root", small(folder("maps")), true, "mkdir trainA && mogrify -path trainA"},
		{"test images", small(folder("maps")), true, "-path testB -gravity East -crop 50%x100%+0+0 +repage 'val/*.*'"},
		{"one deeper", small(folder("deep")), true, "in the folder that holds facades/test"},
		{"zip", small(zipped(t, folder("maps"), "maps/")), true, "mkdir trainA"},
		{"a phase", small(folder("maps/train")), true, "in the folder above"},
		{"dir_A and dir_B", named("maps/train", "maps/val"), true, "mkdir trainA"},
		{"panoramas", named("places/panoramas", "places/maps"), false, ""},
		{"other folders", small(folder("places")), false, "use two folders as dir_A and dir_B"},
		{"other sizes", small(folder("mixed")), false, "use two folders as dir_A and dir_B"},
	} {
		d, err := Open(c.o)
		if err == nil {
			d.Close()
		}
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "pix2pix") != c.pairs) {
			t.Errorf("%s: %v\nwant %q", c.name, err, c.want)
		}
	}
}

// The commands of the error make a data set of the halves.
func TestPairsAreSplit(t *testing.T) {
	if _, err := exec.LookPath("mogrify"); err != nil {
		t.Skip("ImageMagick is not installed")
	}
	root := t.TempDir()
	pair := image.NewNRGBA(image.Rect(0, 0, 40, 20))
	for i := range pair.Pix {
		pair.Pix[i] = 255
		if x := i / 4 % 40; x >= 20 && i%4 < 3 { // B is black
			pair.Pix[i] = 0
		}
	}
	write(t, filepath.Join(root, "train", "1.png"), pngBytes(t, pair))
	write(t, filepath.Join(root, "val", "1.png"), pngBytes(t, pair))
	_, err := Open(small(root))
	if err == nil {
		t.Fatal("pairs were opened")
	}
	_, commands, _ := strings.Cut(err.Error(), "ImageMagick:\n")
	cmd := exec.Command("sh", "-ec", commands)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	d := open(t, small(root))
	for i, s := range []*Set{d.TrainA(), d.TrainB(), d.TestA(), d.TestB()} {
		img, err := s.Image(0, 0, 0)
		if err != nil || s.FromTrain || img.Rect.Size() != image.Pt(20, 20) || img.Pix[0] != []byte{255, 0}[i%2] {
			t.Errorf("set %d: %v, %v", i, s, err)
		}
	}
	if _, err := os.Stat(filepath.Join(root, "train")); err != nil {
		t.Error(err)
	}
}
