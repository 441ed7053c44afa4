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

	"cyclegan/infer"
	"cyclegan/infer/batch"
	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
	"cyclegan/third_party/native"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"beam": main})
}

// models is the folder of the project's small models.
func models(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "testdata", "models"))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// runtimeMissing says why models cannot be run on this machine, or gives nil. Another fault fails the test.
func runtimeMissing(t *testing.T) error {
	t.Helper()
	m, err := infer.Open(filepath.Join(models(t), "invert.onnx"), nil)
	var notFound *session.NotFoundError
	if errors.As(err, &notFound) || errors.Is(err, session.ErrNoCgo) {
		return err
	}
	if err != nil {
		t.Fatal(err)
	}
	m.Close()
	return nil
}

func TestScripts(t *testing.T) {
	missing := runtimeMissing(t)
	if missing != nil {
		t.Logf("the scripts that run models are skipped: %v", missing)
	}
	library, _ := native.FindONNXRuntime()
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("MODELS", models(t))
			e.Setenv("PICTURES", filepath.Join(filepath.Dir(models(t)), "pictures"))
			if library != "" {
				e.Setenv(native.EnvONNXRuntime, library)
			}
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name == "onnxruntime" {
				return missing == nil, nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": status},
	})
}

// status CODE COMMAND... runs a command and checks its exit status.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = fmt.Sprint(exit.ExitCode())
	} else {
		ts.Check(err)
	}
	if got != args[0] {
		ts.Fatalf("exit status %s, want %s", got, args[0])
	}
}

// TestKilled kills a pipeline that has begun to write, and starts it again: the folder is then that of a run in one piece.
func TestKilled(t *testing.T) {
	if err := runtimeMissing(t); err != nil {
		t.Skipf("this test runs a model: %v", err)
	}
	folder := t.TempDir()
	in, out := filepath.Join(folder, "in"), filepath.Join(folder, "out")
	const pictures = 60
	for i := range pictures {
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
	model := filepath.Join(models(t), "invert.onnx")
	beam, err := exec.LookPath("beam") // testscript.Main has put it there
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
			t.Fatalf("the pipeline has ended before it could be killed: %v, %s", err, &said)
		case <-time.After(time.Millisecond):
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Fatalf("the pipeline has ended before it was killed: %s", &said)
	}
	left := files(t, out)
	if len(left) >= pictures {
		t.Errorf("%d of %d results were there when it was killed", len(left), pictures)
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
			t.Errorf("when it was killed, %s was there and was not whole", name)
		}
	}
	if output, err := exec.Command(beam, append(args, "-skip_existing")...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	got := files(t, out)
	for name, content := range expected {
		if !bytes.Equal(got[name], content) {
			t.Errorf("%s has %d bytes, which are not the %d that are expected", name, len(got[name]), len(content))
		}
	}
	for name := range got {
		// What was being written lies beside until a run that comes an hour later.
		if partial, _ := filepath.Match(".*.partial", filepath.Base(name)); expected[name] == nil && !partial {
			t.Errorf("%s should not be there", name)
		}
	}
}

// files gives the files below a folder, none where there is no folder.
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
