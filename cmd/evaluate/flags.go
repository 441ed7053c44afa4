package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"cyclegan/cmd/internal/cli"
	"cyclegan/cmd/internal/modelcli"
	"cyclegan/infer/pixels"
	"cyclegan/third_party/native"
	"cyclegan/train/metric"
	"cyclegan/train/metric/features"
)

type config struct {
	real, fake    string
	width, height int           // of all images after -resize; 0 keeps their sizes
	window        pixels.Window // of 16-bit images; zero for the one that suits the real ones
	paired        bool
	maxImages     int // images of a folder; 0 for all
	features      string
	chosen        bool // by -features
	extractor     features.Options
	swd           metric.SWDOptions
	kid           metric.KIDOptions
	cache         string
	noCache       bool
	json          string
}

// extractorOnly are the options that apply only with a feature extractor, fileOnly those that
// describe a file's.
var (
	extractorOnly = []string{"batch", "provider", "device", "threads", "kid_subsets", "kid_subset_size"}
	fileOnly      = []string{"features_range", "features_layout", "features_bgr", "features_output"}
)

func flags(c *config) *cli.Flags {
	f := cli.NewFlags("evaluate", fmt.Sprintf(`Score a folder of images against a reference folder.

Usage:
  %s -real DIR -fake DIR [options]

Scores:
  SWD   sliced Wasserstein distance over Laplacian pyramids, times 1,000: mean and by level
  KID   kernel inception distance and its standard deviation over subsets 
  FID   Fréchet inception distance; below 10,000 images it depends on their number
  PSNR  in dB, SSIM, and L1 on values from -1 to 1: of image pairs (needs -paired)

Lower SWD, KID, FID and L1 are better. KID and FID compare features of EfficientNet-Lite0, trained on
ImageNet. Published values are by Inception, which train/metric/features/recipes/inception.py makes.
Statistics of the reference folder are cached by the content of its files. ONNX Runtime and the weights
are downloaded when they are first needed.

Exit status: 0 done, 1 failed, 2 wrong usage, 3 some images failed, 130 interrupted.`, cli.Program("evaluate")))

	f.Group("Images")
	f.StringVar(&c.real, "real", "", "score against the images in `DIR` and its subfolders (required)")
	f.StringVar(&c.fake, "fake", "", "score the images in `DIR` and its subfolders (required)")
	f.Func("resize", "resize all images to `WxH` pixels first, such as 128x128, with bicubic interpolation (default: keep their sizes; SWD needs equal sizes)", func(s string) error {
		var err error
		c.width, c.height, err = modelcli.ParseSize(s)
		return err
	})
	f.Func("window", "values `LO,HI` that 16-bit images use, such as 0,4095 for 12 bits; they are black and white for the scores, which have 8 bits (default: auto, those of the real images if they are less than half of all values)", func(s string) error {
		if s == "auto" {
			s = ""
		}
		return c.window.UnmarshalText([]byte(s))
	})
	f.IntVar(&c.maxImages, "max", 0, "score at most `N` images of each folder, chosen by -seed and file name (default: all)")
	f.Uint64Var(&c.swd.Seed, "seed", 0, "seed `N` of the random choices: images (-max), SWD neighborhoods and directions, KID subsets (default 0)")
	f.Group("Scores")
	f.BoolVar(&c.paired, "paired", false, "also compare images of the same name: PSNR, SSIM, L1")
	f.IntVar(&c.swd.MaxImages, "swd_images", 0, "use at most `N` random images of a folder for SWD (default: 2048)")
	f.IntVar(&c.kid.Subsets, "kid_subsets", 0, "average KID over `N` subsets (default: 100)")
	f.IntVar(&c.kid.SubsetSize, "kid_subset_size", 0, "use `N` images in each KID subset (default: 1000, or all if there are fewer)")
	f.StringVar(&c.json, "json", "", "write the scores as JSON to `FILE`, or to standard output instead of the table if FILE is -")
	f.Group("Feature extractor for KID and FID")
	f.StringVar(&c.features, "features", features.EfficientNet, "use the feature extractor in the ONNX `FILE`, "+features.EfficientNet+", or none")
	f.Func("features_range", "values `LO,HI` of black and white, such as 0,255, if the extractor does not record them", func(s string) error {
		return c.extractor.Range.UnmarshalText([]byte(s))
	})
	f.StringVar(&c.extractor.Layout, "features_layout", "", "use the tensor layout `NAME`, NCHW or NHWC (default: from the model's shapes)")
	f.BoolVar(&c.extractor.BGR, "features_bgr", false, "pass channels in the order blue, green, red")
	f.StringVar(&c.extractor.Output, "features_output", "", "use the output `NAME`, if there are several")
	f.IntVar(&c.extractor.Batch, "batch", 0, "process `N` images at once (default: 16, or the extractor's fixed batch)")
	f.StringVar(&c.extractor.Provider, "provider", "cpu", "run on the provider `NAME`: cpu or cuda")
	f.IntVar(&c.extractor.DeviceID, "device", 0, "use GPU number `N` with -provider cuda (default 0)")
	f.IntVar(&c.extractor.Threads, "threads", 0, "use `N` threads (default: one per processor)")
	f.Group("Cache of reference statistics")
	f.StringVar(&c.cache, "cache", "", "cache folder `DIR` (default: metric, in the cache of the native libraries)")
	f.BoolVar(&c.noCache, "no_cache", false, "neither read nor write the cache")
	return f
}

// parse parses a command line. Its error lists every mistake.
func (c *config) parse(f *cli.Flags, args []string) error {
	if err := f.Parse(args); err != nil {
		return err
	}
	var bad []error
	if f.NArg() > 0 {
		bad = append(bad, fmt.Errorf("unexpected argument %q: use -real and -fake to name folders", f.Arg(0)))
	}
	if c.real == "" {
		bad = append(bad, errors.New("-real DIR is missing"))
	}
	if c.fake == "" {
		bad = append(bad, errors.New("-fake DIR is missing"))
	}
	if c.noCache && c.cache != "" {
		bad = append(bad, errors.New("-cache and -no_cache exclude each other"))
	}
	for _, name := range []string{"max", "swd_images", "kid_subsets", "kid_subset_size"} {
		if n := f.Lookup(name).Value.String(); strings.HasPrefix(n, "-") {
			bad = append(bad, fmt.Errorf("-%s %s is negative", name, n))
		}
	}
	if c.kid.SubsetSize == 1 {
		bad = append(bad, errors.New("-kid_subset_size 1: a subset needs at least 2 images"))
	}
	bad = append(bad, c.extractor.Validate())
	explicit := f.Explicit()
	for _, name := range extractorOnly {
		if c.features == features.None && explicit[name] {
			bad = append(bad, fmt.Errorf("-%s does not apply with -features %s", name, features.None))
		}
	}
	for _, name := range fileOnly {
		if (c.features == features.None || c.features == features.EfficientNet) && explicit[name] {
			bad = append(bad, fmt.Errorf("-%s applies only with -features FILE", name))
		}
	}
	c.chosen = explicit["features"]
	c.kid.Seed = c.swd.Seed
	if err := errors.Join(bad...); err != nil {
		return cli.Usage(err)
	}
	return nil
}

// cacheFolder returns the folder of cached statistics, "" for none.
func (c *config) cacheFolder() (string, error) {
	if c.noCache || c.cache != "" {
		return c.cache, nil
	}
	dir, err := native.CacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "metric"), nil
}
