//go:build cgo

package session

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	ort "github.com/yalue/onnxruntime_go"

	"cyclegan/third_party/native"
)

// open opens a fixture, and skips the test on a machine without ONNX Runtime.
func open(t testing.TB, name string, opt *Options) *Session {
	t.Helper()
	s, err := New(fixture(t, name), opt)
	var missing *NotFoundError
	if errors.As(err, &missing) {
		t.Skipf("needs ONNX Runtime: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestRun(t *testing.T) {
	s := open(t, "invert.onnx", nil)
	if s.Version() == "" || s.Options().Provider != CPU || s.About().Metadata["cyclegan.direction"] != "BtoA" {
		t.Errorf("version %q, options %+v, metadata %v", s.Version(), s.Options(), s.About().Metadata)
	}
	for _, shape := range [][]int64{{1, 3, 1, 2}, {3, 3, 5, 1}} {
		n := int64(1)
		for _, d := range shape {
			n *= d
		}
		in := make([]float32, n)
		want := make([]float32, n)
		for i := range in {
			in[i] = float32(i) - 2.5
			want[i] = -in[i]
		}
		out, err := s.Run(t.Context(), Tensor{Shape: shape, Data: in})
		if err != nil {
			t.Fatal(err)
		}
		if len(out) != 1 || !slices.Equal(out[0].Shape, shape) || !slices.Equal(out[0].Data, want) {
			t.Errorf("%v: got %v, want %v", in, out, want)
		}
	}
}

func TestRunSeveralPorts(t *testing.T) {
	s := open(t, "two.onnx", &Options{InterThreads: 2})
	out, err := s.Run(t.Context(), Tensor{[]int64{1, 2}, []float32{1, 2}}, Tensor{[]int64{1, 2}, []float32{10, 20}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(out[0].Data, []float32{11, 22}) || !slices.Equal(out[1].Data, []float32{16.5}) || len(out[1].Shape) != 0 {
		t.Errorf("got %v", out)
	}
}

// constant is a tensor whose memory stays where it is.
func constant(t *testing.T, shape []int64, values ...float32) Tensor {
	t.Helper()
	var pins runtime.Pinner
	pins.Pin(&values[0])
	t.Cleanup(pins.Unpin)
	return Tensor{Shape: shape, Data: values}
}

// A constant is not an input, and each run uses the values that it holds when the run starts.
func TestRunWithConstants(t *testing.T) {
	open(t, "two.onnx", nil)
	b := constant(t, []int64{1, 2}, 10, 20)
	s := open(t, "two.onnx", &Options{Constants: map[string]Tensor{"b": b}})
	if got := portList(s.About().Inputs); got != `"a" float32 [N,2]` {
		t.Errorf("inputs %s", got)
	}
	for _, more := range []float32{0, 5} {
		b.Data[0] = 10 + more
		out, err := s.Run(t.Context(), Tensor{[]int64{1, 2}, []float32{1, 2}})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(out[0].Data, []float32{11 + more, 22}) {
			t.Errorf("got %v", out)
		}
	}
	if _, err := s.Run(t.Context(), Tensor{[]int64{1, 2}, []float32{1, 2}}, b); err == nil {
		t.Error("a run accepted a constant as an input")
	}
}

func TestRunErrors(t *testing.T) {
	s := open(t, "fixed.onnx", nil)
	_, err := s.Run(t.Context(), Tensor{[]int64{1, 3, 2, 2}, make([]float32, 12)})
	if err == nil || !strings.Contains(err.Error(), "[1,3,16,24], not [1,3,2,2]") {
		t.Errorf("wrong shape: %v", err)
	}
	// Errors that only the run can detect are ONNX Runtime's.
	s = open(t, "multiple8.onnx", nil)
	_, err = s.Run(t.Context(), Tensor{[]int64{1, 3, 2, 2}, make([]float32, 12)})
	if err == nil || !strings.Contains(err.Error(), "ONNX Runtime: ") {
		t.Errorf("unsupported size: %v", err)
	}
}

func TestNewErrors(t *testing.T) {
	open(t, "invert.onnx", nil)
	for _, c := range []struct {
		name  string
		model []byte
		opt   *Options
		want  string
	}{
		{"provider", fixture(t, "invert.onnx"), &Options{Provider: "tpu"}, `"tpu"`},
		{"no model", []byte("hello"), nil, "not an ONNX model"},
		{"no operators", message(7, string(message(11, string(message(1, "x")), 12, string(message(1, "y"))))), nil, "ONNX Runtime: "},
	} {
		if _, err := New(c.model, c.opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "no.onnx"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

// A flipped bit or a missing end results in an error or in another model, never in a crash.
func TestDamagedModel(t *testing.T) {
	open(t, "conv.onnx", nil)
	whole := fixture(t, "conv.onnx")
	r := rand.New(rand.NewPCG(1, 2))
	failed := 0
	for range 40 {
		damaged := slices.Clone(whole)
		damaged[r.IntN(len(damaged))] ^= 1 << r.IntN(8)
		if r.IntN(3) == 0 {
			damaged = damaged[:r.IntN(len(damaged))]
		}
		s, err := New(damaged, &Options{IntraThreads: 1})
		if err != nil {
			failed++
			continue
		}
		if _, err := s.Run(t.Context(), Tensor{[]int64{1, 3, 4, 4}, make([]float32, 48)}); err != nil {
			failed++
		}
		s.Close()
	}
	if failed < 10 {
		t.Errorf("%d of 40 damaged files failed", failed)
	}
}

func TestCloseTwice(t *testing.T) {
	s := open(t, "invert.onnx", nil)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Run(t.Context(), Tensor{[]int64{1, 3, 1, 1}, make([]float32, 3)}); !errors.Is(err, ErrClosed) {
		t.Errorf("run after Close: %v", err)
	}
}

// Sessions are opened, run and closed in several goroutines.
func TestConcurrent(t *testing.T) {
	open(t, "invert.onnx", nil).Close()
	model := fixture(t, "conv.onnx")
	want := []float32(nil)
	var mu sync.Mutex
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			for range 5 {
				s, err := New(model, &Options{IntraThreads: 1 + g%2})
				if err != nil {
					t.Error(err)
					return
				}
				var inner sync.WaitGroup
				for range 3 {
					inner.Go(func() {
						in := make([]float32, 3*9*7)
						for i := range in {
							in[i] = float32(math.Sin(float64(i)))
						}
						out, err := s.Run(t.Context(), Tensor{[]int64{1, 3, 9, 7}, in})
						if err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						defer mu.Unlock()
						if want == nil {
							want = out[0].Data
						}
						if !slices.Equal(want, out[0].Data) {
							t.Error("two runs of one input differ")
						}
					})
				}
				inner.Wait()
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

// Many concurrent runs of one session have different shapes and their own memory, and some are
// canceled.
func TestConcurrentRuns(t *testing.T) {
	s := open(t, "conv.onnx", &Options{IntraThreads: 1})
	input := func(side int64) Tensor {
		in := Tensor{[]int64{1, 3, side, 5}, make([]float32, 3*side*5)}
		for i := range in.Data {
			in.Data[i] = float32(math.Sin(float64(i) + float64(side)))
		}
		return in
	}
	want := map[int64][]float32{}
	for side := int64(4); side < 7; side++ {
		out, err := s.Run(t.Context(), input(side))
		if err != nil {
			t.Fatal(err)
		}
		want[side] = out[0].Data
	}
	var group sync.WaitGroup
	for g := range int64(8) {
		group.Go(func() {
			outputs := make([]Tensor, 1)
			for i := range int64(25) {
				side := 4 + (g+i)%3
				ctx, cancel := context.WithCancel(t.Context())
				if i%5 == 4 {
					go cancel()
				}
				err := s.RunInto(ctx, outputs, input(side))
				cancel()
				if errors.Is(err, context.Canceled) && i%5 == 4 {
					continue
				}
				if err != nil {
					t.Error(err)
				} else if !slices.Equal(outputs[0].Data, want[side]) {
					t.Errorf("goroutine %d, run %d: wrong output", g, i)
				}
			}
		})
	}
	group.Wait()
}

func TestCancel(t *testing.T) {
	s := open(t, "slow.onnx", nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := s.Run(ctx, Tensor{[]int64{1, 3, 8, 8}, make([]float32, 192)})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("canceled after %v", took)
	}
	if _, err := s.Run(ctx, Tensor{[]int64{1, 3, 8, 8}, make([]float32, 192)}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("run with an ended context: %v", err)
	}
}

// Close waits for the current run.
func TestCloseWaits(t *testing.T) {
	s := open(t, "slow.onnx", nil)
	ctx, cancel := context.WithCancel(t.Context())
	running := make(chan error)
	go func() {
		_, err := s.Run(ctx, Tensor{[]int64{1, 3, 8, 8}, make([]float32, 192)})
		running <- err
	}()
	closed := make(chan error)
	time.Sleep(50 * time.Millisecond)
	go func() { closed <- s.Close() }()
	select {
	case <-closed:
		t.Error("Close did not wait")
	case <-time.After(50 * time.Millisecond):
	}
	cancel()
	if err := <-running; !errors.Is(err, context.Canceled) {
		t.Errorf("run: %v", err)
	}
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestPreload(t *testing.T) {
	open(t, "invert.onnx", nil).Close()
	if err := Shutdown(); err != nil {
		t.Fatal(err)
	}
	Preload(nil)
	s := open(t, "invert.onnx", nil)
	runInvert(t, s)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	Preload(&Options{Library: filepath.Join(t.TempDir(), "no.so")}) // the session reports the error
	runInvert(t, open(t, "invert.onnx", nil))
}

// runInvert fails the test unless invert.onnx runs in s.
func runInvert(t *testing.T, s *Session) {
	t.Helper()
	out, err := s.Run(t.Context(), Tensor{[]int64{1, 3, 1, 1}, []float32{1, 2, 3}})
	if err != nil || !slices.Equal(out[0].Data, []float32{-1, -2, -3}) {
		t.Errorf("got %v, %v", out, err)
	}
}

// hostInitializes initializes ONNX Runtime as a program does that uses onnxruntime_go itself.
func hostInitializes(t *testing.T) {
	t.Helper()
	if _, err := search("", CPU, func(name string) error {
		ort.SetSharedLibraryPath(name)
		return ort.InitializeEnvironment()
	}); err != nil {
		t.Fatal(err)
	}
}

// hostSession opens a session as a program does that uses onnxruntime_go itself.
func hostSession(t *testing.T) (run func() error) {
	t.Helper()
	s, err := ort.NewDynamicAdvancedSessionWithONNXData(fixture(t, "invert.onnx"), []string{"input"}, []string{"output"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Destroy() })
	return func() error {
		in, err := ort.NewTensor(ort.NewShape(1, 3, 1, 1), []float32{1, 2, 3})
		if err != nil {
			return err
		}
		defer in.Destroy()
		out := []ort.Value{nil}
		if err := s.Run([]ort.Value{in}, out); err != nil {
			return err
		}
		return out[0].Destroy()
	}
}

// The program initializes ONNX Runtime first: closing sessions leaves it initialized.
func TestHostFirst(t *testing.T) {
	open(t, "invert.onnx", nil).Close()
	if !alone(t) {
		return
	}
	if err := Shutdown(); err != nil {
		t.Fatal(err)
	}
	hostInitializes(t)
	run := hostSession(t)
	s := open(t, "invert.onnx", nil)
	runInvert(t, s)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := Shutdown(); err != nil || !ort.IsInitialized() {
		t.Errorf("the program's environment was destroyed, %v", err)
	}
	if err := run(); err != nil {
		t.Errorf("the program's session: %v", err)
	}
	s = open(t, "invert.onnx", nil)
	hostDestroys(t, s)
}

// A session initializes ONNX Runtime first: closing it leaves the program's session usable.
func TestSessionFirst(t *testing.T) {
	open(t, "invert.onnx", nil).Close()
	if !alone(t) {
		return
	}
	s := open(t, "invert.onnx", nil)
	if !ort.IsInitialized() {
		t.Fatal("not initialized")
	}
	run := hostSession(t)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := run(); err != nil {
		t.Errorf("the program's session: %v", err)
	}
	s = open(t, "invert.onnx", nil)
	runInvert(t, s)
	hostDestroys(t, s)
}

// hostDestroys destroys the environment under s, which then reports it. Others can be opened, and s
// runs again with them.
func hostDestroys(t *testing.T, s *Session) {
	t.Helper()
	if err := ort.DestroyEnvironment(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(t.Context(), Tensor{[]int64{1, 3, 1, 1}, make([]float32, 3)}); !errors.Is(err, ErrDestroyed) {
		t.Errorf("run without an environment: %v", err)
	}
	other := open(t, "invert.onnx", nil)
	runInvert(t, other)
	if runtime.GOOS == "linux" {
		runInvert(t, s)
	}
	if err := ort.DestroyEnvironment(); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Session{s, other} {
		if err := s.Close(); err != nil {
			t.Errorf("close without an environment: %v", err)
		}
	}
	runInvert(t, open(t, "invert.onnx", nil))
}

func TestOneLibraryAtATime(t *testing.T) {
	s := open(t, "invert.onnx", nil)
	if environment.library == "" {
		t.Skip("the library came from the system")
	}
	same, err := New(fixture(t, "invert.onnx"), &Options{Library: environment.library})
	if err != nil {
		t.Fatal(err)
	}
	same.Close()
	other := touch(t, filepath.Join(t.TempDir(), "libonnxruntime.so"))
	if _, err := New(fixture(t, "invert.onnx"), &Options{Library: other}); err == nil || !strings.Contains(err.Error(), "already open from") {
		t.Errorf("error %v", err)
	}
	if err := Shutdown(); err == nil || !strings.Contains(err.Error(), "open sessions: ") {
		t.Errorf("shutdown with a session: %v", err)
	}
	s.Close()
	if err := Shutdown(); err != nil || ort.IsInitialized() {
		t.Fatalf("shutdown: %v", err)
	}
	// After a shutdown the file is tried.
	if _, err := New(fixture(t, "invert.onnx"), &Options{Library: other}); err == nil || !strings.Contains(err.Error(), "Options.Library cannot be used") {
		t.Errorf("error %v", err)
	}
}

func TestNotFound(t *testing.T) {
	// The loader may still find a library that this process has opened.
	if !alone(t) {
		return
	}
	emptyHome(t)
	s, err := New(fixture(t, "invert.onnx"), nil)
	if err == nil {
		s.Close()
		t.Skip("this machine has an ONNX Runtime of its own")
	}
	var missing *NotFoundError
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), native.EnvONNXRuntime) {
		t.Errorf("error %v", err)
	}
}

func BenchmarkRun(b *testing.B) {
	s := open(b, "conv.onnx", nil)
	in := Tensor{[]int64{1, 3, 256, 256}, make([]float32, 3*256*256)}
	b.SetBytes(int64(len(in.Data)) * 4)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Run(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRunInto(b *testing.B) {
	s := open(b, "conv.onnx", nil)
	in := Tensor{[]int64{1, 3, 256, 256}, make([]float32, 3*256*256)}
	outputs := make([]Tensor, 1)
	for range 2 { // the second run is the first that knows the shape
		if err := s.RunInto(b.Context(), outputs, in); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(in.Data)) * 4)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.RunInto(b.Context(), outputs, in); err != nil {
			b.Fatal(err)
		}
	}
}
