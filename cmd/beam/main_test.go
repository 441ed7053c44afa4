package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"cyclegan/cmd/internal/clitest"
	"cyclegan/infer"
	"cyclegan/infer/batch"
	"cyclegan/infer/pixels"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"beam": main})
}

func TestScripts(t *testing.T) {
	clitest.Run(t, filepath.Join("testdata", "script"), clitest.Options{Env: map[string]string{
		"MODELS":   clitest.Testdata(t, "testdata", "models"),
		"PICTURES": clitest.Testdata(t, "testdata", "pictures"),
	}})
}

// TestKilled kills a pipeline that has begun to write and runs it again. The output must be that of
// an uninterrupted run.
func TestKilled(t *testing.T) {
	if err := clitest.RuntimeMissing(t); err != nil {
		t.Skipf("this test runs a model: %v", err)
	}
	folder := t.TempDir()
	in, out := filepath.Join(folder, "in"), filepath.Join(folder, "out")
	const count = 60
	for i := range count {
		img := image.NewNRGBA(image.Rect(0, 0, 320, 240))
		for p := range img.Pix {
			img.Pix[p] = uint8(p*(i+7) ^ p>>7)
		}
		path := filepath.Join(in, fmt.Sprint(i%4), fmt.Sprintf("%d.png", i))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := pixels.Save(path, img, pixels.SaveOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	model := clitest.Testdata(t, "testdata", "models", "invert.onnx")
	beam, err := exec.LookPath("beam") // testscript.Main has put it into PATH
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-model", model, "-in", in, "-out", out}
	cmd := exec.Command(beam, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for len(files(t, out)) < 3 {
		select {
		case err := <-ended:
			t.Fatalf("the pipeline ended before it could be killed: %v, %s", err, &said)
		case <-time.After(time.Millisecond):
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Fatalf("the pipeline ended before it was killed: %s", &said)
	}
	left := files(t, out)
	if len(left) >= count {
		t.Errorf("%d of %d results existed when the pipeline was killed", len(left), count)
	}

	want := filepath.Join(folder, "want")
	m, err := infer.Open(model, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	plan, err := batch.NewPlan([]string{in}, want, "")
	if err != nil {
		t.Fatal(err)
	}
	converter, err := batch.New(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := converter.Run(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	expected := files(t, want)
	for name, content := range left {
		if filepath.Ext(name) == ".png" && !bytes.Equal(content, expected[name]) {
			t.Errorf("%s was not whole when the pipeline was killed", name)
		}
	}
	if output, err := exec.Command(beam, append(args, "-skip_existing")...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	got := files(t, out)
	for name, content := range expected {
		if !bytes.Equal(got[name], content) {
			t.Errorf("%s has %d bytes that differ from the expected %d", name, len(got[name]), len(content))
		}
	}
	for name := range got {
		// Temporary files remain until a run that starts an hour later.
		if partial, _ := filepath.Match(".*.partial", filepath.Base(name)); expected[name] == nil && !partial {
			t.Errorf("unexpected file %s", name)
		}
	}
}

// files returns the files below a folder, none if it does not exist.
func files(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // renamed in between
			return nil
		case err != nil || d.IsDir():
			return err
		}
		rel, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		found[rel] = content
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
