package graph

import "testing"

func TestMACs(t *testing.T) {
	n := &Network{Name: "tiny", In: 1, Out: 1, Layers: []Layer{
		Conv{Name: "a", In: 1, Out: 2, Kernel: 3, Stride: 1, Pad: 1}, // 4x4x2
		Residual{Body: []Layer{ReflectPad{1}, Conv{Name: "b", In: 2, Out: 2, Kernel: 3, Stride: 1}}},
		Conv{Name: "c", In: 2, Out: 4, Kernel: 2, Stride: 2},                             // 2x2x4
		ConvTranspose{Name: "d", In: 4, Out: 1, Kernel: 3, Stride: 2, Pad: 1, OutPad: 1}, // 4x4x1
	}}
	want := int64(9*1*2*16 + 9*2*2*16 + 4*2*4*4 + 9*4*1*4)
	if got, err := n.MACs(4, 4); err != nil || got != want {
		t.Errorf("%d MACs (%v), want %d", got, err, want)
	}
	if _, err := n.MACs(1, 1); err == nil {
		t.Error("an image that is too small has a count")
	}
}

// GAN Compression (Li et al. 2020, https://arxiv.org/abs/2003.08936) counts 56.8 G for this
// generator at 256 pixels. It counts a transposed convolution by its outputs, four for each input
// here.
func TestMACsOfResNet(t *testing.T) {
	got, err := generator(t, ResNet9, nil).MACs(256, 256)
	if err != nil || got != 49_551_507_456 {
		t.Errorf("%d MACs (%v), want 49,551,507,456", got, err)
	}
	transposed := int64(9*256*128*64*64 + 9*128*64*128*128)
	if theirs := float64(got+3*transposed) / 1e9; theirs < 56.75 || theirs > 56.85 {
		t.Errorf("%.2f G MACs by their count, want 56.8", theirs)
	}
}

// The cost of a pyramid does not depend on the image.
func TestMACsOfPyramid(t *testing.T) {
	base := int64(32 * 32 * 9 * (3*16 + 16*64 + 10*64*64 + 64*16 + 16*3))
	want := base + 64*64*9*(9*32+6*32*32+32) + 128*128*9*(9*16+16)
	for _, side := range []int{128, 31, 4000} {
		if got, err := generator(t, Pyramid, nil).MACs(side, side); err != nil || got != want {
			t.Errorf("%d pixels: %d MACs (%v), want %d", side, got, err, want)
		}
	}
}
