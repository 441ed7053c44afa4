package metric

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"cyclegan/infer/atomicfile"
)

// Features holds feature vectors of images in order, in 4 bytes per value.
type Features struct {
	dim  int
	data []float32 // [n][dim]
}

// maxDim limits the length of a feature vector, and so the covariance.
const maxDim = 1 << 14

// NewFeatures returns an empty list of vectors of dim values.
func NewFeatures(dim int) (*Features, error) {
	if err := checkDim(dim); err != nil {
		return nil, err
	}
	return &Features{dim: dim}, nil
}

func checkDim(dim int) error {
	if dim < 1 || dim > maxDim {
		return fmt.Errorf("feature vectors have %d values; supported are 1 to %d", dim, maxDim)
	}
	return nil
}

// checkRows returns an error unless values are complete vectors of finite numbers.
func checkRows(values []float32, dim int) error {
	if dim == 0 {
		return errors.New("add features: the value was not made by its constructor")
	}
	if len(values)%dim != 0 {
		return fmt.Errorf("add features: %d values are not complete vectors of %d", len(values), dim)
	}
	for i, v := range values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("add features: value %d of vector %d is %v", i%dim, i/dim, v)
		}
	}
	return nil
}

// Add copies one or more vectors.
func (f *Features) Add(values []float32) error {
	if err := checkRows(values, f.dim); err != nil {
		return err
	}
	f.data = append(f.data, values...)
	return nil
}

// N returns the number of vectors, and Dim their length.
func (f *Features) N() int   { return len(f.data) / max(1, f.dim) }
func (f *Features) Dim() int { return f.dim }

// Statistics returns the statistics of all vectors.
func (f *Features) Statistics() (*Statistics, error) {
	s, err := NewStatistics(f.dim)
	if err != nil {
		return nil, err
	}
	return s, s.Add(f.data)
}

type featuresHeader struct{ Dim int }

// Save writes the vectors to a file atomically.
func (f *Features) Save(path string) error {
	return save(path, "features", featuresHeader{f.dim}, f.data)
}

// LoadFeatures reads saved vectors. The error for an unusable file is [ErrDamaged].
func LoadFeatures(path string) (*Features, error) {
	var h featuresHeader
	f := &Features{}
	err := load(path, "features", &h, func() (any, error) {
		f.dim = h.Dim
		return &f.data, checkDim(h.Dim)
	})
	if err != nil {
		return nil, err
	}
	if err := checkRows(f.data, f.dim); err != nil {
		return nil, damaged(path, err)
	}
	return f, nil
}

// checkSets returns an error if two sets of vectors cannot be compared. Each needs least vectors.
func checkSets(score string, dimA, nA, dimB, nB, least int) error {
	if dimA != dimB {
		return fmt.Errorf("%s: feature vectors of %d and of %d values come from different extractors", score, dimA, dimB)
	}
	if n := min(nA, nB); n < least {
		return fmt.Errorf("%s: %d images are too few; each side needs at least %d", score, n, least)
	}
	return nil
}

// ErrDamaged means that a saved file cannot be used: it is incomplete, of another version, or holds
// something else. Its content must be computed again.
var ErrDamaged = errors.New("damaged file")

func damaged(path string, err error) error {
	return fmt.Errorf("read %q: %w: %w\nFix: remove it", path, ErrDamaged, err)
}

// A saved file holds a line with its kind and version, a line of JSON, the values in little-endian
// order, and the SHA-256 of all that.
func magic(kind string) string { return "cyclegan metric " + kind + " 1\n" }

// save writes a file atomically. Each of values is a slice of numbers.
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
		return fmt.Errorf("save %s: %w", kind, err)
	}
	return nil
}

// load reads a file that save wrote. After the header is decoded, target checks it and returns a
// pointer to the slice for the values.
func load(path, kind string, header any, target func() (any, error)) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read saved %s: %w", kind, err)
	}
	body := len(data) - sha256.Size
	if body < 0 || sha256.Sum256(data[:body]) != [sha256.Size]byte(data[body:]) {
		return damaged(path, errors.New("the checksum is wrong"))
	}
	rest, ok := bytes.CutPrefix(data[:body], []byte(magic(kind)))
	line, values, found := bytes.Cut(rest, []byte{'\n'})
	if !ok || !found {
		return damaged(path, fmt.Errorf("it holds no %s of this version", kind))
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
		err = fmt.Errorf("cannot read %T", to)
	}
	if err != nil {
		return damaged(path, err)
	}
	return nil
}
