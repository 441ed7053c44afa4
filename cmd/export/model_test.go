package main

import (
	"fmt"
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"cyclegan/infer"
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
	text := fmt.Sprintf("%s %s->%s %s step %d train %dx%d\n", i.Direction, i.DomainFrom, i.DomainTo, i.Architecture, i.Step, i.TrainWidth, i.TrainHeight)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o644))
}
