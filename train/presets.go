package train

import (
	"fmt"
	"strings"

	"cyclegan/graph"
)

// Presets lists the names of the presets.
var Presets = []string{"demo", "fast", "paper", "yosemite"}

// Preset returns the options of a recipe.
//
// "paper" is the official implementation with its defaults. "yosemite" is the public 128x128 course
// recipe. "demo" learns the built-in scenes in minutes on two cores: its networks are small, the
// generator's output is added to its input, and the discriminators have no normalization, which
// would remove the brightness and contrast that distinguish the seasons. "fast" is for photographs
// and a machine without a GPU: a pyramid generator learns from discriminators on frozen ImageNet
// features, which know what the domains look like before the first step. train/README.md has the
// trials behind its values.
func Preset(name string) (Options, error) {
	switch name {
	case "paper":
		return paper(), nil
	case "yosemite":
		o := paper()
		o.Preset, o.Name = "yosemite", "yosemite"
		o.NetG, o.NetD, o.Norm = "yosemite", "yosemite", "batch"
		o.LoadSize, o.CropSize, o.BatchSize = 128, 128, 16
		o.Preprocess, o.NoFlip = "resize_and_crop", true
		o.LambdaIdentity, o.LambdaD = 0, 1
		o.PoolSize, o.StepOrder = 0, DFirst
		o.NEpochs, o.NEpochsDecay = 1000, 0
		o.MaxSteps = 1000
		o.DisplayFreq, o.SaveLatestFreq, o.PrintFreq = 1600, 3200, 160
		o.EvalEvery, o.EvalCount = 3200, 50
		o.SaveEpochFreq = 0
		return o, nil
	case "fast":
		o := paper()
		o.Preset, o.Name = "fast", "fast"
		o.LoadSize, o.CropSize, o.BatchSize = 143, 128, 4
		o.NetG, o.NGF, o.Norm = "pyramid", 64, "none"
		o.NetD, o.NDF, o.WarmupD = "projected", 64, 300
		o.InitType, o.GANMode, o.PoolSize = "kaiming", Hinge, 0
		o.LambdaA, o.LambdaB, o.LambdaIdentity = 0.8, 0.8, 0
		o.LambdaD, o.LambdaOther = 1, 0.2
		o.LR, o.Beta1, o.Beta2 = 0.001, 0, 0.99
		o.EMA = 0.99
		o.NSteps, o.NStepsDecay, o.MaxMinutes = 400, 400, 20
		o.DisplayFreq, o.SaveLatestFreq, o.PrintFreq = 400, 800, 100
		o.EvalEvery, o.EvalCount, o.Patience = 400, 100, 4
		o.SaveEpochFreq = 0
		return o, nil
	case "demo":
		o := paper()
		o.Preset, o.Name = "demo", "demo"
		o.LoadSize, o.CropSize = 72, 64
		o.NetG, o.NGF, o.Residual, o.Upsampling = "resnet_6blocks", 24, true, "resize"
		o.NDF, o.NormD = 32, "none"
		o.LambdaA, o.LambdaB, o.LambdaIdentity = 5, 5, 0.1
		o.EMA = 0.995
		o.NEpochs, o.NEpochsDecay = 2, 2
		o.DisplayFreq, o.SaveLatestFreq, o.PrintFreq = 400, 800, 50
		o.EvalEvery, o.EvalCount = 400, 50
		o.SaveEpochFreq = 0
		return o, nil
	}
	return Options{}, fmt.Errorf("-preset %q is not one of %s", name, strings.Join(Presets, ", "))
}

func paper() Options {
	return Options{
		Preset: "paper", Name: "experiment_name", CheckpointsDir: "./checkpoints",

		Direction: "AtoB", InputNC: 3, OutputNC: 3, Window: "auto", Phase: "train",
		Preprocess: "resize_and_crop", LoadSize: 286, CropSize: 256,
		BatchSize: 1, NumThreads: 4, Scenes: 400, DataMemoryMB: 2048,

		NetG: "resnet_9blocks", NGF: 64, Upsampling: "transpose", NoDropout: true,
		NetD: "basic", NDF: 64, NLayersD: 3,
		Norm: "instance", InitType: "normal", InitGain: 0.02,

		GANMode: LSGAN, LambdaA: 10, LambdaB: 10, LambdaIdentity: 0.5, LambdaD: 0.5,
		PoolSize: 50, StepOrder: GFirst,

		LR: 0.0002, Beta1: 0.5, Beta2: 0.999, LRPolicy: PolicyLinear, LRDecayIters: 50, NEpochs: 100, NEpochsDecay: 100,

		Precision: F32, Conv: ConvWinograd,

		PrintFreq: 100, DisplayFreq: 400, SaveLatestFreq: 5000, SaveEpochFreq: 5, KeepLast: 3,
		EvalEvery: 5000, EvalCount: 100, Features: graph.EfficientNet,
	}
}
