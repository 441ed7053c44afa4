package predict

import (
	"math"
	"strings"
	"testing"

	"cyclegan/graph"
	"cyclegan/train"
)

// course is the step that the project's first measurements were of.
func course(t *testing.T) train.Options {
	t.Helper()
	o, err := train.Preset("paper")
	if err != nil {
		t.Fatal(err)
	}
	o.NetG = "resnet_6blocks"
	return o
}

func step(t *testing.T, o train.Options, side int) Work {
	t.Helper()
	w, err := Step(o, side)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// The operations of a step, worked out by hand: those of a generator's and a
// discriminator's convolutions, times how often each is done.
func TestStepFLOPs(t *testing.T) {
	const (
		full, half, quarter = 128 * 128, 64 * 64, 32 * 32
		stem                = 49 * 3 * 64 * full
		generator           = 2*stem + 9*64*128*half + 9*128*256*quarter + 12*9*256*256*quarter + 9*256*128*quarter + 9*128*64*half
		conv1               = 16 * 3 * 64 * half
		discriminator       = conv1 + 16*64*128*quarter + 16*128*256*16*16 + 16*256*512*15*15 + 16*512*14*14

		// Two generators, real and identity: all but the input of the first layer.
		// Cycle: all. Two discriminators: input alone, then real and translated.
		multiplications = 2*(2*(3*generator-stem)+3*generator) + 2*(2*discriminator+2*(3*discriminator-conv1))
	)
	w := step(t, course(t), 128)
	if w.FLOPs != 2*multiplications {
		t.Errorf("%.0f FLOPs, want %d", w.FLOPs, 2*multiplications)
	}
	if math.Round(w.FLOPs/1e9) != 338 {
		t.Errorf("%.1f GFLOP, want 338", w.FLOPs/1e9)
	}

	o := course(t)
	o.LambdaIdentity = 0
	if got, want := step(t, o, 128).FLOPs, 2.*(multiplications-2*(3*generator-stem)); got != want {
		t.Errorf("%.0f FLOPs without identity, want %.0f", got, want)
	}
	o = course(t)
	o.StepOrder, o.PoolSize = train.DFirst, 0
	if got, want := step(t, o, 128).FLOPs, 2.*(multiplications+2*generator); got != want {
		t.Errorf("%.0f FLOPs with the discriminators first, want %.0f", got, want)
	}
}

// In the direct form all operations are carried out; in Winograd's it is about
// half of them.
func TestStepPerformed(t *testing.T) {
	o := course(t)
	w := step(t, o, 128)
	if share := w.Performed / w.FLOPs; share < 0.3 || share > 0.6 {
		t.Errorf("%.2f of the operations are carried out", share)
	}
	for _, direct := range []func(*train.Options){
		func(o *train.Options) { o.Conv = train.ConvDirect },
		func(o *train.Options) { o.Precision = train.BF16 },
	} {
		o := course(t)
		direct(&o)
		d := step(t, o, 128)
		if d.Performed != d.FLOPs || d.FLOPs != w.FLOPs {
			t.Errorf("%.0f of %.0f operations are carried out, of %.0f in Winograd's form", d.Performed, d.FLOPs, w.FLOPs)
		}
	}
}

// What belongs to pictures doubles with their number, what belongs to weights stays.
func TestStepBatch(t *testing.T) {
	o := course(t)
	var works []Work
	for _, n := range []int{1, 2, 3} {
		o.BatchSize = n
		works = append(works, step(t, o, 128))
	}
	if works[1].FLOPs != 2*works[0].FLOPs {
		t.Errorf("%.0f FLOPs for two pictures, %.0f for one", works[1].FLOPs, works[0].FLOPs)
	}
	for name, of := range map[string]func(Work) float64{
		"performed": func(w Work) float64 { return w.Performed },
		"moved":     func(w Work) float64 { return w.Moved },
		"memory":    func(w Work) float64 { return w.Memory },
	} {
		a, b, c := of(works[0]), of(works[1]), of(works[2])
		if !(a < b && b < 2*a) || math.Abs((c-b)-(b-a)) > 1e-9*c {
			t.Errorf("%s for 1, 2 and 3 pictures: %.0f, %.0f, %.0f", name, a, b, c)
		}
	}
}

// A step's memory by hand, where nothing is in Winograd's form: a convolution
// of few channels, with sides so small that all can be counted.
func TestPassByHand(t *testing.T) {
	n := &graph.Network{Name: "tiny", In: 1, Out: 1, Layers: []graph.Layer{
		graph.Conv{Name: "a", In: 1, Out: 2, Kernel: 3, Stride: 1, Pad: 1}, // 4x4x1 to 4x4x2
		graph.InstanceNorm{Channels: 2},
		graph.ReLU{},
		graph.Conv{Name: "b", In: 2, Out: 1, Kernel: 1, Stride: 1}, // to 4x4x1
	}}
	p := player{net: n}
	if err := p.shape(4, true); err != nil {
		t.Fatal(err)
	}
	const a, b, zeros = 2 * 9 * 32, 2 * 2 * 16, 2 * 36 // zeros are put around in a copy
	for _, c := range []struct {
		name          string
		pass          pass
		flops         float64
		moved, kept   float64
		movedByWeight float64
	}{
		{"forward", pass{p, false, false}, a + b, 48 + zeros + 64 + 64 + 48, 0, 18 + 2},
		{"to the weights", pass{p, true, false}, 2*a + 3*b, 2*48 + zeros + 2*64 + 2*64 + 3*48, 36 + 32 + 32, 3 * 20},
		{"to both", pass{p, true, true}, 3 * (a + b), 3*48 + 2*zeros + 2*64 + 2*64 + 3*48, 36 + 32 + 32, 3 * 20},
		{"to the input", pass{p, false, true}, 2 * (a + b), 2 * (48 + zeros + 64 + 64 + 48), 32 + 32, 2 * 20},
	} {
		w := c.pass.work()
		if w.FLOPs != c.flops || w.Performed != c.flops || w.Moved != 4*c.moved || c.pass.kept() != c.kept || c.pass.sharedMoved() != c.movedByWeight {
			t.Errorf("%s: %+v, %.0f values kept, %.0f of weights moved; want %.0f FLOPs, %.0f values moved, %.0f kept, %.0f of weights",
				c.name, w, c.pass.kept(), c.pass.sharedMoved(), c.flops, c.moved, c.kept, c.movedByWeight)
		}
	}
}

// Winograd's form of one layer in both back-ends, by hand.
func TestWinogradByHand(t *testing.T) {
	n := &graph.Network{Name: "wide", In: 64, Out: 128, Layers: []graph.Layer{
		graph.ReflectPad{Pad: 1},
		graph.Conv{Name: "a", In: 64, Out: 128, Kernel: 3, Stride: 1}, // 16x16: 4x4 tiles
	}}
	costs, err := n.Costs(16, 16)
	if err != nil {
		t.Fatal(err)
	}
	const products = 2 * 36 * 16 * 64 * 128
	f := trainingForms(costs, true)
	// [24, 16] by [16, 16*64] and [24, 16] by 24 times [16, 64]; back [16, 24] by 24
	// times [24, 128] and [16, 24] by [24, 16*128].
	const before, after = 2*24*16*16*64 + 24*2*24*16*64, 24*2*16*24*128 + 2*16*24*16*128
	const transforms = before + after
	if f[1].forward != products+transforms || f[1].input != products+transforms || f[1].weight != products+before || f[1].direct != 2*9*64*128*256 {
		t.Errorf("in training %+v; want %d operations in products and %d in transforms", f[1], products, transforms)
	}
	if f[0] != (form{}) {
		t.Errorf("the padding that the transform does itself takes %+v", f[0])
	}
	if f[1].kept != 16*16*64 || f[1].filter != 36*64*128 || f[1].filterFLOPs != 2*36*9*64*128 {
		t.Errorf("in training %+v", f[1])
	}
	r := runtimeForms(costs)
	if want := float64(products + 2*36*36*16*64 + 2*16*36*16*128); r[1].forward != want {
		t.Errorf("in the runtime %.0f operations, want %.0f", r[1].forward, want)
	}
	if r[0].moved != (16*16+18*18)*64 {
		t.Errorf("padding moves %.0f values", r[0].moved)
	}
	for _, f := range [][]form{trainingForms(costs, false), trainingForms(mustCosts(t, n, 12), true)} {
		if f[1].forward != f[1].direct || f[1].filter != 0 || f[0].moved == 0 {
			t.Errorf("%+v is not the direct form", f[1])
		}
	}
}

func mustCosts(t *testing.T, n *graph.Network, side int) []graph.LayerCost {
	t.Helper()
	c, err := n.Costs(side, side)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPicture(t *testing.T) {
	n := &graph.Network{Name: "tiny", In: 3, Out: 3, Layers: []graph.Layer{
		graph.Conv{Name: "a", In: 3, Out: 4, Kernel: 1, Stride: 1, Bias: true},
		graph.ReLU{},
		graph.Conv{Name: "b", In: 4, Out: 3, Kernel: 1, Stride: 1},
	}}
	w, err := Picture(n, 10, 20, 2)
	if err != nil {
		t.Fatal(err)
	}
	const weights, area = 12 + 4 + 12, 200
	want := Work{FLOPs: 2 * 24 * area, Performed: 2 * 24 * area, Moved: 4 * ((7+8+7)*area + weights), Memory: 4 * (4*weights + 2*8*area)}
	if w != want {
		t.Errorf("a picture takes %+v, want %+v", w, want)
	}
	tiled, err := Tiled(n, 3, 10, 20)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Work{FLOPs: 8 * want.FLOPs, Performed: 8 * want.Performed, Moved: 8 * want.Moved, Memory: 4 * (13*weights + 8*area)}); tiled != want {
		t.Errorf("3 tiles take %+v, want %+v", tiled, want)
	}
	for _, c := range []struct{ side, pictures, together, sessions int }{{512, 1, 1, 1}, {512, 5, 2, 1}, {516, 5, 1, 2}} {
		w, err := Picture(n, c.side, c.side, c.pictures)
		if want := float64(4 * ((1+3*c.sessions)*weights + c.together*8*c.side*c.side)); err != nil || w.Memory != want {
			t.Errorf("%d pictures of %d pixels take %.0f bytes (%v), want %.0f", c.pictures, c.side, w.Memory, err, want)
		}
	}
}

// Filters in Winograd's form are there once, and not what they were made of.
func TestPictureShares(t *testing.T) {
	n := &graph.Network{Name: "wide", In: 64, Out: 64, Layers: []graph.Layer{graph.Conv{Name: "a", In: 64, Out: 64, Kernel: 3, Stride: 1, Pad: 1}}}
	var memory [2]float64
	for i, sessions := range []int{1, 4} {
		w, err := picture(n, 16, 16, 0, sessions)
		if err != nil {
			t.Fatal(err)
		}
		memory[i] = w.Memory
	}
	if want := float64(4 * (9 + 36) * 64 * 64); memory[0] != want || memory[1] != want {
		t.Errorf("the model holds %.0f bytes in one session and %.0f in four, want %.0f in both", memory[0], memory[1], want)
	}
}

// A transposed convolution's products exist before they are added up.
func TestRuntimeTransposed(t *testing.T) {
	n := &graph.Network{Name: "up", In: 4, Out: 2, Layers: []graph.Layer{graph.ConvTranspose{Name: "a", In: 4, Out: 2, Kernel: 3, Stride: 2, Pad: 1, OutPad: 1}}}
	f := runtimeForms(mustCosts(t, n, 5))[0]
	const in, out, kernels = 5 * 5 * 4, 10 * 10 * 2, 9 * 2 * 25
	if f.moved != in+out+2*kernels || f.live != in+out+kernels || f.forward != 2*9*2*in {
		t.Errorf("%+v", f)
	}
}

func TestFactor(t *testing.T) {
	predicted := []float64{1, 2, 100}
	if f := Factor(predicted, []float64{1.5, 3, 150}); math.Abs(f-1.5) > 1e-12 {
		t.Errorf("factor %g, want 1.5", f)
	}
	if f := Factor(nil, nil); f != 1 {
		t.Errorf("factor %g of nothing", f)
	}
	// Of what has no one factor, no other number is nearer in relative error.
	measured := []float64{2, 5, 120}
	errorOf := func(f float64) (sum float64) {
		for i, m := range measured {
			sum += math.Pow((predicted[i]*f-m)/m, 2)
		}
		return sum
	}
	f := Factor(predicted, measured)
	if errorOf(f) >= errorOf(f*1.01) || errorOf(f) >= errorOf(f*0.99) {
		t.Errorf("factor %g is not the nearest", f)
	}
}

func TestSeconds(t *testing.T) {
	p := Peaks{FLOPs: 100, Bandwidth: 10}
	w := Work{FLOPs: 1e6, Performed: 200, Moved: 30}
	if p.Seconds(w) != 5 || p.Computing(w) != 2 || p.Moving(w) != 3 {
		t.Errorf("%v, %v and %v seconds, want 5, 2 and 3", p.Seconds(w), p.Computing(w), p.Moving(w))
	}
}

func TestConstant(t *testing.T) {
	predicted := []float64{1, 2, 100}
	if c := Constant(predicted, []float64{1.5, 2.5, 100.5}); math.Abs(c-0.5) > 1e-12 {
		t.Errorf("constant %g, want 0.5", c)
	}
	if c := Constant(predicted, []float64{0.5, 1.5, 90}); c != 0 {
		t.Errorf("constant %g where the predictions are too large", c)
	}
	if c := Constant(nil, nil); c != 0 {
		t.Errorf("constant %g of nothing", c)
	}
	// Of what differs by no constant, no other number is nearer in relative error.
	measured := []float64{2, 5, 120}
	errorOf := func(c float64) (sum float64) {
		for i, m := range measured {
			sum += math.Pow((predicted[i]+c-m)/m, 2)
		}
		return sum
	}
	c := Constant(predicted, measured)
	if errorOf(c) >= errorOf(c*1.01) || errorOf(c) >= errorOf(c*0.99) {
		t.Errorf("constant %g is not the nearest", c)
	}
}

func TestStepRefuses(t *testing.T) {
	o := course(t)
	o.LambdaGP, o.GANMode = 10, train.WGANGP
	if _, err := Step(o, 128); err == nil || !strings.Contains(err.Error(), "lambda_gp") {
		t.Errorf("with the gradient penalty: %v", err)
	}
	if _, err := Step(course(t), 8); err == nil {
		t.Error("a step on pictures that the discriminator has no score for")
	}
}
