package metric

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"math/bits"
	"runtime"

	"cyclegan/train/internal/random"

	"golang.org/x/sync/errgroup"
)

// An SWDSet is one side of a sliced Wasserstein distance. It holds its images in 3 bytes per pixel.
// A set of real images can be kept and compared many times.
type SWDSet struct {
	size    image.Point
	options SWDOptions
	seen    int
	pix     []byte // [kept][height][width][3]
}

// NewSet returns an empty set.
func (s *SWD) NewSet() *SWDSet { return &SWDSet{size: s.size, options: s.options} }

// Add copies an image without its alpha. Once the set is full, a new image replaces a random one or
// is skipped, so that all have the same chance.
func (s *SWDSet) Add(img *image.NRGBA) error {
	if img.Rect.Size() != s.size {
		return fmt.Errorf("SWD: cannot add an image of %s to a set of %dx%d. Fix: resize it", size(img), s.size.X, s.size.Y)
	}
	place := s.seen
	if s.seen >= s.options.MaxImages {
		place = newStream(s.options.Seed, streamKept).below(uint64(s.seen), s.seen+1)
	}
	s.seen++
	if place >= s.options.MaxImages {
		return nil
	}
	if place >= s.N() {
		s.pix = append(s.pix, make([]byte, s.bytes())...)
	}
	to := s.picture(place)
	for y := range s.size.Y {
		from := row(img, y)
		for x := range s.size.X {
			copy(to[3*(y*s.size.X+x):][:3], from[4*x:])
		}
	}
	return nil
}

// bytes returns the size of an image.
func (s *SWDSet) bytes() int { return 3 * s.size.X * s.size.Y }

func (s *SWDSet) picture(i int) []byte { return s.pix[i*s.bytes() : (i+1)*s.bytes()] }

// N returns the number of images in the set.
func (s *SWDSet) N() int { return len(s.pix) / s.bytes() }

// descriptors fills dst with the normalized neighborhoods of one level,
// [n*neighborhoods][channel][y][x].
func (s *SWDSet) descriptors(ctx context.Context, dst []float32, levels []image.Point, level int) error {
	each := s.options.Neighborhoods * descriptor
	places := newStream(s.options.Seed, streamPlaces, uint64(level))
	workers := min(runtime.GOMAXPROCS(0), s.N())
	group, ctx := errgroup.WithContext(ctx)
	for worker := range workers {
		group.Go(func() error {
			p := newPyramid(levels)
			for i := worker; i < s.N(); i += workers {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				gather(dst[i*each:(i+1)*each], p.level(s.picture(i), level), places, i)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	normalize(dst)
	return nil
}

// gather copies the neighborhoods of image number i. Neighborhood number n of the level has its
// corner at column below(2n) and row below(2n+1).
func gather(dst []float32, level planes, places stream, i int) {
	count := len(dst) / descriptor
	for k := range count {
		n := uint64(i*count + k)
		x, y := places.below(2*n, level.w-patch+1), places.below(2*n+1, level.h-patch+1)
		for c := range 3 {
			for v := range patch {
				at := (c*level.h+y+v)*level.w + x
				copy(dst[:patch], level.data[at:at+patch])
				dst = dst[patch:]
			}
		}
	}
}

// normalize scales each channel to mean 0 and standard deviation 1. A constant channel becomes 0.
func normalize(descriptors []float32) {
	const size = patch * patch
	n := float64(len(descriptors) / 3)
	for c := range 3 {
		mean, variance := 0.0, 0.0
		for at := c * size; at < len(descriptors); at += descriptor {
			for _, v := range descriptors[at : at+size] {
				mean += float64(v)
			}
		}
		mean /= n
		for at := c * size; at < len(descriptors); at += descriptor {
			for _, v := range descriptors[at : at+size] {
				variance += (float64(v) - mean) * (float64(v) - mean)
			}
		}
		scale := 0.0
		if deviation := math.Sqrt(variance / n); deviation > 1e-6 { // one level is 1
			scale = 1 / deviation
		}
		for at := c * size; at < len(descriptors); at += descriptor {
			for i, v := range descriptors[at : at+size] {
				descriptors[at+i] = float32((float64(v) - mean) * scale)
			}
		}
	}
}

type setHeader struct {
	Width, Height, Seen int
	Options             SWDOptions
}

// Save writes the set to a file atomically.
func (s *SWDSet) Save(path string) error {
	return save(path, "pictures", setHeader{s.size.X, s.size.Y, s.seen, s.options}, s.pix)
}

// LoadSet reads a saved set. A set of another size or with other options is an error.
func (s *SWD) LoadSet(path string) (*SWDSet, error) {
	var h setHeader
	set := s.NewSet()
	data, err := load(path, "pictures", &h)
	if err != nil {
		return nil, err
	}
	if h.Width != s.size.X || h.Height != s.size.Y || h.Options != s.options {
		return nil, damaged(path, fmt.Errorf("it is for images of %dx%d or has other options", h.Width, h.Height))
	}
	set.pix = data
	if len(set.pix)%set.bytes() != 0 || set.N() > s.options.MaxImages || h.Seen < set.N() {
		return nil, damaged(path, errors.New("the images are incomplete"))
	}
	set.seen = h.Seen
	return set, nil
}

// stream is a sequence of random numbers with random access, so that goroutines can share it and
// other languages can reproduce it: it is SplitMix64 (Steele et al. 2014), whose state after i
// numbers is stream + i * [random.Golden].
type stream uint64

// newStream returns the stream of a seed and a path of numbers.
func newStream(seed uint64, path ...uint64) stream {
	s := stream(seed)
	for _, p := range path {
		s = stream(s.at(p))
	}
	return s
}

func (s stream) at(i uint64) uint64 { return random.Mix(uint64(s) + i*random.Golden) }

// below returns an integer from 0 to n-1.
func (s stream) below(i uint64, n int) int {
	hi, _ := bits.Mul64(s.at(i), uint64(n))
	return int(hi)
}

// uniform returns a number between 0 and 1, both excluded.
func (s stream) uniform(i uint64) float64 { return (float64(s.at(i)>>11) + 0.5) / (1 << 53) }

// normal returns a number of the standard normal distribution (Box and Muller 1958).
func (s stream) normal(i uint64) float64 {
	return math.Sqrt(-2*math.Log(s.uniform(2*i))) * math.Cos(2*math.Pi*s.uniform(2*i+1))
}
