package pytorch

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// A safetensors file (https://github.com/huggingface/safetensors) is the
// header's length in 8 bytes, a JSON header with name, type, shape and place
// of each tensor, then the values, little-endian and without gaps.

// maxHeader is the longest header that is read: that of a network takes some
// 100 bytes a tensor.
const maxHeader = 1 << 20

const metadataKey = "__metadata__"

var safetensorsTypes = map[string]elementType{
	"F64": float64Type, "F32": float32Type, "F16": float16Type, "BF16": bfloat16Type,
	"I64": int64Type, "I32": int32Type, "I16": int16Type, "I8": int8Type, "U8": uint8Type, "BOOL": boolType,
}

type safetensorsEntry struct {
	Type    string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
	name    string
}

func readSafetensors(r io.ReaderAt, size int64) (State, error) {
	in := bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 1<<16)
	var length uint64
	if err := binary.Read(in, binary.LittleEndian, &length); err != nil {
		return nil, cutShort(err)
	}
	if length > maxHeader || int64(length) > size-8 {
		return nil, fmt.Errorf("its header claims %d bytes of a file of %d; it is cut short, or not safetensors", length, size)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(in, text); err != nil {
		return nil, cutShort(err)
	}
	list, err := safetensorsEntries(text)
	if err != nil {
		return nil, err
	}
	left, position := size-8-int64(length), int64(0)
	s := make(State, len(list))
	for _, e := range list {
		t, ok := safetensorsTypes[e.Type]
		if !ok {
			return nil, fmt.Errorf("tensor %q has the unknown type %q", e.name, e.Type)
		}
		elements, err := elementsOf(e.Shape, left/t.size)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w; perhaps the file is cut short", e.name, err)
		}
		if e.Offsets != [2]int64{position, position + elements*t.size} {
			return nil, fmt.Errorf("tensor %q of shape %v and type %s lies at %v, not at %d", e.name, e.Shape, e.Type, e.Offsets, position)
		}
		position, left = e.Offsets[1], left-elements*t.size
		values, err := t.readValues(in, elements)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", e.name, err)
		}
		shape := make([]int, len(e.Shape))
		for i, d := range e.Shape {
			shape[i] = int(d)
		}
		s[e.name] = Tensor{shape, t.name, values}
	}
	if left != 0 {
		return nil, fmt.Errorf("%d bytes follow the last tensor", left)
	}
	return s, nil
}

// safetensorsEntries gives the header's entries in the order of their values.
func safetensorsEntries(text []byte) ([]safetensorsEntry, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, fmt.Errorf("its header is no JSON: %w", err)
	}
	var metadata map[string]string
	if m, ok := raw[metadataKey]; ok {
		if err := json.Unmarshal(m, &metadata); err != nil {
			return nil, fmt.Errorf("header metadata: %w", err)
		}
		delete(raw, metadataKey)
	}
	if strings.HasPrefix(metadata["format"], "cyclegan checkpoint ") {
		return nil, errors.New("it is a checkpoint of a whole training, not a network; export its generators by the name of the run")
	}
	list := make([]safetensorsEntry, 0, len(raw))
	for name, message := range raw {
		e := safetensorsEntry{name: name}
		if err := json.Unmarshal(message, &e); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b safetensorsEntry) int { return cmp.Compare(a.Offsets[0], b.Offsets[0]) })
	return list, nil
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
	var header bytes.Buffer
	header.WriteString(`{"` + metadataKey + `":{"format":"pt"}`)
	position := int64(0)
	for _, t := range tensors {
		e := safetensorsEntry{Type: "F32", Shape: make([]int64, len(t.shape))}
		size := 4 * int64(len(t.values))
		if t.integer {
			e.Type, size = "I64", 8
		}
		for i, d := range t.shape {
			e.Shape[i] = int64(d)
		}
		e.Offsets = [2]int64{position, position + size}
		position += size
		name, err := json.Marshal(t.name)
		if err != nil {
			return fmt.Errorf("write safetensors: %w", err)
		}
		text, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("write safetensors: %w", err)
		}
		fmt.Fprintf(&header, ",%s:%s", name, text)
	}
	header.WriteByte('}')
	// Spaces align the values to 8 bytes, as the format asks.
	for header.Len()%8 != 0 {
		header.WriteByte(' ')
	}
	buffered := bufio.NewWriterSize(out, 1<<16)
	buffered.Write(binary.LittleEndian.AppendUint64(nil, uint64(header.Len())))
	buffered.Write(header.Bytes())
	number := make([]byte, 8)
	for _, t := range tensors {
		if t.integer {
			clear(number)
			buffered.Write(number)
		}
		for _, v := range t.values {
			binary.LittleEndian.PutUint32(number, math.Float32bits(v))
			buffered.Write(number[:4])
		}
	}
	// The writer keeps its first error.
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("write safetensors: %w", err)
	}
	return nil
}
