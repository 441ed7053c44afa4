package dataset

import (
	"math"
	"math/rand/v2"
)

// noise is value noise on a lattice that repeats every 256 cells.
type noise struct {
	perm  [512]uint8
	value [256]float64 // -1..1
}

func newNoise(rnd *rand.Rand) *noise {
	n := &noise{}
	for i := range n.value {
		n.value[i] = 2*rnd.Float64() - 1
		n.perm[i] = uint8(i)
	}
	rnd.Shuffle(256, func(i, j int) { n.perm[i], n.perm[j] = n.perm[j], n.perm[i] })
	copy(n.perm[256:], n.perm[:256])
	return n
}

// at is smooth in both directions, -1..1, and changes over a distance of 1.
func (n *noise) at(x, y float64) float64 {
	fx, fy := math.Floor(x), math.Floor(y)
	i, j := int(fx)&255, int(fy)&255
	u, v := x-fx, y-fy
	u, v = u*u*(3-2*u), v*v*(3-2*v)
	p, q := int(n.perm[i]), int(n.perm[i+1])
	a, b := n.value[n.perm[p+j]], n.value[n.perm[q+j]]
	c, d := n.value[n.perm[p+j+1]], n.value[n.perm[q+j+1]]
	a += (b - a) * u
	c += (d - c) * u
	return a + (c-a)*v
}

// layersTotal is about what the amplitudes of all octaves add up to. It does not
// follow their number, so that more of them add detail and change nothing else.
const layersTotal = 1.85

// layers adds finer and finer noise, about -1..1.
func (n *noise) layers(x, y float64, octaves int) float64 {
	sum, amp := 0.0, 1.0
	for range octaves {
		sum += amp * n.at(x, y)
		x, y, amp = x*2.03+17.3, y*2.03+9.1, amp*0.5
	}
	return sum / layersTotal
}

// ridges has sharp crests at 1 and wide valleys towards 0.
func (n *noise) ridges(x, y float64, octaves int) float64 {
	sum, amp := 0.0, 1.0
	for range octaves {
		r := 1 - math.Abs(n.at(x, y))
		sum += amp * r * r
		x, y, amp = x*2.1+5.7, y*2.1+31.3, amp*0.5
	}
	return sum / layersTotal
}
