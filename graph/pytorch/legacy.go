package pytorch

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The legacy format, of PyTorch before 1.6, is five pickles one after the
// other: magic number, version, facts about the machine, the object itself,
// and the keys of its storages. Then the storages follow in the order of their
// keys, each with the number of its elements before it.
const (
	legacyMagic   = longInt("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19")
	legacyVersion = 1001
)

// isLegacy knows the beginning of the magic number's pickle, of any protocol
// from 2 on.
func isLegacy(head []byte) bool {
	return len(head) > 2 && head[0] == opProto && bytes.Contains(head, []byte{opLong1, byte(len(legacyMagic))})
}

func readLegacy(r io.ReaderAt, size int64) (State, error) {
	section := io.NewSectionReader(r, 0, size)
	in := bufio.NewReaderSize(section, 1<<16)
	for _, want := range []any{legacyMagic, int64(legacyVersion)} {
		got, err := unpickle(in, nil)
		if err != nil {
			return nil, err
		}
		if got != want {
			return nil, errors.New("it begins as a PyTorch file and has another version; load and save it again in PyTorch")
		}
	}
	machine, err := unpickle(in, nil)
	if err != nil {
		return nil, err
	}
	if d, ok := machine.(*dict); ok && d.get("little_endian") == any(false) {
		return nil, errors.New("it is big-endian; save it again on a little-endian machine")
	}

	l := &legacyFile{size: size, storages: map[string]*storage{}}
	root, err := unpickle(in, l.persistent)
	if err != nil {
		return nil, err
	}
	keys, err := unpickle(in, nil)
	if err != nil {
		return nil, err
	}
	position, err := section.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	values, err := l.read(in, keys, size-position+int64(in.Buffered()))
	if err != nil {
		return nil, err
	}
	return stateOf(root, values)
}

func (d *dict) get(key string) any {
	for i, k := range d.keys {
		if k == any(key) {
			return d.values[i]
		}
	}
	return nil
}

// A legacyFile keeps the storages that the pickle refers to until they are
// read.
type legacyFile struct {
	size     int64
	storages map[string]*storage
}

// persistent takes ("storage", class, key, location, number of elements, view)
// where view is None or (key, offset, number of elements).
func (l *legacyFile) persistent(id tuple) (any, error) {
	kind, key, count, err := storageID(id)
	if err != nil {
		return nil, err
	}
	if count < 0 || count > l.size/kind.size {
		return nil, fmt.Errorf("storage %q claims %d elements in a file of %d bytes; it is cut short", key, count, l.size)
	}
	s := l.storages[key]
	if s == nil {
		s = &storage{kind: kind, count: count}
		l.storages[key] = s
	}
	if s.kind.name != kind.name || s.count != count {
		return nil, fmt.Errorf("storage %q is used with two types or sizes", key)
	}
	if len(id) < 6 || id[5] == nil {
		return s, nil
	}
	part, _ := id[5].(tuple)
	if len(part) != 3 {
		return nil, fmt.Errorf("storage %q: its view is a %s", key, kindOf(id[5]))
	}
	offset, ok1 := part[1].(int64)
	length, ok2 := part[2].(int64)
	if !ok1 || !ok2 || offset < 0 || length < 0 || offset > count || length > count-offset {
		return nil, fmt.Errorf("storage %q: its view lies outside of it", key)
	}
	return window{s, offset, length}, nil
}

// read reads the storages, of which left bytes are in the file, and counts
// their values.
func (l *legacyFile) read(in io.Reader, keys any, left int64) (values int64, err error) {
	order, ok := keys.(*list)
	if !ok {
		return 0, fmt.Errorf("its list of storages is a %s", kindOf(keys))
	}
	for _, k := range order.items {
		key, _ := k.(string)
		s := l.storages[key]
		if s == nil || s.values != nil {
			return 0, fmt.Errorf("storage %q belongs to no tensor, or comes twice", key)
		}
		var count int64
		if err := binary.Read(in, binary.LittleEndian, &count); err != nil {
			return 0, cutShort(err)
		}
		left -= 8
		if count != s.count {
			return 0, fmt.Errorf("storage %q has %d elements, its tensors need %d", key, count, s.count)
		}
		if left -= count * s.kind.size; left < 0 {
			return 0, fmt.Errorf("storage %q: %w", key, cutShort(io.ErrUnexpectedEOF))
		}
		if s.values, err = s.kind.readValues(in, count); err != nil {
			return 0, fmt.Errorf("storage %q: %w", key, err)
		}
		values += int64(len(s.values))
	}
	return values, nil
}
