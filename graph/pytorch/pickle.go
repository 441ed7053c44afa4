package pytorch

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// The operations of the pickle machine, named as in pickletools.
const (
	opMark            = '('
	opStop            = '.'
	opPop             = '0'
	opDup             = '2'
	opNone            = 'N'
	opBinInt          = 'J'
	opBinInt1         = 'K'
	opBinInt2         = 'M'
	opBinFloat        = 'G'
	opBinPersID       = 'Q'
	opReduce          = 'R'
	opBuild           = 'b'
	opGlobal          = 'c'
	opBinString       = 'T'
	opShortBinString  = 'U'
	opBinUnicode      = 'X'
	opAppend          = 'a'
	opAppends         = 'e'
	opEmptyList       = ']'
	opEmptyDict       = '}'
	opEmptyTuple      = ')'
	opTuple           = 't'
	opSetItem         = 's'
	opSetItems        = 'u'
	opBinGet          = 'h'
	opLongBinGet      = 'j'
	opBinPut          = 'q'
	opLongBinPut      = 'r'
	opProto           = 0x80
	opNewObj          = 0x81
	opTuple1          = 0x85
	opTuple2          = 0x86
	opTuple3          = 0x87
	opNewTrue         = 0x88
	opNewFalse        = 0x89
	opLong1           = 0x8a
	opShortBinUnicode = 0x8c
	opStackGlobal     = 0x93
	opMemoize         = 0x94
	opFrame           = 0x95
)

// maxPickle is the largest size of a pickle. A network's takes about 100 bytes per tensor, without
// the values.
const maxPickle = 1 << 20

// An unpickler is the part of Python's pickle machine
// (https://docs.python.org/3/library/pickletools.html) that a state dict needs. It calls nothing:
// it allows a few global names, each of which creates a value of this package, and rejects any
// other. Every byte read allocates at most a fixed amount of memory.
type unpickler struct {
	in   *bufio.Reader
	left int // bytes that the pickle may still read

	stack []any
	marks []int // heights of the stack
	memo  map[uint32]any

	// persistent resolves a reference to an object that the file stores outside the pickle.
	persistent func(id tuple) (any, error)
}

// The values of a pickle, besides nil, bool, int64, float64, string, storages and tensors.
type (
	tuple  []any
	list   struct{ items []any }
	dict   struct{ keys, values []any }
	global string // module.name
	// longInt is an integer of more than 8 bytes, little-endian, such as the legacy format's magic
	// number.
	longInt string
)

// kindOf returns the name of a value's type for an error.
func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "bool"
	case int64, longInt:
		return "int"
	case float64:
		return "float"
	case string:
		return "string"
	case tuple:
		return "tuple"
	case *list:
		return "list"
	case *dict:
		return "dict"
	case global:
		return string(v)
	case *storage, window:
		return "storage"
	case *view:
		return "tensor"
	}
	return fmt.Sprintf("%T", v)
}

// unpickle reads one pickle and nothing after it.
func unpickle(in *bufio.Reader, persistent func(tuple) (any, error)) (any, error) {
	u := &unpickler{in: in, left: maxPickle, memo: map[uint32]any{}, persistent: persistent}
	for {
		code, err := u.byte()
		if err != nil {
			return nil, err
		}
		if code == opStop {
			return u.pop()
		}
		if err := u.step(code); err != nil {
			return nil, err
		}
	}
}

func (u *unpickler) step(code byte) error {
	switch code {
	case opProto:
		_, err := u.byte()
		return err
	case opFrame:
		_, err := u.bytes(8)
		return err
	case opNone:
		u.push(nil)
	case opNewTrue, opNewFalse:
		u.push(code == opNewTrue)
	case opBinInt, opBinInt1, opBinInt2, opLong1:
		return u.integer(code)
	case opBinFloat:
		b, err := u.bytes(8)
		if err != nil {
			return err
		}
		u.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
	case opBinString, opShortBinString, opBinUnicode, opShortBinUnicode:
		return u.text(code)
	case opEmptyList:
		u.push(&list{})
	case opEmptyDict:
		u.push(&dict{})
	case opMark:
		u.marks = append(u.marks, len(u.stack))
	case opPop:
		_, err := u.pop()
		return err
	case opDup:
		top, err := u.top()
		if err != nil {
			return err
		}
		u.push(top)
	case opEmptyTuple, opTuple1, opTuple2, opTuple3, opTuple:
		return u.tuple(code)
	case opAppend, opAppends, opSetItem, opSetItems:
		return u.fill(code)
	case opBinPut, opLongBinPut, opMemoize, opBinGet, opLongBinGet:
		return u.remember(code)
	case opGlobal, opStackGlobal:
		return u.global(code)
	case opReduce, opNewObj, opBuild, opBinPersID:
		return u.make(code)
	default:
		return fmt.Errorf("the pickle has the operation 0x%02x, which no state dict needs; no code was run", code)
	}
	return nil
}

// byte reads one byte of the pickle.
func (u *unpickler) byte() (byte, error) {
	if u.left == 0 {
		return 0, fmt.Errorf("the pickle is longer than %d bytes, so it is not a state dict", maxPickle)
	}
	u.left--
	b, err := u.in.ReadByte()
	return b, cutShort(err)
}

// bytes reads n bytes of the pickle.
func (u *unpickler) bytes(n int) ([]byte, error) {
	if n < 0 || n > u.left {
		return nil, fmt.Errorf("the pickle claims a value of %d bytes", n)
	}
	u.left -= n
	b := make([]byte, n)
	_, err := io.ReadFull(u.in, b)
	return b, cutShort(err)
}

// cutShort converts an unexpected end of the file into one error.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the file is cut short: %w", io.ErrUnexpectedEOF)
	}
	return err
}

func (u *unpickler) line() (string, error) {
	var line []byte
	for {
		b, err := u.byte()
		if err != nil {
			return "", err
		}
		if b == '\n' {
			return string(line), nil
		}
		line = append(line, b)
	}
}

func (u *unpickler) push(v any) { u.stack = append(u.stack, v) }

var errUnderflow = errors.New("the pickle uses a value that it has not created")

// floor returns the height of the stack at the innermost mark.
func (u *unpickler) floor() int {
	if len(u.marks) == 0 {
		return 0
	}
	return u.marks[len(u.marks)-1]
}

func (u *unpickler) top() (any, error) {
	if len(u.stack) <= u.floor() {
		return nil, errUnderflow
	}
	return u.stack[len(u.stack)-1], nil
}

func (u *unpickler) pop() (any, error) {
	v, err := u.top()
	if err == nil {
		u.stack = u.stack[:len(u.stack)-1]
	}
	return v, err
}

// popN removes the n topmost values and returns them in the order in which they were pushed.
func (u *unpickler) popN(n int) ([]any, error) {
	if len(u.stack)-n < u.floor() {
		return nil, errUnderflow
	}
	values := slices.Clone(u.stack[len(u.stack)-n:])
	u.stack = u.stack[:len(u.stack)-n]
	return values, nil
}

// popMark removes the values pushed since the last mark.
func (u *unpickler) popMark() ([]any, error) {
	if len(u.marks) == 0 {
		return nil, errUnderflow
	}
	values, err := u.popN(len(u.stack) - u.floor())
	u.marks = u.marks[:len(u.marks)-1]
	return values, err
}

func (u *unpickler) integer(code byte) error {
	size := map[byte]int{opBinInt: 4, opBinInt1: 1, opBinInt2: 2}[code]
	if code == opLong1 {
		n, err := u.byte()
		if err != nil {
			return err
		}
		size = int(n)
	}
	b, err := u.bytes(size)
	if err != nil {
		return err
	}
	if size > 8 {
		u.push(longInt(b))
		return nil
	}
	var v uint64
	for i, x := range b {
		v |= uint64(x) << (8 * i)
	}
	signed := code == opBinInt || code == opLong1
	if shift := 64 - 8*size; signed && size > 0 {
		u.push(int64(v<<shift) >> shift)
	} else {
		u.push(int64(v))
	}
	return nil
}

func (u *unpickler) text(code byte) error {
	size := 1
	if code == opBinString || code == opBinUnicode {
		size = 4
	}
	head, err := u.bytes(size)
	if err != nil {
		return err
	}
	length := int64(head[0])
	if size == 4 {
		length = int64(binary.LittleEndian.Uint32(head))
	}
	if length > int64(u.left) {
		return fmt.Errorf("the pickle claims a string of %d bytes", length)
	}
	b, err := u.bytes(int(length))
	if err != nil {
		return err
	}
	u.push(string(b))
	return nil
}

func (u *unpickler) tuple(code byte) error {
	var values []any
	var err error
	switch code {
	case opTuple:
		values, err = u.popMark()
	case opTuple1, opTuple2, opTuple3:
		values, err = u.popN(int(code) - opTuple1 + 1)
	}
	if err != nil {
		return err
	}
	u.push(tuple(values))
	return nil
}

// fill adds values to the list or the dict on the stack.
func (u *unpickler) fill(code byte) error {
	var values []any
	var err error
	switch code {
	case opAppend:
		values, err = u.popN(1)
	case opSetItem:
		values, err = u.popN(2)
	default:
		values, err = u.popMark()
	}
	if err != nil {
		return err
	}
	into, err := u.top()
	if err != nil {
		return err
	}
	switch into := into.(type) {
	case *list:
		if code == opAppend || code == opAppends {
			into.items = append(into.items, values...)
			return nil
		}
	case *dict:
		if (code == opSetItem || code == opSetItems) && len(values)%2 == 0 {
			for i := 0; i < len(values); i += 2 {
				into.keys, into.values = append(into.keys, values[i]), append(into.values, values[i+1])
			}
			return nil
		}
	}
	return fmt.Errorf("the pickle adds %d values to a %s with operation 0x%02x", len(values), kindOf(into), code)
}

// remember copies values between the stack and the memo.
func (u *unpickler) remember(code byte) error {
	index := uint32(len(u.memo))
	if code != opMemoize {
		size := 1
		if code == opLongBinPut || code == opLongBinGet {
			size = 4
		}
		b, err := u.bytes(size)
		if err != nil {
			return err
		}
		index = uint32(b[0])
		if size == 4 {
			index = binary.LittleEndian.Uint32(b)
		}
	}
	if code == opBinGet || code == opLongBinGet {
		v, ok := u.memo[index]
		if !ok {
			return errUnderflow
		}
		u.push(v)
		return nil
	}
	v, err := u.top()
	u.memo[index] = v
	return err
}
