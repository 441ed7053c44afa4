package dataset

import (
	"errors"
	"fmt"
	"image"
	"sync"

	"cyclegan/infer/pixels"
	"cyclegan/train/scenes"
)

// Set holds the images of one domain in order and without augmentation, for samples and evaluation.
type Set struct {
	d             *domain
	otherChannels int
	// FromTrain reports that these are training images, used because the dataset has no test
	// images.
	FromTrain bool
}

// TrainA returns the training images of domain A.
func (d *Dataset) TrainA() *Set { return &Set{d: d.a, otherChannels: d.b.channels} }

// TrainB returns the training images of domain B.
func (d *Dataset) TrainB() *Set { return &Set{d: d.b, otherChannels: d.a.channels} }

// TestA returns the test images of domain A, or its training images if there are none.
func (d *Dataset) TestA() *Set { return testSet(d.testA, d.a, d.b) }

// TestB returns the test images of domain B, or its training images if there are none.
func (d *Dataset) TestB() *Set { return testSet(d.testB, d.b, d.a) }

func testSet(test, train, other *domain) *Set {
	if test == nil {
		return &Set{train, other.channels, true}
	}
	return &Set{test, other.channels, false}
}

// Len returns the number of images.
func (s *Set) Len() int { return s.d.source.size() }

// Channels returns the number of channels, 1 or 3.
func (s *Set) Channels() int { return s.d.channels }

// Name returns the name of image i.
func (s *Set) Name(i int) string { return s.d.source.id(i) }

// Dir returns the folder of the images, or "" for a zip file and for scenes.
func (s *Set) Dir() string {
	if files, ok := s.d.source.(*Folder); ok {
		return files.Dir
	}
	return ""
}

func (s *Set) String() string {
	if s.FromTrain {
		return fmt.Sprintf("%d training images of %s (there are no test images)", s.Len(), s.d.source.title())
	}
	return fmt.Sprintf("%d images of %s", s.Len(), s.d.source.title())
}

// Image returns image i with 8 bits per sample, upright and opaque, and gray if the domain has one
// channel. The window of 16-bit images is black to white. It is resized to w x h, or keeps its size
// if both are 0.
func (s *Set) Image(i, w, h int) (*image.NRGBA, error) {
	img, err := s.full(i, w, h)
	if err != nil {
		return nil, err
	}
	return pixels.Opaque(img), nil
}

// full is Image with all bits, which are those of the window for a 16-bit image.
func (s *Set) full(i, w, h int) (image.Image, error) {
	if i < 0 || i >= s.Len() {
		return nil, fmt.Errorf("no image %d: there are %d", i, s.Len())
	}
	if (w != 0 || h != 0) && (min(w, h) < 1 || max(w, h) > maxSide) {
		return nil, fmt.Errorf("image %s at %dx%d: sides go from 1 to %d", s.Name(i), w, h, maxSide)
	}
	img, err := s.d.source.load(i, w, h)
	if err != nil {
		s.d.data.Skip(s.Name(i), err)
		return nil, fmt.Errorf("read image %s: %w", s.Name(i), err)
	}
	if s.d.channels == 1 {
		img = toGray(img)
	}
	return img, nil
}

// Counterpart returns image i as it looks in the other domain. That is only known for scenes; ok is
// false otherwise.
func (s *Set) Counterpart(i, w, h int) (img *image.NRGBA, ok bool) {
	drawn, ok := s.d.source.(*sceneSource)
	if !ok || i < 0 || i >= s.Len() || min(w, h) < 1 || max(w, h) > maxSide {
		return nil, false
	}
	other := *drawn
	other.season = drawn.season.Other()
	scene, err := other.load(i, w, h)
	if err != nil {
		return nil, false
	}
	if s.otherChannels == 1 {
		scene = toGray(scene)
	}
	return pixels.Opaque(scene), true
}

// First returns the first n readable images, or fewer if there are not that many, resized to w x h.
// The result is a tensor [n, h, w, channels] with values in [-1, 1], and the indices of the images.
func (s *Set) First(n, w, h int) (tensor []float32, indices []int, err error) {
	if n < 1 || min(w, h) < 1 || max(w, h) > maxSide {
		return nil, nil, fmt.Errorf("%d images of %dx%d: at least one image and sides from 1 to %d are required", n, w, h, maxSide)
	}
	spec := pixels.Spec{Layout: pixels.NHWC, Range: pixels.Symmetric, Channels: s.d.channels}
	one := spec.Len(w, h)
	for i := 0; i < s.Len() && len(indices) < n; i++ {
		img, err := s.full(i, w, h)
		if err != nil {
			continue // it is in Dataset.Skipped now
		}
		tensor = append(tensor, make([]float32, one)...)
		if err := spec.Put(tensor[len(tensor)-one:], img); err != nil {
			return nil, nil, err
		}
		indices = append(indices, i)
	}
	if len(indices) == 0 {
		return nil, nil, fmt.Errorf("%v: %w", s, errNothingReadable)
	}
	return tensor, indices, nil
}

// source is an ordered list of images: a [Folder] or a sceneSource.
type source interface {
	size() int
	title() string   // name of the domain
	id(i int) string // name of image i
	// load reads or draws image i, opaque and with its bits per sample, in the size w x h, or in
	// its own size if both are 0.
	load(i, w, h int) (image.Image, error)
}

// sceneSource draws the built-in scenes.
type sceneSource struct {
	seed, first uint64
	n           int
	season      scenes.Season
	side        int // pixels of the square that load draws
}

func (s *sceneSource) size() int       { return s.n }
func (s *sceneSource) title() string   { return s.season.String() }
func (s *sceneSource) id(i int) string { return fmt.Sprintf("scene_%s_%05d", s.season, i) }

func (s *sceneSource) load(i, w, h int) (image.Image, error) {
	if w == 0 {
		w, h = s.side, s.side
	}
	if min(w, h) < 1 || max(w, h) > scenes.MaxSide {
		return nil, fmt.Errorf("scene of %dx%d pixels: sides go from 1 to %d", w, h, scenes.MaxSide)
	}
	return scenes.Draw(s.seed, s.first+uint64(i), s.season, w, h), nil
}

// domain is one side of a dataset: its images, some of them kept decoded.
type domain struct {
	data     *Dataset
	source   source
	channels int
	entries  []entry
}

// entry is the state of one image. Its lock is held while the image is decoded, so that two threads
// that need it decode it once.
type entry struct {
	mu   sync.Mutex
	tile *tile // nil while not kept
	err  error // why the image is unusable, once that is known
}

func (d *Dataset) domain(s source, channels int) *domain {
	return &domain{data: d, source: s, channels: channels, entries: make([]entry, s.size())}
}

// errNothingReadable reports that the last image of a domain is damaged too.
var errNothingReadable = errors.New("no readable image")

// tile returns image i, or the next undamaged image after it, and the index of the one it returns.
func (d *domain) tile(i int) (*tile, int, error) {
	n := d.source.size()
	for k := range n {
		j := (i + k) % n
		if t := d.get(j); t != nil {
			return t, j, nil
		}
	}
	return nil, 0, fmt.Errorf("domain %s: %w: all %d are damaged, such as %s (%v)",
		d.source.title(), errNothingReadable, n, d.source.id(i), d.entries[i].err)
}

// get returns image i, or nil if it is damaged.
func (d *domain) get(i int) *tile {
	e := &d.entries[i]
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.tile != nil || e.err != nil {
		return e.tile
	}
	img, err := d.source.load(i, 0, 0)
	var t *tile
	if err == nil {
		t, err = d.data.opt.prepare(img, d.channels)
	}
	if err != nil {
		e.err = err
		d.data.Skip(d.source.id(i), err)
		return nil
	}
	if d.data.reserve(t.bytes()) {
		e.tile = t
	}
	return t
}

// reserve reports whether an image of n bytes may be kept decoded. Nothing is evicted: an epoch
// uses every image about once, so replacing one by another gains nothing.
func (d *Dataset) reserve(n int64) bool {
	if d.kept.Add(n) <= d.opt.MemoryBytes {
		return true
	}
	d.kept.Add(-n)
	return false
}
