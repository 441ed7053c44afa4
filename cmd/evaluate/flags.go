package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"cyclegan/cmd/internal/cli"
	"cyclegan/third_party/native"
	"cyclegan/train/metric"
	"cyclegan/train/metric/features"
)

// config is what a command line asks for.
type config struct {
	real, fake    string
	width, height int // 0: pictures keep their sizes
	paired        bool
	most          int // pictures of a folder; 0: all
	features      string
	extractor     features.Options
	swd           metric.SWDOptions
	kid           metric.KIDOptions
	cache         string
	noCache       bool
	json          string
}

// errHelp says that the options are to be listed.
var errHelp = flag.ErrHelp

// flags gives the command's options, which fill c.
func flags(c *config) *flag.FlagSet {
	f := flag.NewFlagSet("evaluate", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	f.StringVar(&c.real, "real", "", "the `folder` of reference pictures, searched with its subfolders (needed)")
	f.StringVar(&c.fake, "fake", "", "the `folder` of pictures to judge (needed)")
	f.Func("resize", "bring all pictures to `WxH` first, such as 128x128, by bicubic interpolation (default: they keep their sizes, which SWD needs to be one)", func(s string) error {
		var err error
		c.width, c.height, err = parseSize(s)
		return err
	})
	f.BoolVar(&c.paired, "paired", false, "compare pictures of one name pixel by pixel too: PSNR, SSIM, L1")
	f.IntVar(&c.most, "max", 0, "judge `N` pictures of each folder, which the seed and their names choose (default: all)")
	f.StringVar(&c.features, "features", "", "a feature extractor, an ONNX `file`, for KID and FID")
	f.Func("features_range", "values of black and white in an extractor that does not say it, such as `0,255` or -1,1", func(s string) error {
		var err error
		c.extractor.Range, err = cli.Range(s)
		return err
	})
	f.StringVar(&c.extractor.Layout, "features_layout", "", "the extractor's `NCHW` or NHWC (default: as its shapes tell)")
	f.BoolVar(&c.extractor.BGR, "features_bgr", false, "the extractor takes blue first")
	f.StringVar(&c.extractor.Output, "features_output", "", "the extractor's output `name`, where it has several")
	f.IntVar(&c.extractor.Batch, "batch", 0, "`pictures` in the extractor at once (default: 16, or what it fixes)")
	f.StringVar(&c.extractor.Provider, "provider", "cpu", "what runs the extractor: `cpu` or cuda")
	f.IntVar(&c.extractor.DeviceID, "device", 0, "the GPU's `number`, with -provider cuda")
	f.IntVar(&c.extractor.Threads, "threads", 0, "threads that run the extractor (default: all processors)")
	f.Uint64Var(&c.swd.Seed, "seed", 0, "`seed` of the choice by -max, of the neighbourhoods and directions of SWD and of the subsets of KID")
	f.IntVar(&c.swd.MaxPictures, "swd_pictures", 0, "at most so many `pictures` of a folder enter SWD, of more a random part (default: 2048)")
	f.IntVar(&c.kid.Subsets, "kid_subsets", 0, "`subsets` that KID is a mean of (default: 100)")
	f.IntVar(&c.kid.SubsetSize, "kid_subset_size", 0, "`pictures` of a subset (default: 1000, or as many as there are)")
	f.StringVar(&c.cache, "cache", "", "`folder` of cached reference statistics (default: metric in the cache of the native libraries)")
	f.BoolVar(&c.noCache, "no_cache", false, "neither use nor write cached reference statistics")
	f.StringVar(&c.json, "json", "", "write the scores as JSON to `file`, or to standard output with -, in place of the table")
	return f
}

// parse reads a command line and lists everything that is wrong with it.
func parse(args []string) (*config, error) {
	c := &config{}
	f := flags(c)
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	var bad []error
	if f.NArg() > 0 {
		bad = append(bad, fmt.Errorf("%q is no option: folders are named by -real and -fake", f.Arg(0)))
	}
	if c.real == "" {
		bad = append(bad, errors.New("-real FOLDER is missing"))
	}
	if c.fake == "" {
		bad = append(bad, errors.New("-fake FOLDER is missing"))
	}
	if c.noCache && c.cache != "" {
		bad = append(bad, errors.New("-cache and -no_cache exclude each other"))
	}
	for name, n := range map[string]int{"max": c.most, "swd_pictures": c.swd.MaxPictures, "kid_subsets": c.kid.Subsets, "kid_subset_size": c.kid.SubsetSize} {
		if n < 0 {
			bad = append(bad, fmt.Errorf("-%s %d is negative", name, n))
		}
	}
	if c.kid.SubsetSize == 1 {
		bad = append(bad, errors.New("-kid_subset_size 1: a subset has 2 pictures or more"))
	}
	if err := c.extractor.Validate(); err != nil {
		bad = append(bad, err)
	}
	bad = append(bad, c.alone(f)...)
	if err := errors.Join(bad...); err != nil {
		return nil, err
	}
	c.kid.Seed = c.swd.Seed
	return c, nil
}

// alone lists the options that have no use without an extractor.
func (c *config) alone(f *flag.FlagSet) (bad []error) {
	if c.features != "" {
		return nil
	}
	f.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "features_range", "features_layout", "features_bgr", "features_output", "batch", "provider", "device", "threads", "kid_subsets", "kid_subset_size":
			bad = append(bad, fmt.Errorf("-%s goes with -features FILE", f.Name))
		}
	})
	return bad
}

// cacheFolder is where reference statistics are kept; empty: nowhere.
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

func parseSize(s string) (w, h int, err error) {
	left, right, _ := strings.Cut(s, "x")
	w, err1 := strconv.Atoi(left)
	h, err2 := strconv.Atoi(right)
	if err := errors.Join(err1, err2); err != nil || min(w, h) < 1 || max(w, h) > largestSide {
		return 0, 0, fmt.Errorf("it is two sides of 1 to %d pixels, such as 128x128", largestSide)
	}
	return w, h, nil
}

const largestSide = 1 << 14

// usage lists the options.
func usage(w io.Writer) {
	fmt.Fprint(w, `Judges a folder of pictures by another one.

usage: go run ./cmd/evaluate -real FOLDER -fake FOLDER [options]

  SWD   sliced Wasserstein distance over Laplacian pyramids, times 1,000, mean and by level: always
  KID   kernel inception distance, with its deviation over subsets: with -features
  FID   Fréchet inception distance, which below 10,000 pictures depends on their number: with -features
  PSNR  in dB, SSIM, and L1 with black at -1 and white at 1: of pairs, with -paired

SWD, KID, FID and L1 are better when lower. train/metric/features/recipes/inception.py makes the standard extractor.
What the real folder gives is cached by its files' names, sizes and times. ONNX Runtime is fetched on first need.
Exit status: 0 all done, 1 failed, 2 wrong usage, 3 some pictures could not be judged, 130 interrupted.

options:
`)
	f := flags(&config{})
	f.SetOutput(w)
	f.PrintDefaults()
}
