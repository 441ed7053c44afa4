//go:build cgo

package onnxgraph

import (
	"context"
	"fmt"
	"image"
	"math"
	"slices"
	"strings"
	"testing"

	"cyclegan/graph/internal/pyramidtest"
	"cyclegan/infer"
	"cyclegan/infer/session"
)

// One exported pyramid returns what PyTorch returns for images of every size, one pixel included.
func TestPyramidAgreesWithPyTorch(t *testing.T) {
	sessions := map[string]*session.Session{}
	for _, o := range pyramidtest.Outputs(t) {
		net, weights := o.Network(t)
		for precision, limit := range map[Precision]float64{F32: tolerance, F16: 0.01} {
			key := fmt.Sprint(o.Size, precision)
			if sessions[key] == nil {
				model, err := Marshal(net, weights, Metadata{}, precision)
				if err != nil {
					t.Fatal(err)
				}
				sessions[key] = openModel(t, model)
			}
			shape := int64s(o.Shape[:]...)
			got, err := sessions[key].Run(context.Background(), session.Tensor{Shape: shape, Data: o.Input()})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got[0].Shape, shape) {
				t.Fatalf("shape %v for %v", got[0].Shape, o.Shape)
			}
			worst := o.Difference(got[0].Data)
			t.Logf("size %d, %v, %s: %.1e", o.Size, o.Shape, precision, worst)
			if !(worst < limit) {
				t.Errorf("size %d, %v, %s: differs from PyTorch by %.3g", o.Size, o.Shape, precision, worst)
			}
		}
	}
}

// Package infer passes an image of any size through a pyramid as it is: a tile would have a
// thumbnail of its own, and a copy would make a second one.
func TestPyramidIsNeverCut(t *testing.T) {
	net, weights := pyramidtest.Load(t, 3, 128, "128")
	model, err := Marshal(net, weights, Metadata{TrainWidth: 128, TrainHeight: 128}, F32)
	if err != nil {
		t.Fatal(err)
	}
	s := openModel(t, model)
	m, err := infer.New(model, &infer.Options{MaxPixels: 256 * 256})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	img := image.NewNRGBA(image.Rect(0, 0, 1031, 707))
	for i := range img.Pix {
		x, y := float64(i/4%1031), float64(i/4/1031)
		img.Pix[i] = uint8(128 + 80*math.Sin(0.01*x+float64(i%4)) + 40*math.Sin(0.4*y+x*x))
	}
	if tiling := m.Tiling(1031, 707); tiling.Tiles != 1 || tiling.CopyWidth > 0 {
		t.Errorf("tiling %+v", tiling)
	}
	out, err := m.Translate(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 3*707*1031)
	for i := range 707 * 1031 {
		for c := range 3 {
			x[c*707*1031+i] = float32(img.Pix[4*i+c])/127.5 - 1
		}
	}
	want, err := s.Run(t.Context(), session.Tensor{Shape: int64s(1, 3, 707, 1031), Data: x})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 707 * 1031 {
		for c := range 3 {
			got, want := float64(out.(*image.NRGBA).Pix[4*i+c]), float64(want[0].Data[c*707*1031+i]+1)*127.5
			if math.Abs(got-want) > 0.51 {
				t.Fatalf("pixel %d, channel %d: %g, want %g", i, c, got, want)
			}
		}
	}
}

func TestPyramidHasNoInt8(t *testing.T) {
	net, weights := pyramidtest.Load(t, 3, 128, "128")
	if _, err := NewCalibration(net, weights); err == nil || !strings.Contains(err.Error(), "no 8-bit form") {
		t.Errorf("calibration of a pyramid: %v", err)
	}
}
