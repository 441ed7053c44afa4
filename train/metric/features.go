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
	if dim < 1 || dim > maxDim {
		return nil, fmt.Errorf("feature vectors have %d values; supported are 1 to %d", dim, maxDim)
	}
	return &Features{dim: dim}, nil
}

// Add copies one or more vectors of finite values.
func (f *Features) Add(values []float32) error {
	if len(values)%f.dim != 0 {
		return fmt.Errorf("add features: %d values are not complete vectors of %d", len(values), f.dim)
	}
	for i, v := range values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("add features: value %d of vector %d is %v", i%f.dim, i/f.dim, v)
		}
	}
	f.data = append(f.data, values...)
	return nil
}

// N returns the number of vectors, and Dim their length.
func (f *Features) N() int   { return len(f.data) / f.dim }
func (f *Features) Dim() int { return f.dim }

// checkSides returns an error if two sets of vectors cannot be compared.
func checkSides(score string, a, b *Features) error {
	if a == nil || b == nil {
		return fmt.Errorf("%s: one side has no features", score)
	}
	if a.dim != b.dim {
		return fmt.Errorf("%s: feature vectors of %d and of %d values come from different extractors", score, a.dim, b.dim)
	}
	if n := min(a.N(), b.N()); n < 2 {
		return fmt.Errorf("%s: %d images are too few; each side needs at least 2", score, n)
	}
	return nil
}

type featuresHeader struct{ Dim int }

// Save writes the vectors to a file atomically.
func (f *Features) Save(path string) error {
	return save(path, "features", featuresHeader{f.dim}, f.data)
}

// LoadFeatures reads saved vectors. The error for an unusable file is [ErrDamaged].
func LoadFeatures(path string) (*Features, error) {
	var h featuresHeader
	data, err := load(path, "features", &h)
	if err != nil {
		return nil, err
	}
	f, err := NewFeatures(h.Dim)
	if err == nil {
		values := make([]float32, len(data)/4)
		binary.Decode(data, binary.LittleEndian, values) // cannot fail for this length
		err = f.Add(values)
	}
	if err != nil {
		return nil, damaged(path, err)
	}
	return f, nil
}

// ErrDamaged means that a saved file cannot be used: it is incomplete, of another version, or holds
// something else. Its content must be computed again.
var ErrDamaged = errors.New("damaged file")

func damaged(path string, err error) error {
	return fmt.Errorf("read %q: %w: %w\nFix: remove it", path, ErrDamaged, err)
}

// A saved file holds a line with its kind and version, a line of JSON, the values in little-endian
// order, and the SHA-256 of all that.
func magic(kind string) []byte { return []byte("cyclegan metric " + kind + " 1\n") }

// save writes a file atomically. values is a slice of numbers.
func save(path, kind string, header, values any) error {
	err := atomicfile.Write(path, func(w io.Writer) error {
		sum := sha256.New()
		to := io.MultiWriter(w, sum)
		line, err := json.Marshal(header)
		for _, part := range []any{magic(kind), line, []byte{'\n'}, values} {
			err = errors.Join(err, binary.Write(to, binary.LittleEndian, part))
		}
		if err == nil {
			_, err = w.Write(sum.Sum(nil))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("save %s: %w", kind, err)
	}
	return nil
}

// load decodes the header of a file that save wrote and returns the bytes of its values.
func load(path, kind string, header any) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read saved %s: %w", kind, err)
	}
	body := len(data) - sha256.Size
	if body < 0 || sha256.Sum256(data[:body]) != [sha256.Size]byte(data[body:]) {
		return nil, damaged(path, errors.New("the checksum is wrong"))
	}
	rest, ok := bytes.CutPrefix(data[:body], magic(kind))
	line, values, _ := bytes.Cut(rest, []byte{'\n'})
	if !ok || json.Unmarshal(line, header) != nil {
		return nil, damaged(path, fmt.Errorf("it holds no %s of this version", kind))
	}
	return values, nil
}
