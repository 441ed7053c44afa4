package infer_test

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"log"
	"os"
	"path/filepath"

	"cyclegan/infer"
	"cyclegan/infer/pixels"
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
		Range:    pixels.Byte,
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
		fmt.Println("and not on", r.Provider+":", r)
	}
}

// negative stands for an *infer.Model, which needs a file and ONNX Runtime.
type negative struct{}

func (negative) Translate(_ context.Context, img image.Image) (image.Image, error) {
	out := image.NewNRGBA(img.Bounds())
	for y := out.Rect.Min.Y; y < out.Rect.Max.Y; y++ {
		for x := out.Rect.Min.X; x < out.Rect.Max.X; x++ {
			c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			out.SetNRGBA(x, y, color.NRGBA{255 - c.R, 255 - c.G, 255 - c.B, c.A})
		}
	}
	return out, nil
}

func ExampleBatch() {
	dir, err := os.MkdirTemp("", "photos")
	if err != nil {
		log.Print(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := pixels.Save(filepath.Join(dir, "valley.png"), image.NewNRGBA(image.Rect(0, 0, 32, 24)), pixels.SaveOptions{}); err != nil {
		log.Print(err)
		return
	}
	batch := infer.Batch{
		Model:  negative{},
		Inputs: []string{dir},
		Output: filepath.Join(dir, "winter"),
		Done:   func(r infer.Result) { fmt.Println(filepath.Base(r.Output), r.Width, r.Height, r.Err) },
	}
	summary, err := batch.Run(context.Background())
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(summary.Converted, "converted")
	// Output:
	// valley.png 32 24 <nil>
	// 1 converted
}
