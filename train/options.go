// Package train trains a CycleGAN (Zhu et al. 2017, https://arxiv.org/abs/1703.10593).
//
// [Options] are the settings of a run, and [Preset] returns known recipes. A [Trainer] holds two
// generators and two discriminators in TensorFlow and trains them step by step. [Run] is the loop
// around it: it feeds the trainer and calls [Hook] functions for progress, reports, checkpoints and
// samples.
//
// G_AB translates images of domain A to B, and G_BA translates B to A. D_A classifies images of
// domain A as real or translated, and D_B those of B. (The official code's D_A classifies images of
// B.)
package train

import (
	"slices"
	"strings"

	"cyclegan/graph"
	"cyclegan/infer/pixels"
	"cyclegan/train/checkpoint"
	"cyclegan/train/dataset"
	"cyclegan/train/step"
)

// Options are the settings of a run. A field's JSON name is also its name on the command line; an
// option that the official train.py also has, has the same meaning. Lengths are in pixels, and
// frequencies in images seen of each domain, unless a field says otherwise.
//
// A valid tag has the permitted values (see Validate). A field with a resume tag cannot change when
// a run is resumed, for the reason in fixedReasons.
type Options struct {
	Preset         string `json:"preset" usage:"recipe with the default of every other option: demo, fast, paper or yosemite" resume:"recipe"`
	Name           string `json:"name" usage:"name of the run; its files are in checkpoints_dir/name"`
	CheckpointsDir string `json:"checkpoints_dir" usage:"folder of all runs"`

	Dataroot       string `json:"dataroot" usage:"folder or zip file with trainA, trainB, testA and testB; without it, built-in scenes"`
	DirA           string `json:"dir_A" usage:"folder of domain A's images, instead of dataroot"`
	DirB           string `json:"dir_B" usage:"folder of domain B's images, instead of dataroot"`
	TestDirA       string `json:"test_dir_A" usage:"with dir_A: folder of held-out images of domain A, to score the generators"`
	TestDirB       string `json:"test_dir_B" usage:"with dir_B: folder of held-out images of domain B"`
	Direction      string `json:"direction" usage:"AtoB, or BtoA to swap the domains" resume:"domains"`
	InputNC        int    `json:"input_nc" usage:"channels of domain A's images: 3 color, 1 gray" resume:"networks"`
	OutputNC       int    `json:"output_nc" usage:"channels of domain B's images: 3 color, 1 gray" resume:"networks"`
	Window         string `json:"window" usage:"values LO,HI that 16-bit images use, such as 0,4095 for 12 bits, or LO,HI:LO,HI for A and B; auto, the default, takes those of the training images" resume:"values"`
	Preprocess     string `json:"preprocess" usage:"resize_and_crop, crop, scale_width, scale_width_and_crop or none"`
	LoadSize       int    `json:"load_size" usage:"size in pixels to which images are resized"`
	CropSize       int    `json:"crop_size" usage:"size in pixels of the crops to train on" resume:"networks"`
	NoFlip         bool   `json:"no_flip" usage:"never mirror images"`
	SerialBatches  bool   `json:"serial_batches" usage:"take images in order and pair them in order"`
	Phase          string `json:"phase" usage:"start of the names of dataroot's folders: train for trainA and trainB"`
	MaxDatasetSize int    `json:"max_dataset_size" usage:"maximum images of a domain; 0 for all"`
	BatchSize      int    `json:"batch_size" usage:"images of each domain in a step"`
	NumThreads     int    `json:"num_threads" usage:"threads that load images"`
	Scenes         int    `json:"scenes" usage:"built-in scenes of each season" valid:">=1"`
	DataMemoryMB   int    `json:"data_memory" usage:"megabytes of decoded images to keep in memory" valid:">=0"`

	NetG       string  `json:"netG" usage:"generator: resnet_9blocks or another number of blocks, unet_256, unet_128, yosemite, pyramid or deeplearning_ai" resume:"networks"`
	NetD       string  `json:"netD" usage:"discriminator: basic, n_layers, pixel, yosemite, yosemite_public, or projected, which scores frozen ImageNet features and learns in minutes" resume:"networks"`
	NLayersD   int     `json:"n_layers_D" usage:"strided layers of the discriminator, with netD n_layers" resume:"networks"`
	NGF        int     `json:"ngf" usage:"filters in the generator's last hidden layer; with netG pyramid, in its widest one" valid:">=1" resume:"networks"`
	NDF        int     `json:"ndf" usage:"filters in the discriminator's first layer, or in each head of projected" valid:">=1" resume:"networks"`
	Norm       string  `json:"norm" usage:"normalization: instance, batch, none, or instance_affine for generators (with -norm_D)" resume:"networks"`
	NormD      string  `json:"norm_D" usage:"normalization of the discriminators, if it differs from norm" resume:"networks"`
	Upsampling string  `json:"upsampling" usage:"how the generator enlarges: transpose (transposed convolution), resize (bilinear, then convolution) or nearest (repeated pixels, then convolution)" resume:"networks"`
	Residual   bool    `json:"residual" usage:"add the generator's output to its input" resume:"networks"`
	NoDropout  bool    `json:"no_dropout" usage:"leave out dropout in the generator; true for CycleGAN, -no_dropout=false turns it on" resume:"networks"`
	InitType   string  `json:"init_type" usage:"initial weights: normal, xavier, kaiming or orthogonal" resume:"begun"`
	InitGain   float64 `json:"init_gain" usage:"scale of the initial weights" valid:">0" resume:"begun"`
	InitGAB    string  `json:"init_G_AB" usage:"file with initial weights of the generator A to B: official .pth (latest_net_G_A.pth), safetensors, or an exported .onnx of the same architecture" resume:"begun"`
	InitGBA    string  `json:"init_G_BA" usage:"file with initial weights of the generator B to A (latest_net_G_B.pth)" resume:"begun"`
	InitDA     string  `json:"init_D_A" usage:"file with initial weights of the discriminator of A's images (official latest_net_D_B.pth)" resume:"begun"`
	InitDB     string  `json:"init_D_B" usage:"file with initial weights of the discriminator of B's images (official latest_net_D_A.pth)" resume:"begun"`

	GANMode        string  `json:"gan_mode" usage:"adversarial loss: lsgan, vanilla, wgangp or hinge" valid:"lsgan|vanilla|wgangp|hinge"`
	LambdaA        float64 `json:"lambda_A" usage:"weight of the cycle loss A -> B -> A" valid:">=0"`
	LambdaB        float64 `json:"lambda_B" usage:"weight of the cycle loss B -> A -> B" valid:">=0"`
	LambdaIdentity float64 `json:"lambda_identity" usage:"weight of the identity loss, relative to the cycle loss of its domain; 0 turns it off" valid:">=0"`
	LambdaD        float64 `json:"lambda_D" usage:"weight of the discriminators' losses; the official code halves them" valid:">0"`
	LambdaGP       float64 `json:"lambda_gp" usage:"with gan_mode wgangp: weight of the gradient penalty on the discriminators; 0, as in the official cycle_gan, for none" valid:">=0"`
	LambdaOther    float64 `json:"lambda_other" usage:"share of real images of the other domain in the discriminators' loss on translated images, from 0 to 1, which keeps them from forgetting how the domains differ" valid:"[0,1)"`
	PoolSize       int     `json:"pool_size" usage:"translated images of each domain kept for the discriminators" valid:">=0"`
	StepOrder      string  `json:"step_order" usage:"G_first (the official code) or D_first (the yosemite recipe; needs pool_size 0)" valid:"G_first|D_first"`

	LR           float64 `json:"lr" usage:"learning rate of Adam" valid:">0"`
	LRD          float64 `json:"lr_D" usage:"learning rate of the discriminators, if it differs from lr" valid:">=0"`
	Beta1        float64 `json:"beta1" usage:"Adam's beta1" valid:"[0,1)"`
	Beta2        float64 `json:"beta2" usage:"Adam's beta2" valid:"[0,1)"`
	WarmupD      int     `json:"warmup_D" usage:"steps of the discriminators before the first step, with real images of the other domain as the translated ones; 0 for none" valid:">=0" resume:"begun"`
	LRPolicy     string  `json:"lr_policy" usage:"schedule of the learning rate: linear, step, plateau or cosine" valid:"linear|step|plateau|cosine"`
	LRDecayIters int     `json:"lr_decay_iters" usage:"with lr_policy step: epochs between multiplications by 0.1" valid:">=1"`
	NEpochs      int     `json:"n_epochs" usage:"epochs at the initial learning rate" valid:">=0"`
	NEpochsDecay int     `json:"n_epochs_decay" usage:"epochs over which the rate then falls to 0" valid:">=0"`
	NSteps       int64   `json:"n_steps" usage:"steps at the initial learning rate; this or n_steps_decay replaces the schedule in epochs; 0 for none" valid:">=0"`
	NStepsDecay  int64   `json:"n_steps_decay" usage:"steps over which the rate then falls to 0" valid:">=0"`
	MaxSteps     int64   `json:"max_steps" usage:"steps after which to stop, wherever the schedule is, counted over resumes; 0 for no limit" valid:">=0"`
	MaxMinutes   float64 `json:"max_minutes" usage:"minutes after which the run has ended, with everything it does, counted over resumes; a longer schedule is shortened to fit; 0 for no limit" valid:">=0"`
	EMA          float64 `json:"ema" usage:"decay of the generators' moving average, which is then sampled and exported; 0 for none" valid:"[0,1)"`
	Seed         uint64  `json:"seed" usage:"seed of everything random in training; the built-in scenes are always the same" resume:"draws"`

	GPUIDs    string `json:"gpu_ids" usage:"GPU to train on, or several that share each batch, as in 0,1; -1 for the CPU; without it, the first GPU if one works"`
	Workers   string `json:"workers" usage:"machines that share each batch, as in host1:7000,host2:7000; each runs 'train -worker' with its address"`
	Threads   int    `json:"threads" usage:"threads that TensorFlow computes with; 0 for one per core" valid:">=0"`
	Precision string `json:"precision" usage:"f32, or bf16 for mixed precision" valid:"f32|bf16"`
	Conv      string `json:"conv" usage:"wide 3x3 convolutions on the CPU in f32: winograd, twice as fast, or direct, with less rounding (1e-6 of the largest value instead of 1e-5)" valid:"winograd|direct"`

	PrintFreq      int  `json:"print_freq" usage:"images between lines of the log" valid:">=1"`
	DisplayFreq    int  `json:"display_freq" usage:"images between sample grids" valid:">=1"`
	SaveLatestFreq int  `json:"save_latest_freq" usage:"images between checkpoints" valid:">=1"`
	SaveEpochFreq  int  `json:"save_epoch_freq" usage:"epochs between checkpoints that are kept permanently; 0 for none" valid:">=0"`
	SaveByIter     bool `json:"save_by_iter" usage:"keep every checkpoint of save_latest_freq permanently"`
	KeepLast       int  `json:"keep_last" usage:"other checkpoints of save_latest_freq to keep" valid:">=1"`

	EvalEvery      int    `json:"eval_every" usage:"images between evaluations of the generators on held-out images, which choose the best checkpoint; 0 for none" valid:">=0"`
	EvalCount      int    `json:"eval_count" usage:"maximum held-out images of each domain to evaluate on" valid:">=2"`
	Features       string `json:"features" usage:"feature extractor for the scores KID and FID: efficientnet_lite0 (fetched), an ONNX file such as Inception's, or none"`
	FeaturesRange  string `json:"features_range" usage:"values of black and white for the extractor, such as 0,255, if its file does not say"`
	FeaturesOutput string `json:"features_output" usage:"output of the extractor with the features, if it has several"`
	FeaturesLayout string `json:"features_layout" usage:"NCHW or NHWC, if the extractor's shapes do not say"`
	FeaturesBGR    bool   `json:"features_bgr" usage:"the extractor takes blue first"`
	BestBy         string `json:"best_by" usage:"score that chooses the best checkpoint: true_PSNR (built-in scenes), SWD, KID or FID; without it, the first available of true_PSNR, KID and SWD" valid:"|true_PSNR|SWD|KID|FID"`
	Patience       int    `json:"patience" usage:"evaluations without a better score after which to stop; 0 for no limit" valid:">=0"`
}

// Values of GANMode, StepOrder, Precision, Conv and LRPolicy.
const (
	LSGAN   = step.LSGAN
	Vanilla = step.Vanilla
	WGANGP  = step.WGANGP
	Hinge   = step.Hinge

	GFirst = "G_first"
	DFirst = "D_first"

	F32  = "f32"
	BF16 = "bf16"

	ConvWinograd = "winograd"
	ConvDirect   = "direct"

	PolicyLinear  = "linear"
	PolicyStep    = "step"
	PolicyPlateau = "plateau"
	PolicyCosine  = "cosine"
)

// Names of the four networks and of the weights that a run keeps of its generators, as in
// checkpoints.
const (
	GAB = checkpoint.GAB
	GBA = checkpoint.GBA
	DA  = checkpoint.DA
	DB  = checkpoint.DB

	WeightsLatest = checkpoint.WeightsLatest
	WeightsEMA    = checkpoint.WeightsEMA
)

// Generator returns the options of G_AB, or of G_BA if ab is false.
func (o Options) Generator(ab bool) graph.GeneratorOptions {
	in, out := o.InputNC, o.OutputNC
	if !ab {
		in, out = out, in
	}
	return graph.GeneratorOptions{
		Architecture: o.NetG, In: in, Out: out, Filters: o.NGF, Norm: graph.Norm(o.Norm),
		Upsampling: graph.Upsampling(o.Upsampling), Dropout: !o.NoDropout, Residual: o.Residual, Size: o.CropSize,
	}
}

// Discriminator returns the options of D_A, or of D_B if a is false.
func (o Options) Discriminator(a bool) graph.DiscriminatorOptions {
	in, norm := o.InputNC, o.Norm
	if !a {
		in = o.OutputNC
	}
	if o.NormD != "" {
		norm = o.NormD
	}
	return graph.DiscriminatorOptions{Architecture: o.NetD, In: in, Filters: o.NDF, Layers: o.NLayersD, Norm: graph.Norm(norm)}
}

// Dataset returns the options of the images to train on.
func (o Options) Dataset() dataset.Options {
	d := dataset.DefaultOptions()
	d.Dataroot, d.DirA, d.DirB = o.Dataroot, o.DirA, o.DirB
	d.TestDirA, d.TestDirB = o.TestDirA, o.TestDirB
	d.ScenesA, d.ScenesB = o.Scenes, o.Scenes
	d.Direction = dataset.Direction(o.Direction)
	d.Phase = o.Phase
	d.Preprocess = dataset.Preprocess(o.Preprocess)
	d.LoadSize, d.CropSize, d.NoFlip = o.LoadSize, o.CropSize, o.NoFlip
	d.MaxDatasetSize, d.SerialBatches = o.MaxDatasetSize, o.SerialBatches
	d.InputNC, d.OutputNC = o.InputNC, o.OutputNC
	d.WindowA, d.WindowB, _ = pixels.ParseWindows(o.Window) // Validate reports the error
	d.BatchSize, d.NumThreads = o.BatchSize, o.NumThreads
	d.OneSize = true // the networks are built for one size
	d.Seed = o.Seed
	d.MemoryBytes = int64(o.DataMemoryMB) << 20
	return d
}

// Weights lists the weights that the run keeps of its generators, preferred ones first.
func (o Options) Weights() []string {
	if o.EMA > 0 {
		return []string{WeightsEMA, WeightsLatest}
	}
	return []string{WeightsLatest}
}

// WorkerList returns the addresses of -workers.
func (o Options) WorkerList() []string { return list(o.Workers) }

// gpuList returns the GPUs of -gpu_ids, nil for the CPU or a free choice.
func (o Options) gpuList() []string {
	if ids := list(o.GPUIDs); !slices.Contains(ids, "-1") {
		return ids
	}
	return nil
}

func list(text string) []string {
	var all []string
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word != "" {
			all = append(all, word)
		}
	}
	return all
}
