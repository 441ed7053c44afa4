package inspect_test

import (
	"context"
	"log"
	"os"

	"cyclegan/train/dataset"
	"cyclegan/train/inspect"
)

func ExampleDataset() {
	data, err := dataset.Open(dataset.DefaultOptions())
	if err != nil {
		log.Fatal(err)
	}
	defer data.Close()
	result, err := inspect.Dataset(context.Background(), data, inspect.Options{Decode: true})
	if err != nil {
		log.Fatal(err)
	}
	if err := result.Fprint(os.Stdout, false); err != nil {
		log.Fatal(err)
	}
	// Output: built-in scenes of 286x286: trainA 400 summer, trainB 400 winter, testA 50 summer, testB 50 winter; nothing to check
}
