package dataset

import (
	"fmt"
	"image"

	"cyclegan/infer/pixels"
)

// Set is the pictures of one domain in order and without augmentation, for
// samples and evaluation.
type Set struct {
	d             *domain
	otherChannels int
	// FromTrain tells that these are training pictures, standing in for test
	// pictures that the dataset does not have.
	FromTrain bool
}

// TrainA is what domain A trains on.
func (d *Dataset) TrainA() *Set { return &Set{d: d.a, otherChannels: d.b.channels} }

// TrainB is what domain B trains on.
func (d *Dataset) TrainB() *Set { return &Set{d: d.b, otherChannels: d.a.channels} }

// TestA is domain A's test pictures, or its training pictures where there are none.
func (d *Dataset) TestA() *Set { return testSet(d.testA, d.a, d.b) }

// TestB is domain B's test pictures, or its training pictures where there are none.
func (d *Dataset) TestB() *Set { return testSet(d.testB, d.b, d.a) }

func testSet(test, train, other *domain) *Set {
	if test == nil {
		return &Set{train, other.channels, true}
	}
	return &Set{test, other.channels, false}
}

// Len is the number of pictures.
func (s *Set) Len() int { return s.d.source.size() }

// Channels is 1 or 3, as the domain has it.
func (s *Set) Channels() int { return s.d.channels }

// Name names picture i.
func (s *Set) Name(i int) string { return s.d.source.id(i) }

// Dir is the folder that the pictures lie in, "" for those of a zip file and
// for scenes.
func (s *Set) Dir() string {
	if files, ok := s.d.source.(*Folder); ok {
		return files.Dir
	}
	return ""
}

func (s *Set) String() string {
	if s.FromTrain {
		return fmt.Sprintf("%d training pictures of %s (there are no test pictures)", s.Len(), s.d.source.title())
	}
	return fmt.Sprintf("%d pictures of %s", s.Len(), s.d.source.title())
}

// Image reads picture i, upright, opaque and gray where the domain has one
// channel, resized to w x h, or in its own size when both are 0.
func (s *Set) Image(i, w, h int) (*image.NRGBA, error) {
	if i < 0 || i >= s.Len() {
		return nil, fmt.Errorf("picture %d of %d: no such picture", i, s.Len())
	}
	if (w != 0 || h != 0) && (min(w, h) < 1 || max(w, h) > maxSide) {
		return nil, fmt.Errorf("picture %s at %dx%d: sides go from 1 to %d", s.Name(i), w, h, maxSide)
	}
	img, err := s.read(i, w, h)
	if err != nil {
		s.d.skip(s.Name(i), err)
		return nil, fmt.Errorf("read picture %s: %w", s.Name(i), err)
	}
	if s.d.channels == 1 {
		img = gray(img)
	}
	return img, nil
}

func (s *Set) read(i, w, h int) (*image.NRGBA, error) {
	if w == 0 {
		return s.d.source.load(i)
	}
	return s.d.source.at(i, w, h)
}

// Counterpart is what picture i would be in the other domain, known for scenes
// alone; otherwise ok is false.
func (s *Set) Counterpart(i, w, h int) (img *image.NRGBA, ok bool) {
	scenes, ok := s.d.source.(*sceneSource)
	if !ok || i < 0 || i >= s.Len() || min(w, h) < 1 || max(w, h) > maxSide {
		return nil, false
	}
	other := *scenes
	other.season = scenes.season.Other()
	img, err := other.at(i, w, h)
	if err != nil {
		return nil, false
	}
	if s.otherChannels == 1 {
		img = gray(img)
	}
	return img, true
}

// First reads up to n pictures of w x h, the first that can be read, as one
// tensor [n, h, w, channels] with values in [-1, 1], and tells which they are.
func (s *Set) First(n, w, h int) (tensor []float32, indices []int, err error) {
	if n < 1 || min(w, h) < 1 || max(w, h) > maxSide {
		return nil, nil, fmt.Errorf("%d pictures of %dx%d: ask for at least one, with sides from 1 to %d", n, w, h, maxSide)
	}
	spec := pixels.Spec{Layout: pixels.NHWC, Range: pixels.Symmetric, Channels: s.d.channels}
	one := spec.Len(w, h)
	for i := 0; i < s.Len() && len(indices) < n; i++ {
		img, err := s.Image(i, w, h)
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
