package train_test

import (
	"fmt"

	"cyclegan/train"
)

// The settings of a run start from a preset. Validate reports every mistake at once.
func Example() {
	o, err := train.Preset("paper")
	if err != nil {
		fmt.Println(err)
		return
	}
	o.Name, o.Dataroot = "photos", "datasets/photos"
	o.NEpochs, o.NEpochsDecay = 2, 2
	fmt.Println(o.Validate())

	const batches = 1000 // in an epoch
	fmt.Println("steps:", o.StepsOf(batches))
	for epoch := 1; epoch <= o.Epochs(); epoch++ {
		rate, _ := o.LearningRates(epoch)
		fmt.Printf("epoch %d: learning rate %.2g\n", epoch, rate)
	}

	o.LR, o.GANMode = 0, "logistic"
	fmt.Println(o.Validate())
	// Output:
	// <nil>
	// steps: 4000
	// epoch 1: learning rate 0.0002
	// epoch 2: learning rate 0.0002
	// epoch 3: learning rate 0.00013
	// epoch 4: learning rate 6.7e-05
	// -gan_mode "logistic" is not one of lsgan, vanilla, wgangp, hinge
	// -lr is 0, but it must be above 0
}
