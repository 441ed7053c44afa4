package dataset

import (
	"errors"
	"fmt"
	"strings"

	"cyclegan/train/scenes"
)

// Direction says which domain is A.
type Direction string

const (
	AtoB Direction = "AtoB"
	BtoA Direction = "BtoA" // the domains change places
)

// Preprocess says how a picture becomes a training sample.
type Preprocess string

const (
	// ResizeAndCrop resizes to LoadSize x LoadSize and crops CropSize x CropSize at random.
	ResizeAndCrop Preprocess = "resize_and_crop"
	// Crop crops the picture as it is. Pictures smaller than the crop are skipped.
	Crop Preprocess = "crop"
	// ScaleWidth makes the width LoadSize and keeps the shape, with a height of
	// at least CropSize. Both sides are rounded to a multiple of 4, without
	// which a generator's output would not have its input's size.
	ScaleWidth Preprocess = "scale_width"
	// ScaleWidthAndCrop scales the width (without rounding) and crops at random.
	ScaleWidthAndCrop Preprocess = "scale_width_and_crop"
	// None keeps the size, up to rounding to a multiple of 4.
	None Preprocess = "none"
)

// Crops reports whether samples are random crops of CropSize x CropSize.
func (p Preprocess) Crops() bool {
	return p == ResizeAndCrop || p == Crop || p == ScaleWidthAndCrop
}

// Options says what is trained on. Fields that the official train.py has carry
// its names and defaults. With neither Dataroot nor DirA, scenes are drawn.
type Options struct {
	Dataroot string `json:"dataroot"` // folder or zip file that holds both domains
	// Folders of pictures, instead of Dataroot; both or neither. The test
	// folders may be left out.
	DirA     string `json:"dir_A"`
	DirB     string `json:"dir_B"`
	TestDirA string `json:"test_dir_A"`
	TestDirB string `json:"test_dir_B"`

	// Scenes to draw, when no data is named: how many of each kind (defaults
	// 400, 400, 50) and the seed of the drawings, apart from that of training
	// so that runs can be compared on the same pictures.
	ScenesA    int    `json:"scenes_A"`
	ScenesB    int    `json:"scenes_B"`
	ScenesTest int    `json:"scenes_test"`
	SceneSeed  uint64 `json:"scene_seed"`

	Direction      Direction  `json:"direction"`        // AtoB or BtoA; default AtoB
	Phase          string     `json:"phase"`            // folders to train on begin with it; default train
	Preprocess     Preprocess `json:"preprocess"`       // default resize_and_crop
	LoadSize       int        `json:"load_size"`        // pixels; default 286
	CropSize       int        `json:"crop_size"`        // pixels; default 256
	NoFlip         bool       `json:"no_flip"`          // do not mirror every other sample; default false
	MaxDatasetSize int        `json:"max_dataset_size"` // pictures of each domain; 0, the default, is no limit
	SerialBatches  bool       `json:"serial_batches"`   // take pictures in order; default false
	InputNC        int        `json:"input_nc"`         // channels of A, 1 or 3; default 3
	OutputNC       int        `json:"output_nc"`        // channels of B, 1 or 3; default 3
	BatchSize      int        `json:"batch_size"`       // default 1
	OneSize        bool       `json:"one_size"`         // all samples of a domain must be of one size, in batches of 1 too
	NumThreads     int        `json:"num_threads"`      // loading ahead; 0 loads on the asking goroutine; default 4
	Seed           uint64     `json:"seed"`             // of order, crops and flips; default 0
	MemoryBytes    int64      `json:"memory_bytes"`     // bound on decoded pictures kept; 0 keeps none; default 1 GiB
}

// DefaultOptions draws scenes, at the official sizes.
func DefaultOptions() Options {
	return Options{
		ScenesA: 400, ScenesB: 400, ScenesTest: 50, SceneSeed: 1,
		Direction: AtoB, Phase: "train", Preprocess: ResizeAndCrop, LoadSize: 286, CropSize: 256,
		InputNC: 3, OutputNC: 3, BatchSize: 1, NumThreads: 4, MemoryBytes: 1 << 30,
	}
}

// builtIn tells whether scenes are drawn.
func (o Options) builtIn() bool { return o.Dataroot == "" && o.DirA == "" && o.DirB == "" }

// maxSide bounds sizes so that no product of them overflows or exhausts memory
// by a slip of the hand.
const maxSide = 16384

// Validate lists every problem with its value; nothing is read for it.
func (o Options) Validate() error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if o.Dataroot != "" && (o.DirA != "" || o.DirB != "") {
		bad("dataroot %q and dir_A %q, dir_B %q name data twice: give one or the other", o.Dataroot, o.DirA, o.DirB)
	}
	if (o.DirA == "") != (o.DirB == "") {
		bad("dir_A %q, dir_B %q: give both", o.DirA, o.DirB)
	}
	if o.DirA == "" && (o.TestDirA != "" || o.TestDirB != "") {
		bad("test_dir_A %q, test_dir_B %q need dir_A and dir_B: a dataroot brings its own test folders", o.TestDirA, o.TestDirB)
	}
	if o.builtIn() {
		if o.ScenesA < 1 || o.ScenesB < 1 {
			bad("scenes_A %d, scenes_B %d: at least 1 each (or name data with dataroot)", o.ScenesA, o.ScenesB)
		}
		if o.ScenesTest < 0 {
			bad("scenes_test %d is below 0", o.ScenesTest)
		}
		if o.LoadSize > scenes.MaxSide {
			bad("load_size %d: scenes are drawn up to %d", o.LoadSize, scenes.MaxSide)
		}
		if max(o.ScenesA, o.ScenesB, o.ScenesTest) > 1<<24 {
			bad("scenes_A %d, scenes_B %d, scenes_test %d: at most %d each", o.ScenesA, o.ScenesB, o.ScenesTest, 1<<24)
		}
	}
	if o.Direction != AtoB && o.Direction != BtoA {
		bad("direction %q: use AtoB or BtoA", o.Direction)
	}
	if o.Phase == "" || strings.ContainsAny(o.Phase, `/\`) || strings.HasPrefix(o.Phase, ".") {
		bad("phase %q: use train, or another beginning of the folders' names", o.Phase)
	}
	o.validateSizes(bad)
	for _, c := range []struct {
		name string
		n    int
	}{{"input_nc", o.InputNC}, {"output_nc", o.OutputNC}} {
		if c.n != 1 && c.n != 3 {
			bad("%s %d: use 1 (gray) or 3 (colour)", c.name, c.n)
		}
	}
	if o.MaxDatasetSize < 0 {
		bad("max_dataset_size %d is below 0; 0 is no limit", o.MaxDatasetSize)
	}
	if o.BatchSize < 1 || o.BatchSize > 1<<16 {
		bad("batch_size %d is outside 1 to %d", o.BatchSize, 1<<16)
	}
	if o.NumThreads < 0 || o.NumThreads > 1024 {
		bad("num_threads %d is outside 0 to 1024", o.NumThreads)
	}
	if o.MemoryBytes < 0 {
		bad("memory_bytes %d is below 0; 0 keeps no picture", o.MemoryBytes)
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("dataset options: %w", errors.Join(problems...))
}

func (o Options) validateSizes(bad func(string, ...any)) {
	switch o.Preprocess {
	case ResizeAndCrop, Crop, ScaleWidth, ScaleWidthAndCrop, None:
	default:
		bad("preprocess %q: use resize_and_crop, crop, scale_width, scale_width_and_crop or none", o.Preprocess)
	}
	for _, s := range []struct {
		name string
		n    int
	}{{"load_size", o.LoadSize}, {"crop_size", o.CropSize}} {
		if s.n < 1 || s.n > maxSide {
			bad("%s %d is outside 1 to %d", s.name, s.n, maxSide)
		}
	}
	fitsInto := o.Preprocess == ResizeAndCrop || o.Preprocess == ScaleWidthAndCrop || o.builtIn() && o.Preprocess == Crop
	if fitsInto && o.CropSize > o.LoadSize {
		bad("crop_size %d is larger than load_size %d: no such crop fits", o.CropSize, o.LoadSize)
	}
}
