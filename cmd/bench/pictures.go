package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"cyclegan/infer/pixels"
	"cyclegan/train"
	"cyclegan/train/dataset"
)

// sharedBatches is how many batches of pictures the steps go around in.
const sharedBatches = 4

// writeBatches writes the pictures of some training steps.
func (f *files) writeBatches(o train.Options, dir string) ([][2]string, error) {
	o.Dataroot = f.command.dataroot
	o.Scenes, o.NumThreads = sharedBatches*o.BatchSize, 0
	o.MaxDatasetSize = sharedBatches * o.BatchSize
	data, err := dataset.Open(o.Dataset())
	if err != nil {
		return nil, err
	}
	defer data.Close()
	var batches [][2]string
	for i := range min(sharedBatches, data.Batches()) {
		b, err := data.Batch(1, i)
		if err != nil {
			return nil, err
		}
		pair := [2]string{filepath.Join(dir, fmt.Sprintf("A%d.f32", i)), filepath.Join(dir, fmt.Sprintf("B%d.f32", i))}
		err = errors.Join(writeFloats(pair[0], b.A), writeFloats(pair[1], b.B))
		b.Release()
		if err != nil {
			return nil, err
		}
		batches = append(batches, pair)
	}
	return batches, nil
}

// checkedPictures is how many pictures the contenders' outputs are compared on.
const checkedPictures = 2

// writePictures fills the folder of pictures to convert with JPEG files, and
// writes the tensors of the first few.
func (f *files) writePictures(s *spec) error {
	o, err := s.options()
	if err != nil {
		return err
	}
	o.Dataroot = f.command.dataroot
	options := o.Dataset()
	options.ScenesA, options.ScenesB, options.ScenesTest = 1, 1, s.Pictures
	data, err := dataset.Open(options)
	if err != nil {
		return err
	}
	defer data.Close()
	set := data.TestA()
	if set.Len() < s.Pictures {
		return fmt.Errorf("%v: fewer than the %d to convert; ask for fewer with -pictures", set, s.Pictures)
	}
	if err := os.MkdirAll(s.In, 0o755); err != nil {
		return err
	}
	layout := pixels.Spec{Layout: pixels.NCHW, Range: pixels.Symmetric, Channels: 3}
	var tensors []float32
	for i := range s.Pictures {
		path := filepath.Join(s.In, fmt.Sprintf("%06d.jpg", i))
		if err := writePicture(set, o.Dataroot, i, s.Size, path); err != nil {
			return err
		}
		if i >= checkedPictures {
			continue
		}
		picture, err := pixels.Load(path, pixels.Limits{})
		if err != nil {
			return err
		}
		one := make([]float32, layout.Len(s.Size, s.Size))
		if err := layout.Put(one, picture.Image); err != nil {
			return err
		}
		tensors = append(tensors, one...)
	}
	return writeFloats(s.CheckInput, tensors)
}

// writePicture writes picture i as JPEG: the file itself where it is one of
// that size, and else what it is resized to. The set is of the dataroot, which
// the names of its pictures begin in unless it is a zip file or none.
func writePicture(set *dataset.Set, dataroot string, i, size int, path string) error {
	if data, err := os.ReadFile(filepath.Join(dataroot, set.Name(i))); err == nil && set.Dir() != "" {
		h, err := pixels.Header(bytes.NewReader(data), pixels.Limits{})
		if err == nil && h.Format == "jpeg" && h.Orientation == 1 && h.Width == size && h.Height == size {
			return os.WriteFile(path, data, 0o644)
		}
	}
	img, err := set.Image(i, size, size)
	if err != nil {
		return err
	}
	return pixels.Save(path, img, pixels.SaveOptions{})
}
