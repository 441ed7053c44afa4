package onnx

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// A field of a protobuf message.
type field struct {
	num    protowire.Number
	typ    protowire.Type
	varint uint64 // of a varint, or the bits of a fixed-size number
	bytes  []byte // of a string, a message or a packed list
	raw    []byte // the whole field with its tag
}

// fields calls do for every field of a message, in order.
func fields(msg []byte, do func(field) error) error {
	for len(msg) > 0 {
		num, typ, tag := protowire.ConsumeTag(msg)
		if tag < 0 {
			return protowire.ParseError(tag)
		}
		f := field{num: num, typ: typ}
		var n int
		switch typ {
		case protowire.VarintType:
			f.varint, n = protowire.ConsumeVarint(msg[tag:])
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(msg[tag:])
			f.varint = uint64(v)
		case protowire.Fixed64Type:
			f.varint, n = protowire.ConsumeFixed64(msg[tag:])
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(msg[tag:])
		default:
			n = protowire.ConsumeFieldValue(num, typ, msg[tag:])
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		f.raw = msg[:tag+n]
		msg = msg[tag+n:]
		if err := do(f); err != nil {
			return err
		}
	}
	return nil
}

// varints appends the values of a repeated integer field, packed or not.
func (f field) varints(to []int64) ([]int64, error) {
	if f.typ == protowire.VarintType {
		return append(to, int64(f.varint)), nil
	}
	for b := f.bytes; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		to, b = append(to, int64(v)), b[n:]
	}
	return to, nil
}

// floats appends the values of a repeated float field, packed or not.
func (f field) floats(to []float32) []float32 {
	if f.typ == protowire.Fixed32Type {
		return append(to, math.Float32frombits(uint32(f.varint)))
	}
	for b := f.bytes; len(b) >= 4; b = b[4:] {
		to = append(to, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return to
}

// record returns the fields of a message by number; of a repeated field, the last one.
func record(msg []byte) (map[protowire.Number]field, error) {
	last := map[protowire.Number]field{}
	err := fields(msg, func(f field) error {
		last[f.num] = f
		return nil
	})
	return last, err
}

// parsePair reads a StringStringEntryProto: key 1, value 2.
func parsePair(msg []byte) (key, value string, err error) {
	r, err := record(msg)
	return string(r[1].bytes), string(r[2].bytes), err
}

// appendHead appends what precedes a message of size bytes.
func appendHead(to []byte, num protowire.Number, size int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(to, num, protowire.BytesType), uint64(size))
}

func appendMessage(to []byte, num protowire.Number, msg []byte) []byte {
	return append(appendHead(to, num, len(msg)), msg...)
}

func appendText(to []byte, num protowire.Number, s string) []byte {
	return append(appendHead(to, num, len(s)), s...)
}

// appendOptional appends a text unless it is empty.
func appendOptional(to []byte, num protowire.Number, s string) []byte {
	if s == "" {
		return to
	}
	return appendText(to, num, s)
}

func appendInt(to []byte, num protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(to, num, protowire.VarintType), uint64(v))
}
