package infer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cyclegan/infer/internal/imagetest"
	"cyclegan/infer/onnx"
	"cyclegan/infer/session"
)

// wide returns an image-to-image model with layers of 3x3 convolutions, which have a faster form.
func wide(channels int64, layers int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	weights := func(name string, out, in, size int64) *onnx.Tensor {
		values := make([]float32, out*in*size*size)
		scale := float32(math.Sqrt(3 / float64(in*size*size)))
		for i := range values {
			values[i] = scale * (2*r.Float32() - 1)
		}
		return onnx.NewTensor(name, []int64{out, in, size, size}, values)
	}
	m := &onnx.Model{IRVersion: 8, Opset: 17, Graph: "graph"}
	any := []int64{-1, 3, -1, -1}
	m.Inputs = []onnx.Port{{Name: "input", Type: onnx.Float32, Shape: any}}
	m.Outputs = []onnx.Port{{Name: "output", Type: onnx.Float32, Shape: any}}
	x := "input"
	conv := func(out, in, size int64) {
		name := fmt.Sprint("conv", len(m.Nodes))
		m.Tensors = append(m.Tensors, weights(name+".weight", out, in, size))
		m.Nodes = append(m.Nodes, &onnx.Node{Op: "Conv", Name: name, Inputs: []string{x, name + ".weight"}, Outputs: []string{name},
			Attrs: []onnx.Attr{onnx.IntsAttr("pads", size/2, size/2, size/2, size/2)}})
		x = name
	}
	conv(channels, 3, 1)
	for range layers {
		conv(channels, channels, 3)
	}
	conv(3, channels, 1)
	m.Nodes = append(m.Nodes, &onnx.Node{Op: "Tanh", Name: "tanh", Inputs: []string{x}, Outputs: []string{"output"}})
	return m.Encode()
}

// The faster form returns what the model returns, in every session, until the model is closed.
func TestFastFormIsTheModel(t *testing.T) {
	open(t, "conv.onnx", nil)
	plain, err := session.New(wide(64, 2), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	m, err := New(wide(64, 2), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	whole, err := m.sessions.large()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for _, run := range []runner{m.sessions.main, whole, m.sessions.main} {
		x := session.Tensor{Shape: []int64{1, 3, 18, 23}, Data: make([]float32, 3*18*23)}
		for i := range x.Data {
			x.Data[i] = 2*r.Float32() - 1
		}
		want, err := plain.Run(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]session.Tensor, 1)
		if err := run.RunInto(t.Context(), got, x); err != nil {
			t.Fatal(err)
		}
		for i, v := range want[0].Data {
			if d := math.Abs(float64(v - got[0].Data[i])); d > 2e-5 {
				t.Fatalf("value %d: %g, want %g", i, got[0].Data[i], v)
			}
		}
	}
	for range 2 {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := m.Translate(t.Context(), imagetest.Pattern(9, 9)); !errors.Is(err, session.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := m.sessions.main.RunInto(t.Context(), make([]session.Tensor, 1), session.Tensor{Shape: []int64{1, 3, 8, 8}, Data: make([]float32, 192)}); !errors.Is(err, session.ErrClosed) {
		t.Errorf("a run after Close: %v", err)
	}
	if inputs := m.sessions.main.About().Inputs; len(inputs) != 1 {
		t.Errorf("inputs %v", inputs)
	}
}

// Many concurrent images use a session with fewer threads, which is opened when it is needed, and
// get the same result. A few do without it.
func TestConcurrentSession(t *testing.T) {
	m := open(t, "multiple8.onnx", &Options{Threads: 2})
	if m.sessions.concurrent.open == nil {
		t.Fatal("two threads are not divided")
	}
	img := imagetest.Pattern(40, 30)
	alone, err := m.Translate(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	if m.sessions.concurrent.run != nil {
		t.Error("a second session is open for a single image")
	}
	release, _, err := m.limit.acquire(t.Context(), 8, 8)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	var concurrent image.Image
	for range minConcurrentRuns + 1 {
		if m.sessions.concurrent.run != nil {
			t.Error("the session with fewer threads is used for a few images")
		}
		if concurrent, err = m.Translate(t.Context(), img); err != nil {
			t.Fatal(err)
		}
	}
	if m.sessions.concurrent.run == nil {
		t.Error("the session with fewer threads is not used")
	}
	if !bytes.Equal(alone.(*image.NRGBA).Pix, concurrent.(*image.NRGBA).Pix) {
		t.Error("the images differ")
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if _, err := m.Translate(t.Context(), img); err == nil {
		t.Error("a closed model translates")
	}
	if one := open(t, "multiple8.onnx", &Options{Threads: 1}); one.sessions.concurrent.open != nil {
		t.Error("one thread is divided")
	}
}

// Two small images are in the model at once, and a large one alone.
func TestConcurrency(t *testing.T) {
	spec := Port{Layout: "NCHW", Range: symmetricRange, Channels: 3}
	e := newEngine(Info{SizeMultiple: 1, MinSize: 1, Input: spec, Output: spec, MaxPixels: -1, Provider: "cuda"})
	var now, most, withLarge atomic.Int32
	s := &sessions{options: session.Options{Provider: "cuda"}}
	s.main = busy(func(inputs []session.Tensor) session.Tensor {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(20 * time.Millisecond)
		if inputs[0].Shape[3] == 1024 {
			withLarge.Store(max(n, now.Load()))
		}
		return inputs[0]
	})
	m := &Model{engine: e, sessions: s, limit: newLimiter((&Options{Concurrency: 2}).concurrency(1))}
	var group sync.WaitGroup
	for i := range 6 {
		group.Go(func() {
			img := imagetest.Pattern(9+i, 7)
			if i == 2 {
				img = imagetest.Pattern(1024, 257)
			}
			if _, err := m.Translate(t.Context(), img); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if most.Load() != 2 || withLarge.Load() != 1 {
		t.Errorf("%d images were in the model at once, and %d with the large one; want 2 and 1", most.Load(), withLarge.Load())
	}

	// Waiting ends with the context.
	release, _, err := m.limit.acquire(t.Context(), 2000, 2000)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	time.AfterFunc(10*time.Millisecond, func() { cancel(enough) })
	if _, err := m.Translate(ctx, imagetest.Pattern(8, 8)); !errors.Is(err, enough) {
		t.Errorf("while another image has the whole model: %v", err)
	}
}

// busy is a session that computes its output by a function.
type busy func(inputs []session.Tensor) session.Tensor

func (b busy) About() *session.Description {
	return &session.Description{Outputs: make([]onnx.Port, 1)}
}
func (b busy) Close() error { return nil }
func (b busy) RunInto(_ context.Context, outputs []session.Tensor, inputs ...session.Tensor) error {
	outputs[0] = b(inputs)
	return nil
}

func TestLimiterShares(t *testing.T) {
	for _, c := range []struct{ w, h, size, unit, others int }{
		{1, 1, 4, arenaPixels, 3}, {512, 512, 4, arenaPixels, 3}, {513, 512, 4, arenaPixels, 2}, {1024, 512, 4, arenaPixels, 2},
		{1024, 768, 4, arenaPixels, 1}, {2048, 2048, 4, arenaPixels, 0}, {1 << 30, 1 << 30, 4, arenaPixels, 0},
		{3000, 1, 4, arenaPixels, 3}, {600, 600, 1, arenaPixels, 0},
		{256, 256, 2, arenaPixels / 2, 1}, {512, 512, 2, arenaPixels / 2, 0}, {256, 256, 4, arenaPixels / 4, 3}, {512, 512, 4, arenaPixels / 4, 0},
	} {
		l := newLimiter(c.size, c.unit)
		if _, _, err := l.acquire(t.Context(), c.w, c.h); err != nil {
			t.Fatal(err)
		}
		n := 0
		for l.sem.TryAcquire(1) {
			n++
		}
		if n != c.others {
			t.Errorf("%dx%d: room for %d others of %d, want %d", c.w, c.h, n, c.size, c.others)
		}
	}
}

func TestDefaultConcurrency(t *testing.T) {
	if n, pixels := (&Options{Concurrency: 7}).concurrency(4); n != 7 || pixels != arenaPixels {
		t.Errorf("%d images of %d pixels, want 7 of %d", n, pixels, arenaPixels)
	}
	if n, pixels := (&Options{}).concurrency(4); n < 1 || n > 2 || n*pixels != arenaPixels {
		t.Errorf("%d images of %d pixels for 4 threads", n, pixels)
	}
	for _, threads := range []int{32, 64} {
		if n, _ := (&Options{}).concurrency(threads); n != 4 {
			t.Errorf("%d for %d threads, want 4", n, threads)
		}
	}
}
