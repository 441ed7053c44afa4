package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"cyclegan/graph"
	"cyclegan/graph/pytorch"
	"cyclegan/infer/pixels"
	"cyclegan/third_party/native"
	"cyclegan/train"
	"cyclegan/train/checkpoint"
	"cyclegan/train/scenes"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"export": main})
}

func TestScripts(t *testing.T) { runScripts(t, "script") }

// runScripts runs the scripts of a folder of testdata.
func runScripts(t *testing.T, dir string) {
	weights, err := filepath.Abs(filepath.Join("..", "..", "graph", "pytorch", "testdata"))
	if err != nil {
		t.Fatal(err)
	}
	library, _ := native.FindONNXRuntime()
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", dir),
		Setup: func(e *testscript.Env) error {
			e.Setenv("WEIGHTS", weights)
			if library != "" {
				// The scripts have a home of their own, where the cache is not.
				e.Setenv(native.EnvONNXRuntime, library)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status, "makerun": makeRun, "sameweights": sameWeights, "model": describeModel, "scenes": writeScenes,
		},
	})
}

// status CODE COMMAND... runs a command and checks its exit status.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// makeRun PRESET DIR NAME... writes small checkpoints of an untrained run, such as
// step_000000008 or epoch_0005, each with weights of its own. The pictures that
// one of preset paper was trained on have gone.
func makeRun(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: makerun PRESET DIR NAME...")
	}
	o, err := train.Preset(args[0])
	ts.Check(err)
	o.NGF, o.NetG = 2, "resnet_6blocks"
	if args[0] == "paper" {
		o.Dataroot = "gone"
	}
	dir := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(filepath.Join(dir, "checkpoints"), 0o755))
	ts.Check(o.Save(filepath.Join(dir, "options.json")))
	for i, name := range args[2:] {
		c := &checkpoint.Checkpoint{Step: int64(i + 1), Batches: 1, DomainA: "summer", DomainB: "winter", WidthA: 32, HeightA: 32, WidthB: 32, HeightB: 32, Tensors: map[string]checkpoint.Tensor{}}
		for j, g := range []string{train.GAB, train.GBA} {
			n, err := graph.NewGenerator(o.Generator(j == 0))
			ts.Check(err)
			w, err := graph.Initialize(n, graph.InitNormal, 0.1, rand.New(rand.NewPCG(uint64(i), uint64(j))))
			ts.Check(err)
			for _, p := range n.Params() {
				c.Tensors[g+"/"+p.Name] = checkpoint.Tensor{Shape: p.Shape, Values: w[p.Name]}
			}
		}
		ts.Check(c.Save(filepath.Join(dir, "checkpoints", name+".safetensors")))
	}
}

// writeScenes DIR COUNT draws pictures.
func writeScenes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: scenes DIR COUNT")
	}
	count, err := strconv.Atoi(args[1])
	ts.Check(err)
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	for i := range count {
		scene := scenes.Draw(1, uint64(i), scenes.Summer, 40, 36)
		ts.Check(pixels.Save(filepath.Join(dir, fmt.Sprintf("scene%d.png", i)), scene, pixels.SaveOptions{}))
	}
}

// sameWeights FILE FILE checks that two PyTorch files hold the same generator.
func sameWeights(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: sameweights FILE FILE")
	}
	var weights [2]graph.Weights
	for i, path := range args {
		state, err := pytorch.ReadFile(ts.MkAbs(path))
		ts.Check(err)
		o, err := pytorch.Recognize(state)
		ts.Check(err)
		_, weights[i], err = pytorch.Generator(state, o)
		ts.Check(err)
	}
	if reflect.DeepEqual(weights[0], weights[1]) == neg {
		ts.Fatalf("%s and %s: equal weights are %v", args[0], args[1], neg)
	}
}
