package safetensors

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	metadata := map[string]string{"format": "test", "quote": `"`}
	tensors := []Tensor{
		{Name: "b", Type: "F32", Shape: []int{2, 3}, Count: 6},
		{Name: "empty", Type: "F32", Shape: []int{0}},
		{Name: `a "name"`, Type: "I64", Shape: []int{}, Count: 1},
	}
	values := []float32{1, -2, 3.5, 0, 1e-38, 4}
	header, err := EncodeHeader(metadata, tensors)
	if err != nil {
		t.Fatal(err)
	}
	if len(header)%8 != 0 {
		t.Errorf("the values start at %d, which is not a multiple of 8", len(header))
	}
	file := bytes.NewBuffer(header)
	if err := WriteFloats(file, values); err != nil {
		t.Fatal(err)
	}
	file.Write(make([]byte, 8))
	in := bytes.NewReader(file.Bytes())
	h, err := ReadHeader(in, int64(file.Len()), 1<<10)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(h.Metadata, metadata) || !reflect.DeepEqual(h.Tensors, tensors) {
		t.Errorf("read %v and %v", h.Metadata, h.Tensors)
	}
	got := make([]float32, 6)
	if err := ReadFloats(in, got); err != nil || !slices.Equal(got, values) {
		t.Errorf("read %v, %v", got, err)
	}
	if err := ReadFloats(in, got); err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("reading beyond the end: %v", err)
	}
}

func TestHostileHeaders(t *testing.T) {
	for text, want := range map[string]string{
		`{]`:                       "not valid JSON",
		`{"__metadata__":{"a":1}}`: "metadata",
		`{"x":[]}`:                 `tensor "x"`,
		`{"x":{"dtype":"F8","shape":[1],"data_offsets":[0,1]}}`:                          "unknown type",
		`{"x":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}`: "does not fit",
		`{"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`:     "does not fit",
		`{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`:                        "does not fit",
		`{"x":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}`:         "9 dimensions",
		`{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`:                         "offsets [4 8]",
		`{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,-4]}}`:                        "offsets [0 -4]",
		`{"x":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}}`:                        "7 bytes follow",
	} {
		file := append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
		file = append(file, make([]byte, 8)...)
		if _, err := ReadHeader(bytes.NewReader(file), int64(len(file)), 1<<10); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
	for _, file := range [][]byte{nil, {1, 2}, binary.LittleEndian.AppendUint64(nil, 1<<62), binary.LittleEndian.AppendUint64(nil, 5)} {
		if _, err := ReadHeader(bytes.NewReader(file), int64(len(file)), 1<<10); err == nil || !strings.Contains(err.Error(), "cut short") {
			t.Errorf("%x: error %v", file, err)
		}
	}
	long := append(binary.LittleEndian.AppendUint64(nil, 2000), make([]byte, 2000)...)
	if _, err := ReadHeader(bytes.NewReader(long), int64(len(long)), 1<<10); err == nil || !strings.Contains(err.Error(), "claims 2000") {
		t.Errorf("a header over the limit: %v", err)
	}
}
