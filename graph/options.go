package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Norm names a kind of normalization.
type Norm string

// The kinds of normalization.
const (
	NormInstance Norm = "instance"
	NormBatch    Norm = "batch"
	NormNone     Norm = "none"
	// NormAffine is instance normalization with a learned scale and shift for each channel.
	NormAffine Norm = "instance_affine"
)

// Upsampling names the method by which a generator's decoder enlarges its maps.
type Upsampling string

const (
	// UpTranspose is the transposed convolution of the paper.
	UpTranspose Upsampling = "transpose"
	// UpResize is bilinear enlargement followed by a convolution, which avoids checkerboard
	// patterns (Odena et al. 2016, https://distill.pub/2016/deconv-checkerboard).
	UpResize Upsampling = "resize"
	// UpNearest repeats every pixel before a zero-padded convolution, as the generators of
	// PyTorch-GAN do.
	UpNearest Upsampling = "nearest"
)

// Architectures for GeneratorOptions.Architecture.
const (
	ResNet9  = "resnet_9blocks"
	ResNet6  = "resnet_6blocks"
	UNet256  = "unet_256"
	UNet128  = "unet_128"
	Yosemite = "yosemite" // also a discriminator
	Pyramid  = "pyramid"
	// Course is the generator of the CycleGAN exercise of DeepLearning.AI's course on GANs, a
	// ResNet of 9 blocks without a norm after its first convolution.
	Course = "deeplearning_ai"
)

// Architectures for DiscriminatorOptions.Architecture.
const (
	PatchGAN       = "basic"
	NLayers        = "n_layers"
	Pixel          = "pixel"
	YosemitePublic = "yosemite_public"
	// Projected scores frozen features (Sauer et al. 2021, https://arxiv.org/abs/2111.01007).
	Projected = "projected"
)

// Generators and Discriminators list the architecture names.
var (
	Generators     = []string{ResNet9, ResNet6, UNet256, UNet128, Yosemite, Pyramid}
	Discriminators = []string{PatchGAN, NLayers, Pixel, Yosemite, YosemitePublic, Projected}
)

// mostBlocks bounds the residual blocks of a ResNet.
const mostBlocks = 64

// ResNet returns the name of the ResNet generator with the given number of residual blocks.
func ResNet(blocks int) string { return fmt.Sprintf("resnet_%dblocks", blocks) }

// Blocks returns the number of residual blocks of the ResNet with this name, or 0 for other names.
func Blocks(architecture string) int {
	var n int
	if _, err := fmt.Sscanf(architecture, "resnet_%dblocks", &n); err != nil || n < 1 || n > mostBlocks || ResNet(n) != architecture {
		return 0
	}
	return n
}

// GeneratorOptions selects the generator to build.
type GeneratorOptions struct {
	Architecture string // one of Generators, another number of blocks in the name of a ResNet, or Course
	In, Out      int    // channels of the images, 1 or 3
	Filters      int    // channels of the first and the last hidden layer (ngf); of the widest one for Pyramid
	// Size is the side in pixels of the training images, which Pyramid is built for: 32 times a
	// power of 2. The others ignore it.
	Size       int
	Norm       Norm
	Upsampling Upsampling
	// Dropout adds dropout of 0.5 where the official code has it without -no_dropout.
	Dropout bool
	// Residual adds the generator's output to its input and clamps the sum to [-1, 1], so that an
	// untrained generator is close to the identity. Pyramid always does both.
	Residual bool
	// Antialias makes a ResNet blur its maps before it halves them, and enlarge them bilinearly, as
	// the generators of CUT do (Zhang 2019, https://arxiv.org/abs/1904.11486). Upsampling has no
	// effect then.
	Antialias bool
}

// Validate reports every invalid option.
func (o GeneratorOptions) Validate() error {
	errs := []error{
		o.validateArchitecture(),
		oneOf("norm", o.Norm, []Norm{NormInstance, NormBatch, NormNone, NormAffine}),
		oneOf("upsampling", o.Upsampling, []Upsampling{UpTranspose, UpResize, UpNearest}),
	}
	if o.Antialias && Blocks(o.Architecture) == 0 {
		errs = append(errs, fmt.Errorf("generator: the architecture %s has no blurred form", o.Architecture))
	}
	for _, c := range []int{o.In, o.Out} {
		if c != 1 && c != 3 {
			errs = append(errs, fmt.Errorf("generator: images have 1 channel (gray) or 3 (color), not %d", c))
		}
	}
	if o.Filters < 1 {
		errs = append(errs, fmt.Errorf("generator: %d filters", o.Filters))
	}
	if o.Residual && o.In != o.Out && o.Architecture != Pyramid {
		errs = append(errs, fmt.Errorf("generator: residual adds output and input, which have %d and %d channels",
			o.Out, o.In))
	}
	if o.Dropout && (o.Architecture == Yosemite || o.Architecture == Pyramid || o.Architecture == Course) {
		errs = append(errs, fmt.Errorf("generator: the architecture %s has no dropout", o.Architecture))
	}
	if o.Architecture == Pyramid {
		errs = append(errs, o.validatePyramid()...)
	}
	return errors.Join(errs...)
}

func (o GeneratorOptions) validateArchitecture() error {
	if Blocks(o.Architecture) > 0 {
		return nil
	}
	err := oneOf("generator architecture", o.Architecture, slices.Concat(Generators, []string{Course}))
	if err != nil && strings.HasPrefix(o.Architecture, "resnet_") {
		return fmt.Errorf("%w, or a ResNet with 1 to %d blocks", err, mostBlocks)
	}
	return err
}

func (o GeneratorOptions) validatePyramid() (errs []error) {
	if o.In != o.Out {
		errs = append(errs, errors.New("generator: pyramid needs as many output channels as input channels"))
	}
	if o.Filters < 4 || o.Filters%4 != 0 {
		errs = append(errs, fmt.Errorf("generator: pyramid with %d filters; use a multiple of 4", o.Filters))
	}
	if o.Size < pyramidBase || o.Size > 4096 || o.Size&(o.Size-1) != 0 {
		errs = append(errs, fmt.Errorf("generator: pyramid trains on crops of 64, 128, 256 or another power of 2 of pixels, not %d", o.Size))
	}
	return errs
}

// DiscriminatorOptions selects the discriminator to build.
type DiscriminatorOptions struct {
	Architecture string // one of Discriminators
	In           int    // channels of the images, 1 or 3
	Filters      int    // channels of the first layer (ndf)
	Layers       int    // strided layers of the architecture n_layers, 1 to 5; the others ignore it
	Norm         Norm
}

// Validate reports every invalid option.
func (o DiscriminatorOptions) Validate() error {
	errs := []error{
		oneOf("discriminator architecture", o.Architecture, Discriminators),
		oneOf("norm", o.Norm, []Norm{NormInstance, NormBatch, NormNone}),
	}
	if o.In != 1 && o.In != 3 {
		errs = append(errs, fmt.Errorf("discriminator: images have 1 channel (gray) or 3 (color), not %d", o.In))
	}
	if o.Filters < 1 {
		errs = append(errs, fmt.Errorf("discriminator: %d filters", o.Filters))
	}
	if o.Architecture == NLayers && (o.Layers < 1 || o.Layers > 5) {
		errs = append(errs, fmt.Errorf("discriminator: %d layers; n_layers takes 1 to 5", o.Layers))
	}
	return errors.Join(errs...)
}

func oneOf[T ~string](what string, value T, valid []T) error {
	if slices.Contains(valid, value) {
		return nil
	}
	names := make([]string, len(valid))
	for i, v := range valid {
		names[i] = string(v)
	}
	return fmt.Errorf("unknown %s %q; use one of %s", what, value, strings.Join(names, ", "))
}
