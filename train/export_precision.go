package train

import (
	"context"
	"errors"
	"fmt"
	"math"

	"golang.org/x/sync/errgroup"

	"cyclegan/graph"
	"cyclegan/graph/onnxgraph"
	"cyclegan/infer/session"
)

// Bounds of what fewer bits may cost, in dB of PSNR to the float32 generator's
// pictures. A picture rounded to 8-bit pixels has 59 dB.
const (
	// GoodPSNR is where a difference begins to show: [Loss.Visible] tells of
	// what lies below.
	GoodPSNR = 35
	// leastPSNR is what there must be for a file to be written.
	leastPSNR = 20
	// leastPSNR16 is the same for 16 bits, which lose little unless numbers
	// are too large for them.
	leastPSNR16 = 50
)

// Pictures are some of one size, such as a generator takes.
type Pictures struct {
	Count, H, W int
	// Read returns picture i, [H, W, C] in [-1, 1] with the generator's
	// channels. It is asked for the same ones several times.
	Read func(i int) ([]float32, error)
	// Source says which they are, such as "training pictures of summer".
	Source string
}

// input is picture i as the input of an ONNX model.
func (p *Pictures) input(i, channels int) (session.Tensor, error) {
	values, err := p.Read(i)
	if err != nil {
		return session.Tensor{}, err
	}
	if len(values) != p.H*p.W*channels {
		return session.Tensor{}, fmt.Errorf("picture %d has %d values, not the %d of %dx%d with %d channels", i, len(values), p.H*p.W*channels, p.W, p.H, channels)
	}
	return session.Tensor{
		Shape: []int64{1, int64(channels), int64(p.H), int64(p.W)},
		Data:  onnxgraph.NCHW(values, 1, p.H, p.W, channels),
	}, nil
}

// run gives every picture to a model and its tensors to use.
func (p *Pictures) run(ctx context.Context, model []byte, channels int, use func(i int, tensors []session.Tensor) error) error {
	if p == nil || p.Count < 1 {
		return errors.New("there are no pictures")
	}
	s, err := session.New(model, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	for i := range p.Count {
		in, err := p.input(i, channels)
		if err != nil {
			return err
		}
		tensors, err := s.Run(ctx, in)
		if err != nil {
			return err
		}
		if err := use(i, tensors); err != nil {
			return err
		}
	}
	return nil
}

// A Loss is what a generator with fewer bits has lost: how its pictures compare
// to those of the same one in float32.
type Loss struct {
	// PSNR is the peak signal-to-noise ratio in dB, the mean of some pictures,
	// and Least that of the worst one. Both are infinite for equal pictures.
	PSNR, Least float64
	// Pictures counts them.
	Pictures int
}

// Visible reports whether the difference may show.
func (l *Loss) Visible() bool { return l.PSNR < GoodPSNR }

func (l *Loss) String() string {
	if math.IsInf(l.PSNR, 1) {
		return fmt.Sprintf("the same as f32 on %d pictures", l.Pictures)
	}
	return fmt.Sprintf("PSNR to f32 %.1f dB, at least %.1f, on %d pictures", l.PSNR, l.Least, l.Pictures)
}

// reduce returns the model in f16 or int8 and what it has lost on the pictures
// of check. full is the model in f32.
func reduce(ctx context.Context, n *graph.Network, w graph.Weights, m onnxgraph.Metadata, p onnxgraph.Precision, full []byte, calibration, check *Pictures) ([]byte, *Loss, error) {
	var model []byte
	var err error
	bound := float64(leastPSNR)
	switch p {
	case onnxgraph.F16:
		bound = leastPSNR16
		model, err = onnxgraph.MarshalFloat16(n, w, m)
	case onnxgraph.Int8:
		model, err = quantized(ctx, n, w, m, calibration)
	default:
		err = fmt.Errorf("precision %q is none of %v", p, onnxgraph.Precisions)
	}
	if err != nil {
		return nil, nil, err
	}
	loss, err := compare(ctx, full, model, check, n.In)
	if err != nil {
		return nil, nil, fmt.Errorf("compare %s to f32: %w", p, err)
	}
	if !(loss.PSNR >= bound) {
		return nil, nil, fmt.Errorf("its pictures in %s are too far from those in f32: %v, and %g dB is the least; nothing was written%s", p, loss, bound, hints[p])
	}
	return model, loss, nil
}

var hints = map[onnxgraph.Precision]string{
	onnxgraph.F16:  "; take f32",
	onnxgraph.Int8: "; calibrate on more pictures, or on ones that are more like those to convert, or take f16",
}

// probeBudget is how many bytes of a network's tensors a calibration looks at
// in one go.
const probeBudget = 256 << 20

// quantized calibrates a network on pictures and returns it in int8.
func quantized(ctx context.Context, n *graph.Network, w graph.Weights, m onnxgraph.Metadata, pictures *Pictures) ([]byte, error) {
	if pictures == nil {
		return nil, errors.New("calibration: there are no pictures")
	}
	c, err := onnxgraph.NewCalibration(n, w)
	if err != nil {
		return nil, err
	}
	c.Pictures, c.Source = pictures.Count, pictures.Source
	probes, err := c.Probes(pictures.H, pictures.W, probeBudget)
	if err != nil {
		return nil, err
	}
	for _, p := range probes {
		model, err := p.Model()
		if err != nil {
			return nil, err
		}
		err = pictures.run(ctx, model, n.In, func(_ int, tensors []session.Tensor) error {
			var group errgroup.Group
			for i, t := range tensors {
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

// compare runs two models on pictures.
func compare(ctx context.Context, full, small []byte, pictures *Pictures, channels int) (*Loss, error) {
	var want [][]float32
	err := pictures.run(ctx, full, channels, func(_ int, tensors []session.Tensor) error {
		want = append(want, tensors[0].Data)
		return nil
	})
	if err != nil {
		return nil, err
	}
	loss := &Loss{Least: math.Inf(1), Pictures: pictures.Count}
	err = pictures.run(ctx, small, channels, func(i int, tensors []session.Tensor) error {
		psnr, err := peakSignalToNoise(want[i], tensors[0].Data)
		loss.PSNR += psnr / float64(pictures.Count)
		loss.Least = min(loss.Least, psnr)
		return err
	})
	return loss, err
}

// peakSignalToNoise compares values of [-1, 1], in dB.
func peakSignalToNoise(want, got []float32) (float64, error) {
	if len(want) != len(got) || len(got) == 0 {
		return 0, fmt.Errorf("%d values where there should be %d", len(got), len(want))
	}
	sum := 0.0
	for i, v := range want {
		d := float64(v) - float64(got[i])
		sum += d * d
	}
	if math.IsNaN(sum) {
		return 0, errors.New("a value is not a number")
	}
	const peak = 2
	return 10 * math.Log10(peak*peak*float64(len(want))/sum), nil
}
