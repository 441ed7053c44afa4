package infer_test

import (
	"context"
	"fmt"
	"image"
	"log"

	"cyclegan/infer"
)

func ExampleOpen() {
	model, err := infer.Open("G_AB.onnx", nil)
	if err != nil {
		log.Print(err)
		return
	}
	defer model.Close()
	var summer image.Image = image.NewNRGBA(image.Rect(0, 0, 640, 480))
	winter, err := model.Translate(context.Background(), summer)
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(model.Info().Name(), winter.Bounds().Size())
}

// A model of another maker, on the best device that works.
func ExampleOptions() {
	model, err := infer.Open("other.onnx", &infer.Options{
		Provider: "auto",
		Input:    "image", // of several inputs
		Range:    infer.Range{Lo: 0, Hi: 255},
		Layout:   "NHWC",
	})
	if err != nil {
		log.Print(err)
		return
	}
	defer model.Close()
	info := model.Info()
	fmt.Println("runs on", info.Provider)
	for _, r := range info.Refused {
		fmt.Println("and not on", r.Provider+":", r.Err)
	}
}
