package train

import (
	"slices"
	"strings"

	"cyclegan/graph"
	"cyclegan/train/checkpoint"
	"cyclegan/train/dataset"
	"cyclegan/train/step"
)

// Options are the settings of a run. A field's JSON name is also its name on
// the command line; where the official train.py has an option of that name, it
// has the same meaning. Lengths are in pixels, frequencies in pictures seen
// (of each domain) unless a field says otherwise.
//
// A field with a resume tag can't change when a run is continued, for the
// reason that fixedReasons gives.
type Options struct {
	Preset string `json:"preset" usage:"the recipe that gives every other option its default: demo, paper or yosemite" resume:"recipe"`

	// Where the run lives.
	Name           string `json:"name" usage:"name of the run; its files are in checkpoints_dir/name"`
	CheckpointsDir string `json:"checkpoints_dir" usage:"folder of all runs"`

	// Pictures.
	Dataroot       string `json:"dataroot" usage:"folder or zip file with trainA, trainB, testA, testB; built-in scenes when not given"`
	DirA           string `json:"dir_A" usage:"folder of domain A's pictures, in place of dataroot"`
	DirB           string `json:"dir_B" usage:"folder of domain B's pictures, in place of dataroot"`
	TestDirA       string `json:"test_dir_A" usage:"with dir_A: folder of pictures of domain A that are not trained on, to judge by"`
	TestDirB       string `json:"test_dir_B" usage:"with dir_B: the same of domain B"`
	Direction      string `json:"direction" usage:"AtoB, or BtoA to swap the domains" resume:"domains"`
	InputNC        int    `json:"input_nc" usage:"channels of domain A's pictures: 3 colour, 1 gray" resume:"networks"`
	OutputNC       int    `json:"output_nc" usage:"channels of domain B's pictures: 3 colour, 1 gray" resume:"networks"`
	Preprocess     string `json:"preprocess" usage:"resize_and_crop, crop, scale_width, scale_width_and_crop or none"`
	LoadSize       int    `json:"load_size" usage:"size in pixels that pictures are resized to"`
	CropSize       int    `json:"crop_size" usage:"size in pixels that is cut out of them" resume:"networks"`
	NoFlip         bool   `json:"no_flip" usage:"never mirror pictures"`
	SerialBatches  bool   `json:"serial_batches" usage:"take pictures in order, and pair them in order"`
	Phase          string `json:"phase" usage:"pictures are in the dataroot's folders that begin with it: trainA and trainB"`
	MaxDatasetSize int    `json:"max_dataset_size" usage:"most pictures of a domain to use; 0 for all"`
	BatchSize      int    `json:"batch_size" usage:"pictures of each domain in a step" resume:"order"`
	NumThreads     int    `json:"num_threads" usage:"threads that load pictures"`
	Scenes         int    `json:"scenes" usage:"how many built-in scenes of each season to draw"`
	DataMemoryMB   int    `json:"data_memory" usage:"megabytes of decoded pictures to keep in memory"`

	// Networks.
	NetG       string  `json:"netG" usage:"generator: resnet_9blocks, resnet_6blocks, unet_256, unet_128 or yosemite" resume:"networks"`
	NetD       string  `json:"netD" usage:"discriminator: basic, n_layers, pixel, yosemite or yosemite_public" resume:"networks"`
	NLayersD   int     `json:"n_layers_D" usage:"strided layers of the discriminator, with netD n_layers" resume:"networks"`
	NGF        int     `json:"ngf" usage:"filters in the generator's last hidden layer" resume:"networks"`
	NDF        int     `json:"ndf" usage:"filters in the discriminator's first layer" resume:"networks"`
	Norm       string  `json:"norm" usage:"normalisation: instance, batch or none" resume:"networks"`
	NormD      string  `json:"norm_D" usage:"normalisation of the discriminators where it is to differ from norm" resume:"networks"`
	Upsampling string  `json:"upsampling" usage:"how the generator enlarges: transpose (transposed convolution) or resize (bilinear, then convolution)" resume:"networks"`
	Residual   bool    `json:"residual" usage:"add the generator's output to its input" resume:"networks"`
	NoDropout  bool    `json:"no_dropout" usage:"leave dropout out of the generator; true for CycleGAN, -no_dropout=false turns it on" resume:"networks"`
	InitType   string  `json:"init_type" usage:"initial weights: normal, xavier, kaiming or orthogonal" resume:"begun"`
	InitGain   float64 `json:"init_gain" usage:"scale of the initial weights" resume:"begun"`
	InitGAB    string  `json:"init_G_AB" usage:"file to start the generator A to B from: an official .pth (latest_net_G_A.pth) or safetensors" resume:"begun"`
	InitGBA    string  `json:"init_G_BA" usage:"file to start the generator B to A from (latest_net_G_B.pth)" resume:"begun"`
	InitDA     string  `json:"init_D_A" usage:"file to start the judge of A's pictures from (the official latest_net_D_B.pth)" resume:"begun"`
	InitDB     string  `json:"init_D_B" usage:"file to start the judge of B's pictures from (the official latest_net_D_A.pth)" resume:"begun"`

	// Losses.
	GANMode        string  `json:"gan_mode" usage:"adversarial loss: lsgan, vanilla or wgangp"`
	LambdaA        float64 `json:"lambda_A" usage:"weight of the cycle loss A -> B -> A"`
	LambdaB        float64 `json:"lambda_B" usage:"weight of the cycle loss B -> A -> B"`
	LambdaIdentity float64 `json:"lambda_identity" usage:"weight of the identity loss, relative to the cycle loss of its domain; 0 turns it off"`
	LambdaD        float64 `json:"lambda_D" usage:"weight of the discriminators' losses; the official code halves them"`
	LambdaGP       float64 `json:"lambda_gp" usage:"with gan_mode wgangp, weight of the gradient penalty on the discriminators; 0, as in the official cycle_gan, for none"`
	PoolSize       int     `json:"pool_size" usage:"translated pictures of each domain kept for the discriminators"`
	StepOrder      string  `json:"step_order" usage:"G_first (the official code) or D_first (the yosemite recipe; needs pool_size 0)"`

	// Optimization.
	LR           float64 `json:"lr" usage:"learning rate of Adam"`
	LRD          float64 `json:"lr_D" usage:"learning rate of the discriminators where it is to differ from lr"`
	Beta1        float64 `json:"beta1" usage:"Adam's beta1"`
	LRPolicy     string  `json:"lr_policy" usage:"schedule of the learning rate: linear, step, plateau or cosine"`
	LRDecayIters int     `json:"lr_decay_iters" usage:"with lr_policy step, epochs between multiplications by 0.1"`
	NEpochs      int     `json:"n_epochs" usage:"epochs at the initial learning rate"`
	NEpochsDecay int     `json:"n_epochs_decay" usage:"epochs over which it then falls to 0"`
	MaxSteps     int64   `json:"max_steps" usage:"stop after this many steps, counted over resumes; 0 for no limit"`
	EMA          float64 `json:"ema" usage:"decay of the moving average of the generators that is sampled and exported; 0 for none"`
	Seed         uint64  `json:"seed" usage:"everything random in training follows from it; the built-in scenes are always the same" resume:"draws"`

	// Machine.
	GPUIDs    string `json:"gpu_ids" usage:"GPU to train on, or several, as in 0,1, that share each batch; -1 for the CPU; the first GPU if one works when not given"`
	Workers   string `json:"workers" usage:"train on these machines, as in host1:7000,host2:7000, which share each batch; on each runs 'train -worker' with its address"`
	Threads   int    `json:"threads" usage:"threads TensorFlow computes with; 0 for one a core"`
	Precision string `json:"precision" usage:"f32, or bf16 for mixed precision"`
	Conv      string `json:"conv" usage:"how wide 3x3 convolutions are computed on the CPU in f32: winograd, twice as fast; or direct, which rounds less (1e-6 of the largest value, not 1e-5)"`

	// What is written, and when.
	PrintFreq      int  `json:"print_freq" usage:"pictures between lines of the log"`
	DisplayFreq    int  `json:"display_freq" usage:"pictures between sample grids"`
	SaveLatestFreq int  `json:"save_latest_freq" usage:"pictures between checkpoints"`
	SaveEpochFreq  int  `json:"save_epoch_freq" usage:"epochs between checkpoints that are kept for good; 0 for none"`
	SaveByIter     bool `json:"save_by_iter" usage:"keep every checkpoint of save_latest_freq for good"`
	KeepLast       int  `json:"keep_last" usage:"how many of save_latest_freq's checkpoints to keep beside those"`

	// How the generators are judged on held-out pictures.
	EvalEvery      int    `json:"eval_every" usage:"pictures between judgings of the generators on held-out pictures, which tell the best checkpoint; 0 for none"`
	EvalCount      int    `json:"eval_count" usage:"most held-out pictures of each domain to judge by"`
	Features       string `json:"features" usage:"ONNX feature extractor, such as Inception, to judge by KID and FID as well"`
	FeaturesRange  string `json:"features_range" usage:"values of black and white that the extractor takes, such as 0,255, where it doesn't say so itself"`
	FeaturesOutput string `json:"features_output" usage:"the extractor's output that holds the features, where it has several"`
	FeaturesLayout string `json:"features_layout" usage:"NCHW or NHWC, where the extractor's shapes don't say"`
	FeaturesBGR    bool   `json:"features_bgr" usage:"the extractor takes blue first"`
	BestBy         string `json:"best_by" usage:"score that tells the best checkpoint: true_PSNR (built-in scenes), SWD, KID or FID; when not given, the first of true_PSNR, KID and SWD that there is"`
}

// Values of GANMode, StepOrder, Precision, Conv, LRPolicy and BestBy.
const (
	LSGAN   = step.LSGAN
	Vanilla = step.Vanilla
	WGANGP  = step.WGANGP

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

	BestByTrue = "true_PSNR"
	BestBySWD  = "SWD"
	BestByKID  = "KID"
	BestByFID  = "FID"
)

// Names of the four networks, and of the weights that a run keeps of its
// generators, as in its checkpoints.
const (
	GAB = checkpoint.GAB
	GBA = checkpoint.GBA
	DA  = checkpoint.DA
	DB  = checkpoint.DB

	WeightsLatest = checkpoint.WeightsLatest
	WeightsEMA    = checkpoint.WeightsEMA
)

// Generator describes G_AB, or G_BA when ab is false.
func (o Options) Generator(ab bool) graph.GeneratorOptions {
	in, out := o.InputNC, o.OutputNC
	if !ab {
		in, out = out, in
	}
	return graph.GeneratorOptions{
		Architecture: o.NetG, In: in, Out: out, Filters: o.NGF, Norm: graph.Norm(o.Norm),
		Upsampling: graph.Upsampling(o.Upsampling), Dropout: !o.NoDropout, Residual: o.Residual,
	}
}

// Discriminator describes D_A, or D_B when a is false.
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

// Dataset describes the pictures to train on.
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
	d.BatchSize, d.NumThreads = o.BatchSize, o.NumThreads
	d.OneSize = true // the networks are built for one size
	d.Seed = o.Seed
	d.MemoryBytes = int64(o.DataMemoryMB) << 20
	return d
}

// Weights lists the weights that the run keeps of its generators, preferred ones
// first.
func (o Options) Weights() []string {
	if o.EMA > 0 {
		return []string{WeightsEMA, WeightsLatest}
	}
	return []string{WeightsLatest}
}

// WorkerList gives the addresses of -workers, nil without it.
func (o Options) WorkerList() []string { return list(o.Workers) }

// gpuList gives the GPUs of -gpu_ids, nil for none or the choice.
func (o Options) gpuList() []string {
	if ids := list(o.GPUIDs); !slices.Contains(ids, "-1") {
		return ids
	}
	return nil
}

// list takes a list with commas apart.
func list(text string) []string {
	var all []string
	for _, word := range strings.Split(text, ",") {
		if word = strings.TrimSpace(word); word != "" {
			all = append(all, word)
		}
	}
	return all
}

// scenes says that the run learns the built-in scenes.
func (o Options) scenes() bool { return o.Dataroot == "" && o.DirA == "" && o.DirB == "" }
