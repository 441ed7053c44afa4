package dataset

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"cyclegan/infer/pixels"
	"cyclegan/train/scenes"
)

func TestSetImages(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 3, 20, 14, "trainA", "trainB", "testA")
	o := small(root)
	o.InputNC = 1
	d := open(t, o)
	file, err := pixels.Load(filepath.Join(root, "testA", "02.png"), pixels.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	own, err := d.TestA().Image(2, 0, 0)
	if err != nil || !bytes.Equal(own.Pix, gray(file.Image).Pix) {
		t.Errorf("the image in its own size differs from the file's luma: %v", err)
	}
	resized, err := d.TestA().Image(2, 10, 7)
	if err != nil || !bytes.Equal(resized.Pix, gray(pixels.Resize(file.Image, 10, 7)).Pix) {
		t.Errorf("resized image differs: %v", err)
	}
	for _, bad := range [][3]int{{-1, 8, 8}, {3, 8, 8}, {0, 0, 8}, {0, -8, -8}, {0, 1 << 20, 8}} {
		if _, err := d.TestA().Image(bad[0], bad[1], bad[2]); err == nil {
			t.Errorf("image %v: no error", bad)
		}
	}
	if _, ok := d.TestA().Counterpart(0, 8, 8); ok {
		t.Error("a photograph has a counterpart")
	}
}

func TestSetFirst(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 4, 20, 14, "trainA", "trainB")
	whole := pngBytes(t, picture(3, 20, 20))
	write(t, filepath.Join(root, "testA", "a.png"), whole[:len(whole)/2])
	fill(t, root, 4, 20, 14, "testA")
	d := open(t, small(root))
	// "00.png" to "03.png" come before the damaged "a.png".
	data, indices, err := d.TestA().First(9, 6, 5)
	if err != nil || len(indices) != 4 || len(data) != 4*6*5*3 {
		t.Fatalf("%d values of %v, %v", len(data), indices, err)
	}
	m, err := d.TestA().Image(2, 6, 5)
	if err != nil {
		t.Fatal(err)
	}
	if !near(data[2*90:3*90], naive(m, 0, 0, 6, 5, 3, false)) {
		t.Error("the third image of the tensor differs")
	}
	if s := d.Skipped(); len(s) != 1 || s[0].Name != "testA/a.png" {
		t.Errorf("skipped %v", s)
	}
	if _, indices, err := d.TestA().First(2, 6, 5); err != nil || len(indices) != 2 {
		t.Errorf("two images: %v, %v", indices, err)
	}
	for _, bad := range [][3]int{{0, 5, 5}, {1, 0, 5}, {1, 5, 1 << 20}} {
		if _, _, err := d.TestA().First(bad[0], bad[1], bad[2]); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
}

func TestSceneCounterpart(t *testing.T) {
	o := DefaultOptions()
	o.ScenesTest = 3
	d := open(t, o)
	for _, s := range []*Set{d.TestA(), d.TestB()} {
		own, err := s.Image(1, 40, 30)
		if err != nil {
			t.Fatal(err)
		}
		src := sceneSourceOf(s)
		want := scenes.Draw(o.SceneSeed, src.first+1, src.season.Other(), 40, 30)
		got, ok := s.Counterpart(1, 40, 30)
		if !ok || !bytes.Equal(got.Pix, want.Pix) || bytes.Equal(got.Pix, own.Pix) {
			t.Errorf("%v: wrong counterpart", s)
		}
	}
	o.OutputNC = 1
	if m, ok := open(t, o).TestA().Counterpart(1, 8, 8); !ok || !bytes.Equal(m.Pix, gray(m).Pix) {
		t.Error("the counterpart in a gray domain is not gray")
	}
	if _, ok := d.TestA().Counterpart(3, 40, 30); ok {
		t.Error("a missing scene has a counterpart")
	}
}

func TestBuiltInScenes(t *testing.T) {
	o := DefaultOptions()
	o.ScenesA, o.ScenesB, o.ScenesTest, o.LoadSize, o.CropSize, o.BatchSize = 9, 5, 4, 20, 16, 2
	d := open(t, o)
	if a, b := d.Domains(); a != "summer" || b != "winter" || d.Len() != 9 || d.TestA().Len() != 4 || d.TestA().FromTrain {
		t.Errorf("%v: domains %s, %s", d, a, b)
	}
	decoded := countDecoded(d)
	want := run(t, d, 0, 12)
	o.NumThreads, o.MemoryBytes = 1, 3000
	sameRuns(t, "scenes with other threads and memory", run(t, open(t, o), 4, 8), want[4:])
	if n := decoded.Load(); n != 14 {
		t.Errorf("drew 14 scenes %d times", n)
	}

	// No scene is in two sets, in whatever season.
	seen := map[string]string{}
	for _, s := range []*Set{d.TrainA(), d.TrainB(), d.TestA(), d.TestB()} {
		for i := range s.Len() {
			src := sceneSourceOf(s)
			key := fmt.Sprint(src.first + uint64(i))
			if seen[key] != "" {
				t.Errorf("%s and %s are the same scene", seen[key], s.Name(i))
			}
			seen[key] = s.Name(i)
		}
	}

	o.Direction = BtoA
	swapped := open(t, o)
	if a, b := swapped.Domains(); a != "winter" || b != "summer" || swapped.TrainA().Len() != 5 {
		t.Errorf("BtoA: domains %s, %s, %v", a, b, swapped)
	}
	x, err := d.TrainB().Image(3, 24, 24)
	if err != nil {
		t.Fatal(err)
	}
	y, err := swapped.TrainA().Image(3, 24, 24)
	if err != nil || !bytes.Equal(x.Pix, y.Pix) {
		t.Errorf("BtoA has other winter scenes: %v", err)
	}
	o.MaxDatasetSize = 3
	if d := open(t, o); d.Len() != 3 {
		t.Errorf("max_dataset_size 3: %d pairs", d.Len())
	}
}
