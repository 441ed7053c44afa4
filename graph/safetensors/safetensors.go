// Package safetensors reads and writes the safetensors format
// (https://github.com/huggingface/safetensors): a [Header] that describes named tensors, followed
// by their values.
//
// A file is the header's length in 8 bytes, the header as JSON, then the values of all tensors,
// little-endian and without gaps. The reader checks the sizes in a header against the length
// of the file before it allocates memory, so a damaged file cannot exhaust it.
package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

const metadataKey = "__metadata__"

// typeSizes has the bytes of an element of each known type.
var typeSizes = map[string]int64{
	"F64": 8, "F32": 4, "F16": 2, "BF16": 2,
	"I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1,
}

// A Tensor describes one tensor of a file.
type Tensor struct {
	Name  string
	Type  string // such as "F32"
	Shape []int
	Count int64 // elements
}

// Bytes returns the length of the tensor's values.
func (t Tensor) Bytes() int64 { return t.Count * typeSizes[t.Type] }

// A Header describes the tensors of a file in the order of their values.
type Header struct {
	Metadata map[string]string
	Tensors  []Tensor
	Text     []byte // the JSON in the file
}

type entry struct {
	Type    string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// ReadHeader reads the header of a file of fileSize bytes. A header of more than maxHeader bytes is
// an error. After it, r is at the values of the first tensor, and the tensors fill the rest of the
// file.
func ReadHeader(r io.Reader, fileSize, maxHeader int64) (*Header, error) {
	var length uint64
	if err := binary.Read(r, binary.LittleEndian, &length); err != nil {
		return nil, cutShort(err)
	}
	if length > uint64(maxHeader) || int64(length) > fileSize-8 {
		return nil, fmt.Errorf("the header claims %d bytes in a file of %d; the file is cut short or not safetensors", length, fileSize)
	}
	h := &Header{Text: make([]byte, length)}
	if _, err := io.ReadFull(r, h.Text); err != nil {
		return nil, cutShort(err)
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(h.Text, &raw); err != nil {
		return nil, fmt.Errorf("the header is not valid JSON: %w", err)
	}
	if text, ok := raw[metadataKey]; ok {
		if err := json.Unmarshal(text, &h.Metadata); err != nil {
			return nil, fmt.Errorf("header metadata: %w", err)
		}
		delete(raw, metadataKey)
	}
	var err error
	h.Tensors, err = parseTensors(raw, fileSize-8-int64(length))
	return h, err
}

// parseTensors checks the entries against the number of bytes of values.
func parseTensors(raw map[string]json.RawMessage, size int64) ([]Tensor, error) {
	entries := make(map[string]entry, len(raw))
	tensors := make([]Tensor, 0, len(raw))
	for name, text := range raw {
		var e entry
		if err := json.Unmarshal(text, &e); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		entries[name] = e
		tensors = append(tensors, Tensor{Name: name, Type: e.Type, Shape: e.Shape})
	}
	slices.SortFunc(tensors, func(a, b Tensor) int {
		// An empty tensor has the same offset as the next one.
		x, y := entries[a.Name].Offsets, entries[b.Name].Offsets
		return cmp.Or(cmp.Compare(x[0], y[0]), cmp.Compare(x[1], y[1]))
	})
	position := int64(0)
	for i := range tensors {
		t := &tensors[i]
		if typeSizes[t.Type] == 0 {
			return nil, fmt.Errorf("tensor %q has the unknown type %q", t.Name, t.Type)
		}
		var err error
		if t.Count, err = elements(t.Shape, (size-position)/typeSizes[t.Type]); err != nil {
			return nil, fmt.Errorf("tensor %q: %w; the file may be cut short", t.Name, err)
		}
		end := position + t.Bytes()
		if at := entries[t.Name].Offsets; at != [2]int64{position, end} {
			return nil, fmt.Errorf("tensor %q of shape %v and type %s has offsets %v, want [%d %d]", t.Name, t.Shape, t.Type, at, position, end)
		}
		position = end
	}
	if position != size {
		return nil, fmt.Errorf("%d bytes follow the last tensor", size-position)
	}
	return tensors, nil
}

// elements counts the elements of a shape, at most limit.
func elements(shape []int, limit int64) (int64, error) {
	if len(shape) > 8 {
		return 0, fmt.Errorf("the shape has %d dimensions, at most 8 are supported", len(shape))
	}
	count := int64(1)
	for _, d := range shape {
		if d < 0 || count > 0 && int64(d) > limit/count {
			return 0, fmt.Errorf("shape %v does not fit in %d values", shape, limit)
		}
		count *= int64(d)
	}
	if count > limit { // of a scalar
		return 0, fmt.Errorf("shape %v does not fit in %d values", shape, limit)
	}
	return count, nil
}

// EncodeHeader returns the start of a file: the header's length and JSON, for tensors in the order
// of their values. Count is taken from the shape.
func EncodeHeader(metadata map[string]string, tensors []Tensor) ([]byte, error) {
	header := map[string]any{metadataKey: metadata}
	position := int64(0)
	for _, t := range tensors {
		var err error
		if t.Count, err = elements(t.Shape, math.MaxInt64/8); err != nil {
			return nil, fmt.Errorf("encode safetensors header: tensor %q: %w", t.Name, err)
		}
		end := position + t.Bytes()
		header[t.Name] = entry{t.Type, t.Shape, [2]int64{position, end}}
		position = end
	}
	text, err := json.Marshal(header)
	if err != nil {
		return nil, fmt.Errorf("encode safetensors header: %w", err)
	}
	// The format aligns the values to 8 bytes with spaces.
	text = append(text, bytes.Repeat([]byte{' '}, (8-len(text)%8)%8)...)
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...), nil
}

// ReadFloats fills values from the F32 values in r.
func ReadFloats(r io.Reader, values []float32) error {
	return cutShort(binary.Read(r, binary.LittleEndian, values))
}

// WriteFloats writes values as F32.
func WriteFloats(w io.Writer, values []float32) error {
	return binary.Write(w, binary.LittleEndian, values)
}

func cutShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the file is cut short: %w", io.ErrUnexpectedEOF)
	}
	return err
}
