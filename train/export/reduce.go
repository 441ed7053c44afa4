package export

import (
	"context"
	"errors"
	"fmt"
	"math"

	"golang.org/x/sync/errgroup"

	"cyclegan/graph"
	"cyclegan/graph/onnxgraph"
	"cyclegan/infer/session"
	"cyclegan/train/metric"
)

// Limits of the precision loss, as mean PSNR in dB against the f32 generator. They are the same for
// all precisions, because only the visible difference matters. An image rounded to 8 bits has 59
// dB.
const (
	// GoodPSNR is the limit below which a difference may be visible: 4.5 of 255 levels on average
	// (root mean square).
	GoodPSNR = 35
	// MinPSNR is the limit below which no file is written unless Exporter.Force is set: with 14 of
	// 255 levels on average, the generator makes other images.
	MinPSNR = 25
)

// Images are images of one size for a generator.
type Images struct {
	Count, H, W int
	// Read returns image i, [H, W, C] in [-1, 1] with the generator's channels. It is called
	// several times for each image.
	Read func(i int) ([]float32, error)
	// Source describes the images, such as "training images of summer".
	Source string
}

// run runs a model on every image and passes its outputs to use.
func (p *Images) run(ctx context.Context, model []byte, channels int, use func(i int, outputs []session.Tensor) error) error {
	if p == nil || p.Count < 1 {
		return errors.New("there are no images")
	}
	s, err := session.New(model, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	for i := range p.Count {
		values, err := p.Read(i)
		if err != nil {
			return err
		}
		if len(values) != p.H*p.W*channels {
			return fmt.Errorf("image %d has %d values, want %d for %dx%d with %d channels", i, len(values), p.H*p.W*channels, p.W, p.H, channels)
		}
		outputs, err := s.Run(ctx, input(values, 1, graph.Shape{H: p.H, W: p.W, C: channels}))
		if err != nil {
			return err
		}
		if err := use(i, outputs); err != nil {
			return err
		}
	}
	return nil
}

// A Loss is the precision that a generator lost: how its images compare with the images of the same
// generator in f32.
type Loss struct {
	// PSNR is the mean peak signal-to-noise ratio in dB and Least that of the worst image. Both are
	// infinite for equal images.
	PSNR, Least float64
	Images      int // compared
}

// Visible reports whether the difference may be visible.
func (l *Loss) Visible() bool { return l.PSNR < GoodPSNR }

func (l *Loss) String() string {
	if math.IsInf(l.PSNR, 1) {
		return fmt.Sprintf("identical to f32 on %d images", l.Images)
	}
	return fmt.Sprintf("PSNR to f32 %.1f dB, at least %.1f, on %d images", l.PSNR, l.Least, l.Images)
}

// reduce returns the model in f16 or int8 and what it lost on the images of check. full is the
// model in f32.
func (e Exporter) reduce(ctx context.Context, n *graph.Network, w graph.Weights, m onnxgraph.Metadata, p onnxgraph.Precision, full []byte, calibration, check *Images) ([]byte, *Loss, error) {
	var model []byte
	var err error
	fix := ""
	switch p {
	case onnxgraph.F16:
		fix = "use f32"
		model, err = onnxgraph.Marshal(n, w, m, onnxgraph.F16)
	case onnxgraph.Int8:
		fix = "calibrate on more images, or on images more like those to convert, or use f16"
		model, err = quantize(ctx, n, w, m, calibration)
	default:
		err = fmt.Errorf("unknown precision %q; the precisions are %v", p, onnxgraph.Precisions)
	}
	if err != nil {
		return nil, nil, err
	}
	loss, err := compare(ctx, full, model, check, n.In)
	if err != nil {
		return nil, nil, fmt.Errorf("compare %s to f32: %w", p, err)
	}
	if loss.PSNR < MinPSNR && !e.Force {
		return nil, nil, fmt.Errorf("%s loses too much: %v, and the limit is %d dB; nothing was written. Fix: %s; or accept it with -force", p, loss, MinPSNR, fix)
	}
	return model, loss, nil
}

// probeBudget is the number of bytes of a network's tensors that a calibration examines at once.
const probeBudget = 256 << 20

// quantize calibrates a network on images and returns its int8 model.
func quantize(ctx context.Context, n *graph.Network, w graph.Weights, m onnxgraph.Metadata, images *Images) ([]byte, error) {
	if images == nil {
		return nil, errors.New("calibration: there are no images")
	}
	c, err := onnxgraph.NewCalibration(n, w)
	if err != nil {
		return nil, err
	}
	c.Images, c.Source = images.Count, images.Source
	probes, err := c.Probes(images.H, images.W, probeBudget)
	if err != nil {
		return nil, err
	}
	for _, p := range probes {
		model, err := p.Model()
		if err != nil {
			return nil, err
		}
		err = images.run(ctx, model, n.In, func(_ int, outputs []session.Tensor) error {
			var group errgroup.Group
			for i, t := range outputs {
				group.Go(func() error { return p.Add(i, t.Data) })
			}
			return group.Wait()
		})
		if err != nil {
			return nil, fmt.Errorf("calibration: %w", err)
		}
	}
	return onnxgraph.MarshalInt8(c, m)
}

func compare(ctx context.Context, full, reduced []byte, images *Images, channels int) (*Loss, error) {
	var want [][]float32
	err := images.run(ctx, full, channels, func(_ int, outputs []session.Tensor) error {
		want = append(want, outputs[0].Data)
		return nil
	})
	if err != nil {
		return nil, err
	}
	loss := &Loss{Least: math.Inf(1), Images: images.Count}
	err = images.run(ctx, reduced, channels, func(i int, outputs []session.Tensor) error {
		psnr, err := psnr(want[i], outputs[0].Data)
		loss.PSNR += psnr / float64(images.Count)
		loss.Least = min(loss.Least, psnr)
		return err
	})
	return loss, err
}

// psnr compares values of [-1, 1], in dB.
func psnr(want, got []float32) (float64, error) {
	if len(want) != len(got) || len(got) == 0 {
		return 0, fmt.Errorf("%d values, want %d", len(got), len(want))
	}
	sum := 0.0
	for i, v := range want {
		d := float64(v) - float64(got[i])
		sum += d * d
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		return 0, errors.New("the model returned NaN or infinite values")
	}
	return metric.Decibels(sum/float64(len(want)), 2), nil
}
