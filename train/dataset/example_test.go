package dataset_test

import (
	"context"
	"fmt"
	"log"

	"cyclegan/train/dataset"
)

// Open a data set and read its first batches, which are decoded ahead by NumThreads goroutines.
func Example() {
	o := dataset.DefaultOptions() // built-in scenes; set Dataroot for images of your own
	o.LoadSize, o.CropSize, o.BatchSize = 36, 32, 2
	data, err := dataset.Open(o)
	if err != nil {
		log.Fatal(err)
	}
	defer data.Close()

	batches := data.Prefetch(context.Background(), 0)
	defer batches.Close()
	for range 2 {
		b, err := batches.Next() // b.A and b.B are NHWC tensors with values in [-1, 1]
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(b.Epoch, b.Index, b.NamesA, len(b.A) == b.N*b.HA*b.WA*b.CA)
		b.Release()
	}
	// Output:
	// 1 0 [scene_summer_00323 scene_summer_00067] true
	// 1 1 [scene_summer_00160 scene_summer_00185] true
}
