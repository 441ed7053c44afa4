//go:build tensorflow

package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cyclegan/cmd/internal/cli"
	"cyclegan/graph/tfgraph"
	"cyclegan/train"
	"cyclegan/train/report"
)

// Commands of tests are this program, so they do not rewrite graphs either, which would take most
// of their time. That is why most kills come after the first step.
func init() { tfgraph.Plain = true }

var kills = flag.Int("kills", 4, "`N` kills in TestKilledTraining")

// training is a short run with everything that a checkpoint keeps: pools, moving averages, dropout,
// a falling learning rate.
type training struct {
	dir string
	out bytes.Buffer
}

const trainingSteps = 60

func (r *training) command(args ...string) *exec.Cmd {
	first := []string{
		"-max_steps", "60", "-n_epochs", "4", "-n_epochs_decay", "16", "-scenes", "5",
		"-ngf", "4", "-ndf", "4", "-load_size", "36", "-crop_size", "32", "-netD", "n_layers", "-n_layers_D", "2",
		"-no_dropout=false", "-ema", "0.9", "-pool_size", "3",
		"-save_latest_freq", "2", "-print_freq", "1", "-display_freq", "20", "-eval_every", "20", "-eval_count", "4", "-features", "none",
	}
	if _, err := os.Stat(filepath.Join(r.dir, "run", train.OptionsFile)); err == nil {
		first = []string{"-continue_train"}
	}
	all := append(first, "-name", "run", "-checkpoints_dir", r.dir, "-threads", "1", "-gpu_ids", "-1")
	cmd := exec.Command("train", append(all, args...)...)
	r.out.Reset()
	cmd.Stdout, cmd.Stderr = &r.out, &r.out
	return cmd
}

func (r *training) finish(t *testing.T) {
	t.Helper()
	if err := r.command().Run(); err != nil {
		t.Fatalf("%v\n%s", err, r.out.String())
	}
}

func (r *training) options() train.Options {
	return train.Options{Name: "run", CheckpointsDir: r.dir}
}

// sameWeights returns the largest difference between two numbers of the newest checkpoints of two
// runs.
func sameWeights(t *testing.T, whole, other *training) float64 {
	t.Helper()
	want, _, err := whole.options().Checkpoints().Latest()
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := other.options().Checkpoints().Latest()
	if err != nil {
		t.Fatal(err)
	}
	if got.Step != want.Step || len(got.Tensors) != len(want.Tensors) {
		t.Errorf("checkpoint of step %d with %d tensors, want step %d with %d", got.Step, len(got.Tensors), want.Step, len(want.Tensors))
	}
	worst := 0.0
	for name, tensor := range want.Tensors {
		for i, v := range got.Tensors[name].Values {
			worst = max(worst, math.Abs(float64(v)-float64(tensor.Values[i])))
		}
	}
	return worst
}

// sameFiles compares the other files of two runs, except for times.
func sameFiles(t *testing.T, whole, other *training) {
	t.Helper()
	for _, name := range []string{"G_AB.onnx", "G_BA.onnx", "latest/G_AB.onnx", "checkpoints/step_000000060.safetensors", "checkpoints/best.safetensors"} {
		want, err := os.ReadFile(filepath.Join(whole.dir, "run", name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(other.dir, "run", name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs from the run that was not killed (%v)", name, err)
		}
	}
	if got, want := other.history(t), whole.history(t); got != want {
		t.Errorf("the log is\n%s\nwant\n%s", got, want)
	}
	if partial, _ := filepath.Glob(filepath.Join(other.dir, "run", "*", ".*.partial")); len(partial) > 0 {
		t.Errorf("partial files remain: %v", partial)
	}
}

// history returns the log of the run without times.
func (r *training) history(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	records, err := report.ReadLog(filepath.Join(r.dir, "run", "log.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range records {
		record.Time, record.SecondsPerStep = time.Time{}, 0
		fmt.Fprintf(&text, "%+v\n", record)
	}
	evaluations, err := report.ReadEvaluations(filepath.Join(r.dir, "run", "evaluations.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range evaluations {
		e.Time, e.Seconds = time.Time{}, 0
		fmt.Fprintf(&text, "%+v\n", e)
	}
	return text.String()
}

// A run that is killed at random times, every third time by Ctrl-C, and resumed each time leaves
// files that are bit-identical to those of an undisturbed one.
func TestKilledTraining(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for some seconds")
	}
	whole := &training{dir: t.TempDir()}
	begin := time.Now()
	whole.finish(t)
	took := time.Since(begin)

	random := rand.New(rand.NewPCG(7, uint64(*kills)))
	survived, amid, rounds, worst := 0, 0, 0, 0.0
	for survived < *kills {
		run := &training{dir: t.TempDir()}
		for survived < *kills {
			cmd := run.command()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			signal := os.Kill
			if survived%3 == 2 {
				signal = os.Interrupt
			}
			timer := time.AfterFunc(time.Duration(random.Float64()*0.7*float64(took)), func() { cmd.Process.Signal(signal) })
			err := cmd.Wait()
			timer.Stop()
			if err == nil {
				break // it ended before it was killed
			}
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != -1 && (signal == os.Kill || exit.ExitCode() != cli.Interrupted) {
				t.Fatalf("after %d kills: %v\n%s", survived, err, run.out.String())
			}
			survived++
			if strings.Contains(run.out.String(), "\nstep ") {
				amid++
			}
		}
		run.finish(t)
		rounds++
		worst = max(worst, sameWeights(t, whole, run))
		sameFiles(t, whole, run)
	}
	t.Logf("%d of %d kills, %d of them after the first step of a process, in %d runs of %d steps; largest difference of a weight: %g", survived, *kills, amid, rounds, trainingSteps, worst)
	if worst != 0 {
		t.Errorf("weights differ by up to %g", worst)
	}
}
