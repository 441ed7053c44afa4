package train

import "math/rand/v2"

// imagePool keeps earlier translated pictures for a discriminator to judge, so
// that it doesn't forget what the generator used to do (Shrivastava et al.
// 2017, https://arxiv.org/abs/1612.07828, and section 4 of the CycleGAN paper).
type imagePool struct {
	capacity int
	pictures [][]float32
}

// exchange goes through a batch of n pictures in place. While the pool fills,
// each is stored and stays. After that, with probability a half, a picture is
// swapped for a random stored one; else it stays and is not stored.
func (p *imagePool) exchange(batch []float32, n int, rng *rand.Rand) {
	if p.capacity == 0 {
		return
	}
	size := len(batch) / n
	for i := range n {
		picture := batch[i*size : (i+1)*size]
		if len(p.pictures) < p.capacity {
			p.pictures = append(p.pictures, append([]float32(nil), picture...))
			continue
		}
		if rng.Float64() > 0.5 {
			stored := p.pictures[rng.IntN(p.capacity)]
			for j, v := range picture {
				picture[j], stored[j] = stored[j], v
			}
		}
	}
}
