package train

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"slices"
)

// imagePool keeps earlier translated images for a discriminator, so that it does not forget what the
// generator used to do (Shrivastava et al. 2017, https://arxiv.org/abs/1612.07828, and section 4 of the
// CycleGAN paper).
type imagePool struct {
	capacity int
	images   [][]float32
}

// exchange replaces some of a batch of n images in place. While the pool fills, it stores each image
// and leaves the batch alone. After that, it swaps an image for a random stored one with probability
// 1/2.
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
