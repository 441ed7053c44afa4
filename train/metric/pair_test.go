package metric

import (
	"image"
	"math"
	"strings"
	"testing"
)

func TestIdenticalImages(t *testing.T) {
	a := drawn(20, 30, 1, false)
	q, err := Compare(a, a)
	must(t, err)
	if !math.IsInf(q.PSNR, 1) || q.L1 != 0 || math.Abs(q.SSIM-1) > 1e-12 {
		t.Errorf("an image compared with itself: %+v", q)
	}
	var p Pairs
	p.Add(q)
	p.Add(Pair{PSNR: 20, L1: 0.5, SSIM: 0.5})
	for _, s := range p.Scores("x_") {
		want := map[string]Score{
			"x_PSNR": {"x_PSNR", (MaxPSNR + 20) / 2, 0, 2, 0, true},
			"x_SSIM": {"x_SSIM", (q.SSIM + 0.5) / 2, 0, 2, 0, true},
			"x_L1":   {"x_L1", 0.25, 0, 2, 0, false},
		}[s.Name]
		if s != want {
			t.Errorf("%+v, want %+v", s, want)
		}
	}
	if s := (&Pairs{}).Scores(""); s != nil {
		t.Errorf("scores of zero pairs: %v", s)
	}
}

func TestSubImages(t *testing.T) {
	big := drawn(60, 50, 2, false)
	part := big.SubImage(image.Rect(7, 9, 47, 39)).(*image.NRGBA)
	alone := image.NewNRGBA(image.Rect(0, 0, 40, 30))
	for y := range 30 {
		copy(row(alone, y), row(part, y))
	}
	other := disturbed(alone, 3, 30, 0, false)
	a, err := Compare(part, other)
	must(t, err)
	b, err := Compare(alone, other)
	must(t, err)
	if a != b {
		t.Errorf("scores of a part %+v, of its copy %+v", a, b)
	}
	// Alpha is ignored.
	for i := 3; i < len(other.Pix); i += 4 {
		other.Pix[i] = uint8(i)
	}
	if c, err := Compare(alone, other); err != nil || c != b {
		t.Errorf("scores with alpha %+v, %v, without %+v", c, err, b)
	}
}

func TestCompareErrors(t *testing.T) {
	a, b, small := drawn(20, 30, 1, false), drawn(30, 20, 1, false), drawn(10, 40, 1, false)
	for _, c := range []struct {
		a, b *image.NRGBA
		want string
	}{
		{a, b, "20x30 and 30x20"},
		{&image.NRGBA{}, &image.NRGBA{}, "0x0"},
		{small, small, "11x11"},
	} {
		if _, err := Compare(c.a, c.b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
}
