// Package checkpoint stores the state of a training run in files. A
// [Checkpoint] is the state after one step, a [Folder] the files of a run, and
// a [Saver] writes them while the run trains.
package checkpoint

import (
	"bufio"
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"

	"cyclegan/graph/safetensors"
	"cyclegan/infer/atomicfile"
)

// A Checkpoint is everything that a run needs to continue as if it had never
// stopped: the networks' weights, Adam's moments, the moving averages, the
// image pools, and the step, from which all random draws follow.
type Checkpoint struct {
	Step int64 // steps done
	// Batches is the number of batches in an epoch of the run's data. A run
	// may continue with other data, but it is not reproducible then.
	Batches int
	// DomainA and DomainB name the domains, such as "summer" and "winter".
	DomainA, DomainB string
	// Width and height are the size in pixels of a domain's training images.
	WidthA, HeightA, WidthB, HeightB int
	// Device describes what the run computed on, including threads. On another
	// device the run continues, but its results are not bit-identical.
	Device string
	// Best says why the checkpoint was kept as the best; nil for others.
	Best    *Best
	Tensors map[string]Tensor
}

// Best is what makes a checkpoint the best of its run.
type Best struct {
	Weights string  // the weights that were scored, WeightsLatest or WeightsEMA
	By      string  // the score that was compared, such as "SWD"
	Value   float64 // the score's mean over both directions
	How     string  // how the score was computed; only equal ones can be compared
}

// A Tensor is a block of numbers in row-major order.
type Tensor struct {
	Shape  []int
	Values []float32
}

// A checkpoint is a safetensors file. Its metadata holds the scalars, a CRC-32C
// of the values, and a CRC-32C of the header, computed with eight zeros in its
// place. The first format had no checksum of the header.
const (
	currentFormat = "cyclegan checkpoint 2"
	firstFormat   = "cyclegan checkpoint 1"
	maxHeader     = 64 << 20

	headerSumKey = "header_crc32c"
	noHeaderSum  = "00000000"
)

// A DamagedError reports a checkpoint file that is cut short, altered or of
// another format.
type DamagedError struct {
	Path string
	Err  error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("checkpoint %q is damaged: %v", e.Path, e.Err)
}

func (e *DamagedError) Unwrap() error { return e.Err }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Save writes the checkpoint to path atomically: a crash leaves either the old
// file or the new one intact.
func (c *Checkpoint) Save(path string) error {
	names := slices.Sorted(maps.Keys(c.Tensors))
	var tensors []safetensors.Tensor
	sum := crc32.New(castagnoli)
	for _, name := range names {
		t := c.Tensors[name]
		if err := t.check(); err != nil {
			return fmt.Errorf("save checkpoint %q: tensor %q: %w", path, name, err)
		}
		tensors = append(tensors, safetensors.Tensor{Name: name, Type: "F32", Shape: t.Shape})
		if err := safetensors.WriteFloats(sum, t.Values); err != nil {
			return fmt.Errorf("save checkpoint %q: %w", path, err)
		}
	}
	metadata := c.metadata()
	metadata["crc32c"] = strconv.FormatUint(uint64(sum.Sum32()), 16)
	header, err := safetensors.EncodeHeader(metadata, tensors)
	if err != nil {
		return fmt.Errorf("save checkpoint %q: %w", path, err)
	}
	header = replaceSum(header, noHeaderSum, headerSum(header[8:]))
	err = atomicfile.WriteDurable(path, func(w io.Writer) error {
		if _, err := w.Write(header); err != nil {
			return err
		}
		for _, name := range names {
			if err := safetensors.WriteFloats(w, c.Tensors[name].Values); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	return nil
}

// metadata returns the scalars as text.
func (c *Checkpoint) metadata() map[string]string {
	m := map[string]string{
		"format":     currentFormat,
		"step":       strconv.FormatInt(c.Step, 10),
		"batches":    strconv.Itoa(c.Batches),
		"domain_A":   c.DomainA,
		"domain_B":   c.DomainB,
		"width_A":    strconv.Itoa(c.WidthA),
		"height_A":   strconv.Itoa(c.HeightA),
		"width_B":    strconv.Itoa(c.WidthB),
		"height_B":   strconv.Itoa(c.HeightB),
		"device":     c.Device,
		headerSumKey: noHeaderSum,
	}
	if c.Best != nil {
		m["best_weights"], m["best_by"], m["best_how"] = c.Best.Weights, c.Best.By, c.Best.How
		m["best_value"] = strconv.FormatFloat(c.Best.Value, 'g', -1, 64)
	}
	return m
}

// parse reads what metadata wrote.
func (c *Checkpoint) parse(metadata map[string]string) error {
	c.DomainA, c.DomainB, c.Device = metadata["domain_A"], metadata["domain_B"], metadata["device"]
	for key, into := range map[string]*int{
		"batches": &c.Batches, "width_A": &c.WidthA, "height_A": &c.HeightA, "width_B": &c.WidthB, "height_B": &c.HeightB,
	} {
		value, err := strconv.Atoi(metadata[key])
		if err != nil || value < 1 {
			return fmt.Errorf("header metadata: %s is %q", key, metadata[key])
		}
		*into = value
	}
	step, err := strconv.ParseInt(metadata["step"], 10, 64)
	if err != nil || step < 0 {
		return fmt.Errorf("header metadata: step is %q", metadata["step"])
	}
	c.Step = step
	if by, ok := metadata["best_by"]; ok {
		value, err := strconv.ParseFloat(metadata["best_value"], 64)
		weights := metadata["best_weights"]
		if err != nil || (weights != WeightsLatest && weights != WeightsEMA) {
			return fmt.Errorf("header metadata: best_value is %q, best_weights %q", metadata["best_value"], weights)
		}
		c.Best = &Best{Weights: weights, By: by, Value: value, How: metadata["best_how"]}
	}
	return nil
}

// check refuses a shape that does not fit the values, and values that are not
// finite.
func (t Tensor) check() error {
	size := 1
	for _, d := range t.Shape {
		size *= d
	}
	if size != len(t.Values) {
		return fmt.Errorf("shape %v does not hold %d values", t.Shape, len(t.Values))
	}
	for _, v := range t.Values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("a value is %v; the training has diverged", v)
		}
	}
	return nil
}

// Load reads a file that Save wrote. For a file that is cut short, altered or
// of another format the error is a *DamagedError.
func Load(path string) (*Checkpoint, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load checkpoint: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("load checkpoint: %w", err)
	}
	c, err := read(bufio.NewReaderSize(file, 1<<16), info.Size())
	if err != nil {
		return nil, &DamagedError{path, err}
	}
	return c, nil
}

func read(r io.Reader, fileSize int64) (*Checkpoint, error) {
	h, err := safetensors.ReadHeader(r, fileSize, maxHeader)
	if err != nil {
		return nil, err
	}
	switch h.Metadata["format"] {
	case currentFormat:
		want := h.Metadata[headerSumKey]
		if got := headerSum(replaceSum(h.Text, want, noHeaderSum)); got != want {
			return nil, fmt.Errorf("the header's checksum is %s, want %s", got, want)
		}
	case firstFormat:
	default:
		return nil, fmt.Errorf("format %q, want %q", h.Metadata["format"], currentFormat)
	}
	c := &Checkpoint{Tensors: map[string]Tensor{}}
	if err := c.parse(h.Metadata); err != nil {
		return nil, err
	}
	sum := crc32.New(castagnoli)
	for _, t := range h.Tensors {
		if t.Type != "F32" {
			return nil, fmt.Errorf("tensor %q has type %q, want F32", t.Name, t.Type)
		}
		values := make([]float32, t.Count)
		if err := safetensors.ReadFloats(io.TeeReader(r, sum), values); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		c.Tensors[t.Name] = Tensor{t.Shape, values}
	}
	if got := strconv.FormatUint(uint64(sum.Sum32()), 16); got != h.Metadata["crc32c"] {
		return nil, fmt.Errorf("the values' checksum is %s, want %s", got, h.Metadata["crc32c"])
	}
	return c, nil
}

func headerSum(header []byte) string {
	return fmt.Sprintf("%08x", crc32.Checksum(header, castagnoli))
}

// replaceSum replaces the checksum in a header.
func replaceSum(header []byte, from, to string) []byte {
	entry := func(sum string) []byte { return []byte(`"` + headerSumKey + `":"` + sum + `"`) }
	return bytes.Replace(header, entry(from), entry(to), 1)
}
