// Package builtin contains two trained generators: summer to winter, and winter to summer.
// README.md, which [Card] returns, says what they learned from, what they score, and where they
// fail.
//
//	model, err := builtin.Open("AtoB", nil) // summer to winter
//
// Importing the package adds 1.8 MB to a program.
package builtin

import (
	_ "embed"
	"fmt"

	"cyclegan/infer"
)

// Name is the name of the pair.
const Name = "summer2winter"

var (
	//go:embed G_AB.onnx
	summerToWinter []byte
	//go:embed G_BA.onnx
	winterToSummer []byte
	//go:embed README.md
	card string
)

// Card returns the model card, which is Markdown.
func Card() string { return card }

// Model returns the ONNX file of the generator for a direction, "AtoB" (summer to winter) or
// "BtoA". The caller must not change it.
func Model(direction string) ([]byte, error) {
	switch direction {
	case "AtoB":
		return summerToWinter, nil
	case "BtoA":
		return winterToSummer, nil
	}
	return nil, fmt.Errorf("the built-in model has no direction %q: use AtoB or BtoA", direction)
}

// Open opens the generator for a direction, as [infer.Open] opens a file. Options may be nil.
func Open(direction string, opt *infer.Options) (*infer.Model, error) {
	data, err := Model(direction)
	if err != nil {
		return nil, err
	}
	model, err := infer.New(data, opt)
	if err != nil {
		return nil, fmt.Errorf("open the built-in model: %w", err)
	}
	return model, nil
}
