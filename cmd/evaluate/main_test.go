package main

import (
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"cyclegan/cmd/internal/clitest"
	"cyclegan/infer/pixels"
	"cyclegan/third_party/native"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"evaluate": main})
}

func TestScripts(t *testing.T) {
	clitest.Run(t, filepath.Join("testdata", "script"), clitest.Options{
		Env: map[string]string{
			"MODELS":        clitest.Testdata(t, "train", "metric", "features", "testdata"),
			"DEEP":          clitest.Testdata(t, "testdata", "deep"),
			native.EnvCache: filepath.Join("$WORK", "home", "cache"),
		},
		Commands: clitest.Commands{"pictures": pictures, "samescores": sameScores, "damage": damage, "truncate": truncate},
	})
}

// pictures DIR N W H SEED draws 0.png to N-1.png, whose content depends on the seed.
func pictures(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 5 {
		ts.Fatalf("usage: pictures DIR N W H SEED")
	}
	n, w, h, seed := clitest.Number(ts, args[1]), clitest.Number(ts, args[2]), clitest.Number(ts, args[3]), clitest.Number(ts, args[4])
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	for i := range n {
		img := image.NewNRGBA(image.Rect(0, 0, w, h))
		for y := range h {
			for x := range w {
				img.SetNRGBA(x, y, color.NRGBA{uint8(x*9*seed + i*20), uint8(y*(11-i)*seed + 3*x), uint8((x*y/8 + y) * 3 * seed), 255})
			}
		}
		ts.Check(pixels.Save(filepath.Join(dir, fmt.Sprintf("%d.png", i)), img, pixels.SaveOptions{}))
	}
}

// samescores TABLE TABLE checks that two printed tables have the same scores, SWD included.
func sameScores(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: samescores TABLE TABLE")
	}
	var scores [2]string
	for i, name := range args {
		_, scores[i], _ = strings.Cut(ts.ReadFile(name), "n real")
	}
	if !strings.Contains(scores[0], "SWD") || scores[0] != scores[1] {
		ts.Fatalf("the scores are%s\nand%s", scores[0], scores[1])
	}
}

// damage DIR changes the last byte of every file in a folder.
func damage(ts *testscript.TestScript, neg bool, args []string) {
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*"))
	ts.Check(err)
	if len(files) == 0 {
		ts.Fatalf("%s is empty", args[0])
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		ts.Check(err)
		data[len(data)-1] ^= 1
		ts.Check(os.WriteFile(f, data, 0o600))
	}
}

// truncate FILE cuts a PNG after its header.
func truncate(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(os.Truncate(ts.MkAbs(args[0]), 45))
}
