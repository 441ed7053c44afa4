package export

import (
	"math"
	"testing"
)

func TestPSNR(t *testing.T) {
	for _, c := range []struct {
		got  []float32
		want float64
	}{
		{[]float32{1, -1, 0.5, 0}, math.Inf(1)},
		{[]float32{0.9, -1.1, 0.6, 0.1}, 20 * math.Log10(2/0.1)},
		{[]float32{-1, 1, -1.5, 2}, 0},
	} {
		got, err := psnr([]float32{1, -1, 0.5, 0}, c.got)
		if err != nil || got != c.want && math.Abs(got-c.want) > 1e-5 {
			t.Errorf("%v: %g dB, %v; want %g", c.got, got, err, c.want)
		}
	}
	for _, bad := range [][]float32{nil, {1, -1, 0.5}, {1, float32(math.NaN()), 0, 0}} {
		if got, err := psnr([]float32{1, -1, 0.5, 0}, bad); err == nil {
			t.Errorf("%v: %g dB and no error", bad, got)
		}
	}
	same := &Loss{PSNR: math.Inf(1), Least: math.Inf(1), Images: 4}
	if same.Visible() || same.String() != "identical to f32 on 4 images" {
		t.Errorf("equal images: %v", same)
	}
	if l := (&Loss{PSNR: 34.9, Least: 30, Images: 2}); !l.Visible() || l.String() != "PSNR to f32 34.9 dB, at least 30.0, on 2 images" {
		t.Errorf("%v, visible %v", l, l.Visible())
	}
}
