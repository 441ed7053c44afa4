package main

import (
	_ "embed"
	"fmt"

	"cyclegan/infer"
)

// The generators that a conversion uses without -model. models/README.md describes them.
var (
	//go:embed models/G_AB.onnx
	summerToWinter []byte
	//go:embed models/G_BA.onnx
	winterToSummer []byte
)

// source is the model of a job: a file, or if path is empty one of the built-in generators.
type source struct {
	path      string
	direction string // of the built-in generator: AtoB or BtoA
}

// String names the model in messages and reports, which also say its direction.
func (s source) String() string {
	if s.path != "" {
		return s.path
	}
	return "built-in model"
}

func (s source) open(o *infer.Options) (*infer.Model, error) {
	if s.path != "" {
		return infer.Open(s.path, o)
	}
	data := summerToWinter
	if s.direction == "BtoA" {
		data = winterToSummer
	}
	model, err := infer.New(data, o)
	if err != nil {
		return nil, fmt.Errorf("open the model %s: %w", s, err)
	}
	return model, nil
}
