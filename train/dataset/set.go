package dataset

import (
	"fmt"
	"image"

	"cyclegan/infer/pixels"
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

// Image returns image i, upright and opaque, and gray if the domain has one channel. It is resized
// to w x h, or keeps its size if both are 0.
func (s *Set) Image(i, w, h int) (*image.NRGBA, error) {
	if i < 0 || i >= s.Len() {
		return nil, fmt.Errorf("no image %d: there are %d", i, s.Len())
	}
	if (w != 0 || h != 0) && (min(w, h) < 1 || max(w, h) > maxSide) {
		return nil, fmt.Errorf("image %s at %dx%d: sides go from 1 to %d", s.Name(i), w, h, maxSide)
	}
	img, err := s.read(i, w, h)
	if err != nil {
		s.d.skip(s.Name(i), err)
		return nil, fmt.Errorf("read image %s: %w", s.Name(i), err)
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

// Counterpart returns image i as it looks in the other domain. That is only known for scenes; ok is
// false otherwise.
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

// First returns the first n readable images, or fewer if there are not that many, resized to w x h.
// The result is a tensor [n, h, w, channels] with values in [-1, 1], and the indices of the images.
func (s *Set) First(n, w, h int) (tensor []float32, indices []int, err error) {
	if n < 1 || min(w, h) < 1 || max(w, h) > maxSide {
		return nil, nil, fmt.Errorf("%d images of %dx%d: at least one image and sides from 1 to %d are required", n, w, h, maxSide)
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
