//go:build tensorflow

package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cyclegan/infer/pixels"
	"cyclegan/train/report"
	"cyclegan/train/watch"
)

// A run with a fault gets the warning of this fault, on the screen and in the run's folder; a
// healthy one gets none.
func TestTrainingsMadeToFail(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for some seconds")
	}
	negatives := t.TempDir()
	drawNegatives(t, negatives)
	for name, c := range map[string]struct {
		args string
		want string
	}{
		// The images of B are negatives of the kind in A.
		"inverted": {"-dir_A " + filepath.Join(negatives, "A") + " -dir_B " + filepath.Join(negatives, "B") +
			" -preset paper -netG resnet_6blocks -ngf 8 -ndf 16 -lambda_identity 0 -lr 0.002 -norm_D none -max_steps 100 -eval_every 50", watch.Inverted},
		// The generators start as the identity and hardly change.
		"unchanged": {"-ngf 4 -ndf 4 -init_gain 0.0005 -lr 1e-9 -max_steps 12 -eval_every 4", watch.Unchanged},
		// They start gray, and no loss changes that.
		"collapsed": {"-residual=false -ngf 4 -ndf 4 -init_gain 0.001 -lambda_A 0 -lambda_B 0 -lr 1e-9 -max_steps 8 -eval_every 4", watch.Collapsed},
		// They do not change while the discriminators learn.
		"discriminator at zero": {"-ngf 4 -ndf 32 -norm_D none -pool_size 0 -lr 1e-9 -lr_D 0.001 -max_steps 300 -eval_every 0", watch.DiscriminatorZero},
		"diverging":             {"-ngf 4 -ndf 16 -norm_D none -lr 0.05 -lr_D 0.05 -max_steps 100 -eval_every 0", watch.Diverging},
		"healthy":               {"-ngf 4 -ndf 8 -norm_D none -lambda_identity 0 -lr 0.001 -ema 0.9 -max_steps 100 -eval_every 25", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			args := append(strings.Fields("-name run -preset demo -gpu_ids -1 -threads 1 -scenes 20 -load_size 36 -crop_size 32 -netD n_layers -n_layers_D 2 -n_epochs 100 -eval_count 8 -features none -checkpoints_dir "+dir), strings.Fields(c.args)...)
			var out bytes.Buffer
			cmd := exec.Command("train", args...)
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			kept, err := report.ReadWarnings(filepath.Join(dir, "run", "warnings.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			found := ""
			for _, w := range kept {
				if w.Step == 0 {
					continue // about the images
				}
				found = w.Title
				if w.Title != c.want {
					t.Errorf("step %d: %s: %s", w.Step, w.Title, w.Text)
				}
				if line := fmt.Sprintf("WARNING at step %d: %s: ", w.Step, w.Title); !strings.Contains(out.String(), line) {
					t.Errorf("the output has no line %q", line)
				}
			}
			if found != c.want {
				t.Errorf("warning %q, want %q\n%s", found, c.want, out.String())
			}
		})
	}
}

// drawNegatives draws dark rectangles on white into the folder A of dir, and light ones on black
// into B.
func drawNegatives(t *testing.T, dir string) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	for _, d := range []struct {
		folder      string
		ground, ink func() uint8
	}{
		{"A", func() uint8 { return 220 }, func() uint8 { return uint8(random.IntN(90)) }},
		{"B", func() uint8 { return 35 }, func() uint8 { return uint8(165 + random.IntN(90)) }},
	} {
		folder := filepath.Join(dir, d.folder)
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			img := image.NewNRGBA(image.Rect(0, 0, 40, 40))
			draw.Draw(img, img.Rect, image.NewUniform(color.Gray{Y: d.ground()}), image.Point{}, draw.Src)
			for range 3 {
				x, y, w := random.IntN(30), random.IntN(30), 5+random.IntN(9)
				draw.Draw(img, image.Rect(x, y, x+w, y+w), image.NewUniform(color.Gray{Y: d.ink()}), image.Point{}, draw.Src)
			}
			if err := pixels.Save(filepath.Join(folder, fmt.Sprintf("%02d.png", i)), img, pixels.SaveOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}
