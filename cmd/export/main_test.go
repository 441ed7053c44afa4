package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"cyclegan/cmd/internal/clitest"
	"cyclegan/graph"
	"cyclegan/graph/pytorch"
	"cyclegan/infer"
	"cyclegan/infer/onnx"
	"cyclegan/infer/pixels"
	"cyclegan/train"
	"cyclegan/train/checkpoint"
	"cyclegan/train/scenes"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"export": main})
}

func TestScripts(t *testing.T) {
	clitest.Run(t, filepath.Join("testdata", "script"), clitest.Options{
		Env: map[string]string{"WEIGHTS": clitest.Testdata(t, "graph", "pytorch", "testdata")},
		Condition: func(name string) (holds, known bool) {
			return withTensorFlow, name == "tensorflow"
		},
		Commands: clitest.Commands{"makerun": makeRun, "sameweights": sameWeights, "model": describeModel, "scenes": writeScenes},
	})
}

// makeRun PRESET DIR NAME... writes small checkpoints of an untrained run, such as step_000000008
// or epoch_0005, with different weights. The training images of preset paper do not exist.
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

// writeScenes DIR COUNT draws images.
func writeScenes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: scenes DIR COUNT")
	}
	count := clitest.Number(ts, args[1])
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

// describeModel FILE OUT opens a model as cmd/infer does, and writes its metadata to OUT.
func describeModel(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: model FILE OUT")
	}
	m, err := infer.Open(ts.MkAbs(args[0]), &infer.Options{Library: ts.Getenv("CYCLEGAN_ONNXRUNTIME")})
	ts.Check(err)
	defer m.Close()
	i := m.Info()
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	about, err := onnx.Parse(data)
	ts.Check(err)
	text := fmt.Sprintf("%s %s->%s %s step %d train %dx%d\n", i.Direction, i.DomainFrom, i.DomainTo, i.Architecture, i.Step, i.TrainWidth, i.TrainHeight)
	for _, key := range []string{"precision", "calibration_images", "calibration_source"} {
		text += fmt.Sprintf("%s %s\n", key, about.Property("cyclegan."+key))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o644))
}
