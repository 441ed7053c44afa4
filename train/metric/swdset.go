package metric

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// An SWDSet is one side of a sliced Wasserstein distance. It holds its pictures
// in 8 bits, 3 bytes a pixel, from which [SWD.Distance] takes the
// neighbourhoods: a set of real pictures may be kept and compared many times.
type SWDSet struct {
	size    image.Point
	options SWDOptions
	seen    int
	pix     []byte // [kept][height][width][3]
}

// NewSet makes an empty set.
func (s *SWD) NewSet() *SWDSet { return &SWDSet{size: s.size, options: s.options} }

// Add takes a picture in; it may be changed afterwards. Alpha is ignored. Once
// the set is full a picture takes a random one's place, or is passed over, so
// that each has had the same chance.
func (s *SWDSet) Add(img *image.NRGBA) error {
	if img == nil || img.Rect.Size() != s.size || s.bytes() == 0 {
		got := "no picture"
		if img != nil {
			got = fmt.Sprintf("a picture of %dx%d", img.Rect.Dx(), img.Rect.Dy())
		}
		return fmt.Errorf("SWD: %s can't be added to a set of %dx%d: bring it to that size first", got, s.size.X, s.size.Y)
	}
	place := s.seen
	if s.seen >= s.options.MaxPictures {
		place = newStream(s.options.Seed, streamKept).below(uint64(s.seen), s.seen+1)
	}
	s.seen++
	if place >= s.options.MaxPictures {
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

// bytes is what a picture takes.
func (s *SWDSet) bytes() int { return 3 * s.size.X * s.size.Y }

func (s *SWDSet) picture(i int) []byte { return s.pix[i*s.bytes() : (i+1)*s.bytes()] }

// N is how many pictures the set holds, and Seen how many it was given.
func (s *SWDSet) N() int    { return len(s.pix) / max(1, s.bytes()) }
func (s *SWDSet) Seen() int { return s.seen }

// descriptors fills dst with the normalised neighbourhoods of one level,
// [n*neighbourhoods][channel][y][x].
func (s *SWDSet) descriptors(ctx context.Context, dst []float32, levels []image.Point, level int) error {
	each := s.options.Neighbourhoods * descriptor
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
	normalise(dst)
	return nil
}

// gather takes the neighbourhoods of picture number i. Neighbourhood number n of
// the level has its corner at column below(2n) and row below(2n+1).
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

// normalise brings each channel to mean 0 and standard deviation 1. A channel
// without any deviation becomes 0.
func normalise(descriptors []float32) {
	const size = patch * patch
	var group errgroup.Group
	for c := range 3 {
		group.Go(func() error {
			channel := func(do func([]float32)) {
				for at := c * size; at < len(descriptors); at += descriptor {
					do(descriptors[at : at+size])
				}
			}
			n, mean, variance := float64(len(descriptors)/3), 0.0, 0.0
			channel(func(p []float32) {
				for _, v := range p {
					mean += float64(v)
				}
			})
			mean /= n
			channel(func(p []float32) {
				for _, v := range p {
					variance += (float64(v) - mean) * (float64(v) - mean)
				}
			})
			scale := 0.0
			if deviation := math.Sqrt(variance / n); deviation > 1e-6 { // a level is 1
				scale = 1 / deviation
			}
			channel(func(p []float32) {
				for i, v := range p {
					p[i] = float32((float64(v) - mean) * scale)
				}
			})
			return nil
		})
	}
	group.Wait()
}

type setHeader struct {
	Width, Height, Seen int
	Options             SWDOptions
}

// Save writes the set to a file, in one piece.
func (s *SWDSet) Save(path string) error {
	return save(path, "pictures", setHeader{s.size.X, s.size.Y, s.seen, s.options}, s.pix)
}

// LoadSet reads a set that was saved, and refuses one that was made for another
// size or with other options.
func (s *SWD) LoadSet(path string) (*SWDSet, error) {
	var h setHeader
	set := s.NewSet()
	err := load(path, "pictures", &h, func() (any, error) {
		if h.Width != s.size.X || h.Height != s.size.Y || h.Options != s.options {
			return nil, fmt.Errorf("it is for pictures of %dx%d or other options", h.Width, h.Height)
		}
		return &set.pix, nil
	})
	if err == nil && (len(set.pix)%set.bytes() != 0 || set.N() > s.options.MaxPictures || h.Seen < set.N()) {
		err = damaged(path, errors.New("it holds no whole pictures"))
	}
	if err != nil {
		return nil, err
	}
	set.seen = h.Seen
	return set, nil
}
