package metric

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"cyclegan/infer/atomicfile"
)

// ErrDamaged says that a saved file can't be used: it is not whole, of another
// version, or not what was asked for. What it held has to be computed again.
var ErrDamaged = errors.New("damaged file")

func damaged(path string, err error) error {
	return fmt.Errorf("read %q: %w: %w\nto mend it: remove it", path, ErrDamaged, err)
}

// A saved file is a line with its kind and version, a line of JSON, the values
// in little-endian order, and the SHA-256 of all before.
func magic(kind string) string { return "cyclegan metric " + kind + " 1\n" }

// save writes a file in one piece; each part of values is a slice of numbers.
func save(path, kind string, header any, values ...any) error {
	line, err := json.Marshal(header)
	if err == nil {
		err = atomicfile.Write(path, func(w io.Writer) error {
			sum := sha256.New()
			to := io.MultiWriter(w, sum)
			if _, err := io.WriteString(to, magic(kind)+string(line)+"\n"); err != nil {
				return err
			}
			for _, v := range values {
				if err := binary.Write(to, binary.LittleEndian, v); err != nil {
					return err
				}
			}
			_, err := w.Write(sum.Sum(nil))
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}
	return nil
}

// load reads a file that save wrote. Once the header is there, target checks it
// and gives a pointer to the slice for the values.
func load(path, kind string, header any, target func() (any, error)) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read saved %s: %w", kind, err)
	}
	body := len(data) - sha256.Size
	if body < 0 || sha256.Sum256(data[:body]) != [sha256.Size]byte(data[body:]) {
		return damaged(path, errors.New("its checksum is wrong"))
	}
	rest, ok := bytes.CutPrefix(data[:body], []byte(magic(kind)))
	line, values, found := bytes.Cut(rest, []byte{'\n'})
	if !ok || !found {
		return damaged(path, fmt.Errorf("it does not hold %s of this version", kind))
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(header); err != nil {
		return damaged(path, err)
	}
	to, err := target()
	if err != nil {
		return damaged(path, err)
	}
	switch to := to.(type) {
	case *[]byte:
		*to = values
		return nil
	case *[]float32:
		*to = make([]float32, len(values)/4)
		_, err = binary.Decode(values, binary.LittleEndian, *to)
	case *[]float64:
		*to = make([]float64, len(values)/8)
		_, err = binary.Decode(values, binary.LittleEndian, *to)
	default:
		err = fmt.Errorf("%T can't be read", to)
	}
	if err != nil {
		return damaged(path, err)
	}
	return nil
}
