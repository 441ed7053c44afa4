package dataset

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"cyclegan/infer/pixels"
	"cyclegan/train/scenes"
)

// Direction says which domain is A.
type Direction string

const (
	AtoB Direction = "AtoB"
	BtoA Direction = "BtoA" // swaps the domains
)

// Preprocess says how an image becomes a training sample.
type Preprocess string

const (
	// ResizeAndCrop resizes to LoadSize x LoadSize and crops CropSize x CropSize at random.
	ResizeAndCrop Preprocess = "resize_and_crop"
	// Crop crops without resizing. Images smaller than the crop are skipped.
	Crop Preprocess = "crop"
	// ScaleWidth scales to the width LoadSize and keeps the shape, with a height of at least
	// CropSize. It rounds both sides to a multiple of 4: otherwise a generator's output and input
	// would differ in size.
	ScaleWidth Preprocess = "scale_width"
	// ScaleWidthAndCrop is ScaleWidth without rounding, and crops at random.
	ScaleWidthAndCrop Preprocess = "scale_width_and_crop"
	// None keeps the size, up to rounding to a multiple of 4.
	None Preprocess = "none"
)

// Crops reports whether samples are random crops of CropSize x CropSize.
func (p Preprocess) Crops() bool {
	return p == ResizeAndCrop || p == Crop || p == ScaleWidthAndCrop
}

// Options selects the images and says how to load them. Fields that the official train.py also has
// keep its names and defaults. Without Dataroot and DirA, the data set consists of built-in scenes.
type Options struct {
	Dataroot string `json:"dataroot"` // folder or zip file with both domains
	// Folders of the domains, instead of Dataroot. Set both or neither. The test folders are
	// optional.
	DirA     string `json:"dir_A"`
	DirB     string `json:"dir_B"`
	TestDirA string `json:"test_dir_A"`
	TestDirB string `json:"test_dir_B"`

	// Number of built-in scenes for training on A and B and for testing each (defaults 400, 400,
	// 50), and their seed. It is not Seed, so that runs can differ in Seed and use the same images.
	ScenesA    int    `json:"scenes_A"`
	ScenesB    int    `json:"scenes_B"`
	ScenesTest int    `json:"scenes_test"`
	SceneSeed  uint64 `json:"scene_seed"`

	Direction      Direction  `json:"direction"`        // AtoB or BtoA; default AtoB
	Phase          string     `json:"phase"`            // prefix of the training folders; default train
	Preprocess     Preprocess `json:"preprocess"`       // default resize_and_crop
	LoadSize       int        `json:"load_size"`        // pixels; default 286
	CropSize       int        `json:"crop_size"`        // pixels; default 256
	NoFlip         bool       `json:"no_flip"`          // do not mirror half of the samples; default false
	MaxDatasetSize int        `json:"max_dataset_size"` // images per domain; 0, the default, is no limit
	SerialBatches  bool       `json:"serial_batches"`   // use images in order; default false
	InputNC        int        `json:"input_nc"`         // channels of A, 1 or 3; default 3
	OutputNC       int        `json:"output_nc"`        // channels of B, 1 or 3; default 3
	// Values that the domain's 16-bit images use: Lo becomes -1 and Hi becomes 1. The zero value,
	// the default, takes those that the training images use if these are less than half of all
	// values.
	WindowA     pixels.Window `json:"window_A"`
	WindowB     pixels.Window `json:"window_B"`
	BatchSize   int           `json:"batch_size"`   // default 1
	OneSize     bool          `json:"one_size"`     // require one sample size per domain, even for BatchSize 1
	NumThreads  int           `json:"num_threads"`  // that load ahead; 0 loads in Next; default 4
	Seed        uint64        `json:"seed"`         // for order, crops and flips; default 0
	MemoryBytes int64         `json:"memory_bytes"` // limit of decoded images in memory; 0 keeps none; default 1 GiB
}

// DefaultOptions returns options for the built-in scenes at the official sizes.
func DefaultOptions() Options {
	return Options{
		ScenesA: 400, ScenesB: 400, ScenesTest: 50, SceneSeed: 1,
		Direction: AtoB, Phase: "train", Preprocess: ResizeAndCrop, LoadSize: 286, CropSize: 256,
		InputNC: 3, OutputNC: 3, BatchSize: 1, NumThreads: 4, MemoryBytes: 1 << 30,
	}
}

// builtIn reports whether the data set consists of built-in scenes.
func (o Options) builtIn() bool { return o.Dataroot == "" && o.DirA == "" && o.DirB == "" }

// maxSide limits sizes, so that a typing error cannot overflow a product of sizes or exhaust the
// memory.
const maxSide = 16384

// Validate reports all invalid options, with their values. It does not read files.
func (o Options) Validate() error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if o.Dataroot != "" && (o.DirA != "" || o.DirB != "") {
		bad("dataroot %q together with dir_A %q, dir_B %q: use one or the other", o.Dataroot, o.DirA, o.DirB)
	}
	if (o.DirA == "") != (o.DirB == "") {
		bad("dir_A %q, dir_B %q: set both", o.DirA, o.DirB)
	}
	if o.DirA == "" && (o.TestDirA != "" || o.TestDirB != "") {
		bad("test_dir_A %q, test_dir_B %q require dir_A and dir_B; a dataroot has its own test folders", o.TestDirA, o.TestDirB)
	}
	if o.Direction != AtoB && o.Direction != BtoA {
		bad("direction %q: use AtoB or BtoA", o.Direction)
	}
	if o.Phase == "" || strings.ContainsAny(o.Phase, `/\`) || strings.HasPrefix(o.Phase, ".") {
		bad("phase %q: use train, or another prefix of the folder names", o.Phase)
	}
	switch o.Preprocess {
	case ResizeAndCrop, Crop, ScaleWidth, ScaleWidthAndCrop, None:
	default:
		bad("preprocess %q: use resize_and_crop, crop, scale_width, scale_width_and_crop or none", o.Preprocess)
	}
	fewest, largestLoad := 0, maxSide
	if o.builtIn() {
		fewest, largestLoad = 1, scenes.MaxSide
	}
	for _, c := range []struct {
		name      string
		n, lo, hi int
	}{
		{"scenes_A", o.ScenesA, fewest, 1 << 24},
		{"scenes_B", o.ScenesB, fewest, 1 << 24},
		{"scenes_test", o.ScenesTest, 0, 1 << 24},
		{"load_size", o.LoadSize, 1, largestLoad},
		{"crop_size", o.CropSize, 1, maxSide},
		{"max_dataset_size", o.MaxDatasetSize, 0, 1 << 30},
		{"batch_size", o.BatchSize, 1, 1 << 16},
		{"num_threads", o.NumThreads, 0, 1024},
		{"memory_bytes", int(o.MemoryBytes), 0, math.MaxInt},
	} {
		if c.n < c.lo || c.n > c.hi {
			bad("%s %d is outside %d to %d", c.name, c.n, c.lo, c.hi)
		}
	}
	for i, w := range []pixels.Window{o.WindowA, o.WindowB} {
		if w != (pixels.Window{}) && w.Lo >= w.Hi {
			bad("window_%c %d,%d: the second number must be larger", 'A'+i, w.Lo, w.Hi)
		}
	}
	fitsInto := o.Preprocess == ResizeAndCrop || o.Preprocess == ScaleWidthAndCrop || o.builtIn() && o.Preprocess == Crop
	if fitsInto && o.CropSize > o.LoadSize {
		bad("crop_size %d is larger than load_size %d", o.CropSize, o.LoadSize)
	}
	for _, c := range []struct {
		name string
		n    int
	}{{"input_nc", o.InputNC}, {"output_nc", o.OutputNC}} {
		if c.n != 1 && c.n != 3 {
			bad("%s %d: use 1 (gray) or 3 (color)", c.name, c.n)
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("invalid dataset options: %w", errors.Join(problems...))
}
