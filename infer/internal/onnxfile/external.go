package onnxfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
)

// ErrTooLarge says that a file cannot hold its weights itself.
var ErrTooLarge = errors.New("the weights are too large for one file")

// mostInline is what Inline takes in, bytes: a protobuf message may have no more than 2 GiB.
const mostInline = 1 << 30

// Inline takes the weights in that lie in other files of the folder, so that the model is whole by itself.
// The error is ErrTooLarge where they are too large for that.
func (m *Model) Inline(dir string) error {
	root, err := os.OpenRoot(dir) // a file outside of the folder is nobody's weights
	if err != nil {
		return err
	}
	defer root.Close()
	left := int64(mostInline)
	for i, t := range m.Tensors {
		if !t.External {
			continue
		}
		whole, err := t.inline(root, &left)
		if err != nil {
			return fmt.Errorf("weight %q: %w", t.Name, err)
		}
		m.Tensors[i] = whole
	}
	return nil
}

// inline reads external_data 13, of which raw_data 9 is made; data_location 14 goes. left is how many bytes there may still be.
func (t *Tensor) inline(root *os.Root, left *int64) (*Tensor, error) {
	whole := &Tensor{Name: t.Name, Type: t.Type, Dims: slices.Clone(t.Dims)}
	about := map[string]string{}
	err := fields(t.raw, func(f field) error {
		switch f.num {
		case 13:
			var key, value string
			if err := fields(f.bytes, func(f field) error {
				switch f.num {
				case 1:
					key = string(f.bytes)
				case 2:
					value = string(f.bytes)
				}
				return nil
			}); err != nil {
				return err
			}
			about[key] = value
		case 9, 14:
		default:
			whole.raw = append(whole.raw, f.raw...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	data, err := readPart(root, about, left)
	if err != nil {
		return nil, err
	}
	whole.raw = appendMessage(whole.raw, 9, data)
	return whole, nil
}

// readPart reads what location, offset and length name; without a length it goes to the end of the file.
func readPart(root *os.Root, about map[string]string, left *int64) ([]byte, error) {
	f, err := root.Open(about["location"])
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%q is no file", about["location"])
	}
	number := func(key string, absent int64) (int64, error) {
		if about[key] == "" {
			return absent, nil
		}
		n, err := strconv.ParseInt(about[key], 10, 64)
		if err != nil || n < 0 || n > info.Size() {
			return 0, fmt.Errorf("its %s %q lies outside of %q, which has %d bytes", key, about[key], about["location"], info.Size())
		}
		return n, nil
	}
	offset, err := number("offset", 0)
	if err != nil {
		return nil, err
	}
	length, err := number("length", info.Size()-offset)
	if err != nil {
		return nil, err
	}
	if length > info.Size()-offset {
		return nil, fmt.Errorf("%q has %d bytes, and it ends at %d", about["location"], info.Size(), offset+length)
	}
	if *left -= length; *left < 0 {
		return nil, ErrTooLarge
	}
	data := make([]byte, length)
	if _, err := io.ReadFull(io.NewSectionReader(f, offset, length), data); err != nil {
		return nil, err
	}
	return data, nil
}
