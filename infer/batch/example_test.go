package batch_test

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"log"
	"os"
	"path/filepath"

	"cyclegan/infer/batch"
	"cyclegan/infer/pixels"
)

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

func Example() {
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
	plan, err := batch.NewPlan([]string{dir}, filepath.Join(dir, "winter"), "")
	if err != nil {
		log.Print(err)
		return
	}
	converter, err := batch.New(negative{}, &batch.Options{
		Done: func(r batch.Result) { fmt.Println(filepath.Base(r.Output), r.Width, r.Height, r.Err) },
	})
	if err != nil {
		log.Print(err)
		return
	}
	summary, err := converter.Run(context.Background(), plan)
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(summary.Converted, "converted")
	// Output:
	// valley.png 32 24 <nil>
	// 1 converted
}
