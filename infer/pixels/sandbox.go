package pixels

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	_ "unsafe" // for linkname

	_ "github.com/gen2brain/avif"
	_ "github.com/gen2brain/heic"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// The decoders of HEIC and AVIF, as WebAssembly. The functions of their packages would prefer a
// library of the system where there is one, so that the result would depend on the machine, and
// could not bound memory.
var (
	//go:linkname heicModule github.com/gen2brain/heic.heifWasm
	heicModule []byte // libheif and libde265
	//go:linkname avifModule github.com/gen2brain/avif.decodeWasm
	avifModule []byte // libavif and libaom
)

var (
	heicDecoder = &sandbox{packed: &heicModule}
	avifDecoder = &sandbox{packed: &avifModule}
)

// sandbox is a decoder in C that can only reach the memory that a call gives it. It is compiled
// when it is first used.
type sandbox struct {
	packed  *[]byte
	once    sync.Once
	err     error
	runtime wazero.Runtime
	code    wazero.CompiledModule
}

func (s *sandbox) compile() {
	ctx := context.Background()
	unpacked, err := gzip.NewReader(bytes.NewReader(*s.packed))
	if err != nil {
		s.err = err
		return
	}
	code, err := io.ReadAll(unpacked)
	if err != nil {
		s.err = err
		return
	}
	s.runtime = wazero.NewRuntime(ctx)
	if _, s.err = wasi_snapshot_preview1.Instantiate(ctx, s.runtime); s.err == nil {
		s.code, s.err = s.runtime.CompileModule(ctx, code)
	}
}

// instance is a decoder that works on one file.
type instance struct {
	module api.Module
	memory *linearMemory
	file   uint64 // address
	length uint64
}

// open starts an instance with a file. It may use freeMemory bytes, until allow grants more.
func (s *sandbox) open(file []byte) (*instance, error) {
	s.once.Do(s.compile)
	if s.err != nil {
		return nil, fmt.Errorf("start decoder: %w", s.err)
	}
	i := &instance{memory: &linearMemory{most: freeMemory + 2*uint64(len(file))}, length: uint64(len(file))}
	ctx := experimental.WithMemoryAllocator(context.Background(), i.memory)
	var err error
	// Without a name, so that many can run at once, and without any access to the system.
	if i.module, err = s.runtime.InstantiateModule(ctx, s.code, wazero.NewModuleConfig().WithName("")); err != nil {
		return nil, fmt.Errorf("start decoder: %w", err)
	}
	if i.file, err = i.alloc(len(file)); err != nil || !i.module.Memory().Write(uint32(i.file), file) {
		i.Close()
		return nil, errSandboxMemory
	}
	return i, nil
}

// header starts an instance with the file that r reads, whose major brand it replaces unless brand
// is "". Call makes the decoder write numbers about the image to an address; header returns both.
func (s *sandbox) header(r io.Reader, brand string, call func(i *instance, at uint64) error) (i *instance, at uint64, numbers []int, err error) {
	const size = 4*4 + 8 // the larger of those of both decoders
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, 0, nil, err
	}
	if len(data) >= 8+len(brand) {
		copy(data[8:], brand)
	}
	if i, err = s.open(data); err != nil {
		return nil, 0, nil, err
	}
	if at, err = i.alloc(size); err == nil {
		err = call(i, at)
	}
	if err == nil {
		numbers, err = i.numbers(at, size/4)
	}
	if err != nil {
		i.Close()
		return nil, 0, nil, err
	}
	return i, at, numbers, nil
}

func (i *instance) Close() { i.module.Close(context.Background()) }

// allow grants memory for an image with the given size of a sample.
func (i *instance) allow(pixels, sampleBytes int) {
	i.memory.most += memoryPerPixel * uint64(pixels) * uint64(sampleBytes)
	i.memory.granted = true
}

const (
	freeMemory     = 64 << 20
	memoryPerPixel = 24 // for a byte per sample
)

var errSandboxMemory = errors.New("the decoder needs more memory than images of this size do")

func (i *instance) alloc(n int) (uint64, error) {
	at, err := i.call("malloc", uint64(n))
	if err == nil && at == 0 {
		err = errSandboxMemory
	}
	return at, err
}

// call calls a function of the decoder. An address of 0 or an exit code of 0 means that it failed.
func (i *instance) call(name string, args ...uint64) (uint64, error) {
	results, err := i.module.ExportedFunction(name).Call(context.Background(), args...)
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n") // without the stack of the decoder
		return 0, errors.New(first)
	}
	return results[0], nil
}

// numbers returns n numbers at an address.
func (i *instance) numbers(at uint64, n int) ([]int, error) {
	b, err := i.bytes(at, 4*n)
	if err != nil {
		return nil, err
	}
	all := make([]int, n)
	for k := range all {
		all[k] = int(binary.LittleEndian.Uint32(b[4*k:]))
	}
	return all, nil
}

// bytes returns n bytes at an address. They belong to the instance.
func (i *instance) bytes(at uint64, n int) ([]byte, error) {
	b, ok := i.module.Memory().Read(uint32(at), uint32(n))
	if !ok || n < 0 || uint64(n) > math.MaxUint32 {
		return nil, errSandboxMemory
	}
	return b, nil
}

// linearMemory is the memory of an instance, which refuses to grow beyond a bound.
type linearMemory struct {
	bytes   []byte
	most    uint64
	granted bool // the bound is that of an image, most of which it needs
}

func (m *linearMemory) Allocate(_, _ uint64) experimental.LinearMemory { return m }

func (m *linearMemory) Reallocate(size uint64) []byte {
	if size > m.most {
		return nil
	}
	if size > uint64(cap(m.bytes)) {
		capacity := min(m.most, 1<<32)
		if !m.granted {
			capacity = min(capacity, 2*size)
		}
		grown := make([]byte, size, capacity)
		copy(grown, m.bytes)
		m.bytes = grown
	}
	m.bytes = m.bytes[:size]
	return m.bytes
}

func (m *linearMemory) Free() { m.bytes = nil }
