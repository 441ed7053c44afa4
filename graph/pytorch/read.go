package pytorch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// ReadFile reads a state dict from a file; see [Read].
func ReadFile(path string) (State, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read weights: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read weights: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read weights: %q is not a file", path)
	}
	s, err := Read(file, info.Size())
	if err != nil {
		return nil, fmt.Errorf("read weights %q: %w", path, err)
	}
	return s, nil
}

// Read reads a state dict from a file of the given size. The file is what
// torch.save writes, as a zip archive (since PyTorch 1.6) or in the format
// before that, or safetensors.
func Read(r io.ReaderAt, size int64) (State, error) {
	head := make([]byte, 16)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	head = head[:n]
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return readZip(r, size)
	case isLegacy(head):
		return readLegacy(r, size)
	case len(head) > 8 && head[8] == '{':
		return readSafetensors(r, size)
	case n == 0:
		return nil, errors.New("the file is empty")
	}
	return nil, errors.New("the file is neither what torch.save writes nor safetensors; if it was downloaded, look whether it is a web page, and fetch it again")
}

// stateOf turns the root of an unpickled file, which stores so many values,
// into a state dict.
func stateOf(root any, stored int64) (State, error) {
	d, ok := root.(*dict)
	if !ok {
		return nil, fmt.Errorf("it holds a %s, not a state dict; save net.state_dict() in PyTorch", kindOf(root))
	}
	values := int64(0)
	s := make(State, len(d.keys))
	for i, key := range d.keys {
		name, ok := key.(string)
		if !ok {
			return nil, fmt.Errorf("a name in it is a %s", kindOf(key))
		}
		v, ok := d.values[i].(*view)
		if !ok {
			return nil, fmt.Errorf("its entry %q is a %s, not a tensor, so it is no state dict; save net.state_dict() in PyTorch", name, kindOf(d.values[i]))
		}
		t, err := v.tensor()
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		// Tensors may share a storage, but not so that a small file fills the
		// memory.
		if values += int64(len(t.Values)); values > 2*stored {
			return nil, fmt.Errorf("tensor %q: the tensors have more than twice the %d values that the file stores", name, stored)
		}
		s[name] = t
	}
	return s, nil
}
