package fastconv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"cyclegan/infer/internal/offheap"
)

// Filters holds filters in Winograd's form, which are four times as large as they were. Models that have filters in common, as the variants of one
// model do, share them. It may be used from several goroutines. The zero value is ready; what it holds is freed by Close.
type Filters struct {
	mu  sync.Mutex
	all []*filters
}

// filters are those of one convolution.
type filters struct {
	plain []byte // float32, little-endian: [out, in, 3, 3], in the file that they came with
	shape []int64
	block *offheap.Block // [points, 1, out, in]

	once sync.Once
}

// reserve finds the filters, or makes room for them; transform fills it.
func (f *Filters) reserve(plain []byte, out, in int) (*filters, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	shape := []int64{points, 1, int64(out), int64(in)}
	for _, have := range f.all {
		if slices.Equal(have.shape, shape) && bytes.Equal(have.plain, plain) {
			return have, nil
		}
	}
	block, err := offheap.Floats(points * out * in)
	if err != nil {
		return nil, err
	}
	made := &filters{plain: plain, shape: shape, block: block}
	f.all = append(f.all, made)
	return made, nil
}

// Close frees the memory. No session may use it any more.
func (f *Filters) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var failed []error
	for _, have := range f.all {
		failed = append(failed, have.block.Free())
	}
	f.all = nil
	return errors.Join(failed...)
}

// transformAll fills those that are not filled yet, on all processors.
func transformAll(list []*filters) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(list)) {
		group.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(list); i = next.Add(1) - 1 {
				f := list[i]
				f.once.Do(func() { transform(f.block.Values(), f.plain) })
			}
		})
	}
	group.Wait()
}

// together is how many filters are transformed before they are written: what one of them becomes lies far apart, one value in each of the 36 matrices.
const together = 64

// transform writes the transform of n filters, [n, 3, 3] in little-endian bytes, to u, [points, n].
func transform(u []float32, plain []byte) {
	n := len(u) / points
	var filters [together * taps * taps]float32
	var part [points][together]float32
	for at := 0; at < n; at += together {
		m := min(together, n-at)
		bytes := plain[4*taps*taps*at:]
		for i := range filters[:taps*taps*m] {
			filters[i] = math.Float32frombits(binary.LittleEndian.Uint32(bytes))
			bytes = bytes[4:]
		}
		for k := range m {
			g := (*[taps * taps]float32)(filters[taps*taps*k:])
			var t [tile][taps]float32 // G g
			for x := range taps {
				t[0][x], t[1][x], t[2][x], t[3][x], t[4][x], t[5][x] = transformTaps(g[x], g[taps+x], g[2*taps+x])
			}
			for i := range tile {
				p := part[i*tile : (i+1)*tile]
				p[0][k], p[1][k], p[2][k], p[3][k], p[4][k], p[5][k] = transformTaps(t[i][0], t[i][1], t[i][2])
			}
		}
		for p := range part {
			copy(u[p*n+at:], part[p][:m])
		}
	}
}

// transformTaps gives G g, the six points of three taps, by the matrix
//
//	 1/4     0     0
//	-1/6  -1/6  -1/6
//	-1/6   1/6  -1/6
//	1/24  1/12   1/6
//	1/24 -1/12   1/6
//	   0     0     1
//
// of which what rows have in common is computed once.
func transformTaps(a, b, c float32) (float32, float32, float32, float32, float32, float32) {
	even, odd := (a+c)*(-1./6), b*(1./6)
	outer, inner := a*(1./24)+c*(1./6), b*(1./12)
	return a * (1. / 4), even - odd, even + odd, outer + inner, outer - inner, c
}
