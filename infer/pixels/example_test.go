package pixels_test

import (
	"fmt"
	"image"
	"log"
	"os"
	"path/filepath"

	"cyclegan/infer/pixels"
)

func Example() {
	dir, err := os.MkdirTemp("", "pixels")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "black.png")
	black := image.NewGray(image.Rect(0, 0, 4, 2))
	if err := pixels.Save(path, black, pixels.SaveOptions{}); err != nil {
		log.Fatal(err)
	}

	pic, err := pixels.Load(path, pixels.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	spec := pixels.Spec{Layout: pixels.NCHW, Range: pixels.Symmetric, Channels: 3}
	tensor := make([]float32, spec.Len(4, 2))
	if err := spec.Put(tensor, pic.Image); err != nil {
		log.Fatal(err)
	}
	fmt.Println(pic.Format, pic.Gray, len(tensor), tensor[0])
	// Output: png true 24 -1
}
