package pytorch

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"cyclegan/graph/safetensors"
)

// maxHeader is the longest safetensors header that is read. A network's header
// takes about 100 bytes a tensor.
const maxHeader = 1 << 20

var safetensorsTypes = map[string]elementType{
	"F64": float64Type, "F32": float32Type, "F16": float16Type, "BF16": bfloat16Type,
	"I64": int64Type, "I32": int32Type, "I16": int16Type, "I8": int8Type, "U8": uint8Type, "BOOL": boolType,
}

func readSafetensors(r io.ReaderAt, size int64) (State, error) {
	in := bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 1<<16)
	h, err := safetensors.ReadHeader(in, size, maxHeader)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(h.Metadata["format"], "cyclegan checkpoint ") {
		return nil, errors.New("the file is a checkpoint of a training run, not a network. Fix: export the run's generators with -name")
	}
	s := make(State, len(h.Tensors))
	for _, t := range h.Tensors {
		kind := safetensorsTypes[t.Type]
		values, err := kind.readValues(in, t.Count)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		s[t.Name] = Tensor{t.Shape, kind.name, values}
	}
	return s, nil
}

// outgoing is a tensor to be written: float32, or the integer 0.
type outgoing struct {
	name    string
	shape   []int
	values  []float32
	integer bool
}

// writeSafetensors writes tensors in their order.
func writeSafetensors(out io.Writer, tensors []outgoing) error {
	var entries []safetensors.Tensor
	for _, t := range tensors {
		kind := "F32"
		if t.integer {
			kind = "I64"
		}
		entries = append(entries, safetensors.Tensor{Name: t.name, Type: kind, Shape: t.shape})
	}
	header, err := safetensors.EncodeHeader(map[string]string{"format": "pt"}, entries)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(out, 1<<16)
	buffered.Write(header)
	for _, t := range tensors {
		if t.integer {
			buffered.Write(make([]byte, 8))
		} else if err := safetensors.WriteFloats(buffered, t.values); err != nil {
			break // reported by Flush
		}
	}
	// The writer keeps its first error.
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("write safetensors: %w", err)
	}
	return nil
}
