//go:build tensorflow

package train_test

import (
	"context"
	"fmt"

	"cyclegan/graph"
	"cyclegan/train"
	"cyclegan/train/dataset"
)

// A hook sees every step of a run.
func ExampleRun() {
	o, err := train.Preset("yosemite")
	if err != nil {
		fmt.Println(err)
		return
	}
	o.NGF, o.NDF, o.LoadSize, o.CropSize, o.BatchSize = 4, 4, 32, 32, 2
	o.Scenes, o.MaxSteps, o.GPUIDs, o.Threads = 4, 2, "-1", 1
	data, err := dataset.Open(o.Dataset())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer data.Close()
	shape := graph.Shape{H: 32, W: 32, C: 3}
	trainer, err := train.NewTrainer(o, shape, shape)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer trainer.Close()
	err = train.Run(context.Background(), trainer, data, func(p train.Progress) error {
		fmt.Printf("step %d of %d, epoch %d\n", p.Step, p.Steps, p.Epoch)
		return nil
	})
	fmt.Println(err)
	// Output:
	// step 1 of 2, epoch 1
	// step 2 of 2, epoch 1
	// <nil>
}
