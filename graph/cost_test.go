package graph

import (
	"reflect"
	"testing"
)

// Numbers worked out by hand for a network with every rule in it.
func TestCosts(t *testing.T) {
	n := &Network{Name: "tiny", In: 1, Out: 1, Layers: []Layer{
		Conv{Name: "a", In: 1, Out: 2, Kernel: 3, Stride: 1, Pad: 1}, // 4x4x2
		InstanceNorm{Channels: 2},
		ReLU{},
		Residual{Body: []Layer{
			ReflectPad{1}, // 6x6x2
			Conv{Name: "b", In: 2, Out: 2, Kernel: 3, Stride: 1}, // 4x4x2
			Dropout{0.5},
		}},
		Conv{Name: "c", In: 2, Out: 4, Kernel: 2, Stride: 2}, // 2x2x4
		LeakyReLU{0.2},
		Concat{Body: []Layer{GlobalMean{}, Upsample{Scale: 2, Mode: Nearest}}},           // 2x2x8
		ConvTranspose{Name: "d", In: 8, Out: 1, Kernel: 3, Stride: 2, Pad: 1, OutPad: 1}, // 4x4x1
		Tanh{},
	}}
	got, err := n.Costs(4, 4)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][4]int64
	for _, c := range got {
		rows = append(rows, [4]int64{c.FLOPs, c.Moved, c.Kept, c.Live})
	}
	want := [][4]int64{
		{2 * 9 * 1 * 32, 16 + 32, 16, 16 + 32},      // a
		{0, 32 + 32, 32, 32 + 32},                   // norm
		{0, 32 + 32, 32, 32 + 32},                   // relu keeps what it gives
		{0, 32 + 72, 0, 32 + 72 + 32},               // pad, with the sum's other side waiting
		{2 * 9 * 2 * 32, 72 + 32, 72, 72 + 32 + 32}, // b
		{0, 32 + 32, 32, 32 + 32 + 32},              // dropout
		{0, 32 + 32 + 32, 0, 32 + 32 + 32},          // the sum
		{2 * 4 * 2 * 16, 32 + 16, 32, 32 + 16},      // c
		{0, 16 + 16, 16, 16 + 16},                   // leaky relu keeps what it gets
		{0, 16 + 4, 0, 16 + 4 + 16},                 // mean
		{0, 4 + 16, 0, 4 + 16 + 16},                 // upsample
		{0, 16 + 16 + 32, 0, 16 + 16 + 32},          // side by side
		{2 * 9 * 1 * 32, 32 + 16, 32, 32 + 16},      // d: 9 outputs for each of 32 inputs
		{0, 16 + 16, 16, 16 + 16},                   // tanh
	}
	if !reflect.DeepEqual(rows, want) {
		for i, row := range rows {
			if i >= len(want) || row != want[i] {
				t.Errorf("layer %d, %s: %v", i, Describe(got[i].Layer), row)
			}
		}
		t.Errorf("the costs are\n%v\nwant\n%v", rows, want)
	}
	cost, err := n.Cost(4, 4)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Cost{FLOPs: 576 + 1152 + 256 + 576, Moved: 808, Kept: 280, Live: 136}); cost != want {
		t.Errorf("the network's cost is %+v, want %+v", cost, want)
	}
}

// A ReLU's result is the next convolution's input, and kept once.
func TestCostKeepsOnce(t *testing.T) {
	n := &Network{Name: "once", In: 1, Out: 1, Layers: []Layer{ReLU{}, Conv{Name: "a", In: 1, Out: 1, Kernel: 1, Stride: 1}}}
	if c, err := n.Cost(4, 4); err != nil || c.Kept != 16 {
		t.Errorf("%d values are kept (%v), want 16", c.Kept, err)
	}
}

// GAN Compression (Li et al. 2020, https://arxiv.org/abs/2003.08936) gives this
// generator 56.8 G multiplications at 256 pixels. It counts transposed
// convolutions as often as they have outputs, four for each input here.
func TestCostOfResNet(t *testing.T) {
	const side = 256
	costs, err := generator(t, ResNet9, nil).Costs(side, side)
	if err != nil {
		t.Fatal(err)
	}
	var multiplications, transposed int64
	for _, c := range costs {
		multiplications += c.FLOPs / 2
		if _, ok := c.Layer.(ConvTranspose); ok {
			transposed += c.FLOPs / 2
		}
	}
	if multiplications != 49_551_507_456 {
		t.Errorf("%d multiplications, want 49,551,507,456", multiplications)
	}
	if theirs := multiplications + 3*transposed; (theirs+5e7)/1e8 != 568 {
		t.Errorf("%d multiplications by their count, want 56.8 G", theirs)
	}
}

func TestCostOfPictureTooSmall(t *testing.T) {
	if _, err := generator(t, ResNet9, nil).Cost(2, 2); err == nil {
		t.Error("a picture that the network can't take has a cost")
	}
}
