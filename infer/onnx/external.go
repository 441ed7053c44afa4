package onnx

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
)

// ErrTooLarge reports that a single file cannot hold the external tensors of a model.
var ErrTooLarge = errors.New("the weights are too large for one file")

// mostInline limits what Inline reads, in bytes: a protobuf message has at most 2 GiB.
const mostInline = 1 << 30

// Inline reads the external tensors from the files in m.Dir, so that the model needs no other file,
// unless a graph that one of its nodes holds does; such graphs stay as they are.
// The error is ErrTooLarge if one file cannot hold them.
func (m *Model) Inline() error {
	root, err := os.OpenRoot(m.Dir) // a model must not read files outside its folder
	if err != nil {
		return err
	}
	defer root.Close()
	left := int64(mostInline)
	tensors := slices.Clone(m.Tensors)
	for i, t := range tensors {
		if !t.External {
			continue
		}
		data, err := t.readExternal(root, &left)
		if err != nil {
			return fmt.Errorf("weight %q: %w", t.Name, err)
		}
		tensors[i] = &Tensor{Name: t.Name, Type: t.Type, Dims: t.Dims, data: data}
	}
	m.Tensors = tensors
	return nil
}

// readExternal reads the values that external_data 13 locates. left is the number of bytes that may
// still be read.
func (t *Tensor) readExternal(root *os.Root, left *int64) ([]byte, error) {
	about := map[string]string{}
	err := fields(t.raw, func(f field) error {
		if f.num != 13 {
			return nil
		}
		key, value, err := parsePair(f.bytes)
		about[key] = value
		return err
	})
	if err != nil {
		return nil, err
	}
	location := about["location"]
	f, err := root.Open(location)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%q is not a file", location)
	}
	offset, bad := strconv.ParseInt(cmp.Or(about["offset"], "0"), 10, 64)
	length, bad2 := strconv.ParseInt(cmp.Or(about["length"], fmt.Sprint(info.Size()-offset)), 10, 64)
	if bad != nil || bad2 != nil || offset < 0 || length < 0 || offset > info.Size() || length > info.Size()-offset {
		return nil, fmt.Errorf("its offset %q and length %q are outside %q, which has %d bytes",
			about["offset"], about["length"], location, info.Size())
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

// maxNesting bounds the graphs inside each other. Protobuf readers refuse 100 messages inside each
// other, which are 33 graphs.
const maxNesting = 33

// externalGraph reports whether a GraphProto (node 1, initializer 5) or a graph inside it keeps
// tensors in other files. depth is the number of graphs around its content.
func externalGraph(msg []byte, depth int) (external bool, err error) {
	if depth > maxNesting {
		return false, errors.New("too many graphs are nested")
	}
	err = fields(msg, func(f field) error {
		switch f.num {
		case 1: // NodeProto: attribute 5
			return fields(f.bytes, func(f field) error {
				if f.num != 5 {
					return nil
				}
				_, graphs, err := parseAttr(f.bytes)
				for _, g := range graphs {
					inner, bad := externalGraph(g, depth+1)
					external, err = external || inner, errors.Join(err, bad)
				}
				return err
			})
		case 5:
			t, err := parseTensor(f.bytes)
			external = external || t.External
			return err
		}
		return nil
	})
	return external, err
}
