// Command hostapp is an example of a Go program in another module that translates images with
// cyclegan/infer, which it finds through the replace directive in its go.mod. To try it:
//
//	go mod tidy
//	go run . G_AB.onnx summer.png winter.png
package main

import (
	"context"
	"fmt"
	"image"
	_ "image/jpeg"
	"image/png"
	"os"

	"cyclegan/infer"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: hostapp MODEL INPUT OUTPUT")
		os.Exit(2)
	}
	if err := translate(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "hostapp:", err)
		os.Exit(1)
	}
}

func translate(model, input, output string) error {
	m, err := infer.Open(model, nil)
	if err != nil {
		return err
	}
	defer m.Close()
	in, err := os.Open(input)
	if err != nil {
		return err
	}
	defer in.Close()
	img, _, err := image.Decode(in)
	if err != nil {
		return err
	}
	result, err := m.Translate(context.Background(), img)
	if err != nil {
		return err
	}
	out, err := os.Create(output)
	if err != nil {
		return err
	}
	if err := png.Encode(out, result); err != nil {
		return err
	}
	return out.Close()
}
