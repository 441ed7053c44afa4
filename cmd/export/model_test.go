package main

import (
	"fmt"
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"cyclegan/infer"
	"cyclegan/infer/onnx"
)

// describeModel FILE OUT opens a model as cmd/infer does and writes to OUT what
// it says about itself.
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
	for _, key := range []string{"precision", "calibration_pictures", "calibration_source"} {
		text += fmt.Sprintf("%s %s\n", key, about.Property("cyclegan."+key))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o644))
}
