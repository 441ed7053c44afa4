package train

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Losses are the terms of one step, each multiplied by its weight, as the official implementation
// prints them.
type Losses struct {
	GAB, GBA       float64 // adversarial: D_B on G_AB(A), D_A on G_BA(B)
	CycleA, CycleB float64 // on A and on B
	IdtA, IdtB     float64 // G_BA(A) against A, G_AB(B) against B
	DA, DB         float64
}

// A LossTerm is a loss with its name.
type LossTerm struct {
	Name  string
	Value float64
}

// Terms lists the losses by name.
func (l Losses) Terms() []LossTerm {
	return []LossTerm{
		{"G_AB", l.GAB}, {"G_BA", l.GBA}, {"cycle_A", l.CycleA}, {"cycle_B", l.CycleB},
		{"idt_A", l.IdtA}, {"idt_B", l.IdtB}, {"D_A", l.DA}, {"D_B", l.DB},
	}
}

// ChanceLoss returns D_A or D_B of a discriminator that cannot distinguish real from translated
// images, or 0 for wgangp, which has no such value.
func (o Options) ChanceLoss() float64 {
	switch o.GANMode {
	case LSGAN:
		return o.LambdaD * 0.5
	case Vanilla:
		return o.LambdaD * 2 * math.Ln2
	case Hinge:
		return o.LambdaD * 2
	}
	return 0
}

// A NotFiniteError reports a loss that is not a finite number. It ends the run.
type NotFiniteError struct {
	Step int64
	Term LossTerm
}

func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("training diverged: loss %s is %v at step %d", e.Term.Name, e.Term.Value, e.Step)
}

func (l Losses) checkFinite(step int64) error {
	for _, t := range l.Terms() {
		if math.IsNaN(t.Value) || math.IsInf(t.Value, 0) {
			return &NotFiniteError{step, t}
		}
	}
	return nil
}

// imagePool keeps earlier translated images for a discriminator, so that it does not forget what
// the generator used to do (Shrivastava et al. 2017, https://arxiv.org/abs/1612.07828, and section
// 4 of the CycleGAN paper).
type imagePool struct {
	capacity int
	images   [][]float32
}

// exchange replaces some of a batch of n images in place. While the pool fills, it stores each
// image and leaves the batch alone. After that, it swaps an image for a random stored one with
// probability 1/2.
func (p *imagePool) exchange(batch []float32, n int, rng *rand.Rand) {
	if p.capacity == 0 {
		return
	}
	size := len(batch) / n
	for i := range n {
		image := batch[i*size : (i+1)*size]
		if len(p.images) < p.capacity {
			p.images = append(p.images, slices.Clone(image))
			continue
		}
		if rng.Float64() > 0.5 {
			stored := p.images[rng.IntN(p.capacity)]
			for j, v := range image {
				image[j], stored[j] = stored[j], v
			}
		}
	}
}

// randomStream returns the random numbers for one purpose at one place of a run. No random state
// carries over from step to step: a resumed run draws the same numbers from the same streams.
func randomStream(seed uint64, purpose string, index int64) *rand.Rand {
	key := binary.LittleEndian.AppendUint64(nil, seed)
	key = binary.LittleEndian.AppendUint64(key, uint64(index))
	sum := sha256.Sum256(append(key, purpose...))
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(sum[:8]), binary.LittleEndian.Uint64(sum[8:16])))
}
