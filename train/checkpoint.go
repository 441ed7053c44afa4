package train

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"slices"
	"strconv"

	"cyclegan/infer/atomicfile"
)

// A Checkpoint is everything that a run needs to go on as if it had never
// stopped: the networks' weights, Adam's moments, the moving averages, the
// image pools, and the place in the run, from which all random draws follow.
type Checkpoint struct {
	Step int64 // steps made
	// Batches is the number of batches in an epoch of the run's data. With
	// other data the run goes on, but not as it would have.
	Batches int
	// DomainA and DomainB name the domains, such as "summer" and "winter".
	DomainA, DomainB string
	// Width and height are the size in pixels of a domain's training pictures.
	WidthA, HeightA, WidthB, HeightB int
	// Device says what the run computed on, threads included. Elsewhere the
	// run goes on, but not bit for bit.
	Device string
	// Best says why the checkpoint was kept as the best; nil for others.
	Best    *Best
	Tensors map[string]Tensor
}

// Best is what makes a checkpoint the best of its run.
type Best struct {
	// Weights are those that did best, WeightsLatest or WeightsEMA.
	Weights string
	// By names the score that was compared, such as "SWD"; Value is its mean
	// over both directions.
	By    string
	Value float64
	// How says what the score was taken of: scores taken otherwise can't be
	// compared.
	How string
}

// A Tensor is a block of numbers in row-major order.
type Tensor struct {
	Shape  []int
	Values []float32
}

// The file is safetensors (https://github.com/huggingface/safetensors): the
// header's length in 8 bytes, a JSON header with name, type, shape and place
// of each tensor, then the values, little-endian. Its metadata holds the
// scalars, a CRC-32C of the values and one of the header, which is taken while
// eight zeros stand in its place. The first format had none of the header.
const (
	checkpointFormat    = "cyclegan checkpoint 2"
	firstFormat         = "cyclegan checkpoint 1"
	headerSum           = "header_crc32c"
	maxCheckpointHeader = 64 << 20
	checkpointExtension = ".safetensors"
)

// A DamagedError says that a checkpoint file is not what was once written.
type DamagedError struct {
	Path string
	Err  error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("checkpoint %q is damaged: %v", e.Path, e.Err)
}

func (e *DamagedError) Unwrap() error { return e.Err }

type headerEntry struct {
	DType   string    `json:"dtype"`
	Shape   []int     `json:"shape"`
	Offsets [2]uint64 `json:"data_offsets"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Save writes the checkpoint under path. A crash at any moment leaves either
// the old file or the new one, whole.
func (c *Checkpoint) Save(path string) error {
	names := make([]string, 0, len(c.Tensors))
	for name := range c.Tensors {
		names = append(names, name)
	}
	slices.Sort(names)
	header := map[string]any{}
	sum := crc32.New(castagnoli)
	offset := uint64(0)
	buffer := make([]byte, 1<<16)
	for _, name := range names {
		t := c.Tensors[name]
		if err := t.check(); err != nil {
			return fmt.Errorf("save checkpoint %q: tensor %q: %w", path, name, err)
		}
		end := offset + 4*uint64(len(t.Values))
		header[name] = headerEntry{"F32", t.Shape, [2]uint64{offset, end}}
		offset = end
		if err := writeFloats(sum, t.Values, buffer); err != nil {
			return err
		}
	}
	metadata := map[string]string{
		"format":   checkpointFormat,
		"step":     strconv.FormatInt(c.Step, 10),
		"batches":  strconv.Itoa(c.Batches),
		"domain_A": c.DomainA,
		"domain_B": c.DomainB,
		"width_A":  strconv.Itoa(c.WidthA),
		"height_A": strconv.Itoa(c.HeightA),
		"width_B":  strconv.Itoa(c.WidthB),
		"height_B": strconv.Itoa(c.HeightB),
		"device":   c.Device,
		"crc32c":   strconv.FormatUint(uint64(sum.Sum32()), 16),
		headerSum:  unsummed,
	}
	if c.Best != nil {
		metadata["best_weights"], metadata["best_by"] = c.Best.Weights, c.Best.By
		metadata["best_how"] = c.Best.How
		metadata["best_value"] = strconv.FormatFloat(c.Best.Value, 'g', -1, 64)
	}
	header["__metadata__"] = metadata
	text, err := json.Marshal(header)
	if err != nil {
		return fmt.Errorf("save checkpoint %q: %w", path, err)
	}
	// Spaces align the values to 8 bytes, as the format asks.
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	text = withSum(text, unsummed, sumOf(text))
	err = atomicfile.WriteDurable(path, func(w io.Writer) error {
		if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(text)))); err != nil {
			return err
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
		for _, name := range names {
			if err := writeFloats(w, c.Tensors[name].Values, buffer); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("save checkpoint %q: %w", path, err)
	}
	return nil
}

// check refuses what must not be kept: a shape that doesn't fit, and values
// that are no numbers.
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
			return fmt.Errorf("it holds %v, the training has diverged", v)
		}
	}
	return nil
}

// LoadCheckpoint reads what Save wrote. A file that is cut short, altered or
// of another kind gives a *DamagedError.
func LoadCheckpoint(path string) (*Checkpoint, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load checkpoint: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("load checkpoint: %w", err)
	}
	c, err := readCheckpoint(file, info.Size())
	if err != nil {
		return nil, &DamagedError{path, err}
	}
	return c, nil
}

func readCheckpoint(r io.Reader, fileSize int64) (*Checkpoint, error) {
	var length uint64
	if err := binary.Read(r, binary.LittleEndian, &length); err != nil {
		return nil, fmt.Errorf("no header: %w", err)
	}
	if length > maxCheckpointHeader || int64(length) > fileSize-8 {
		return nil, fmt.Errorf("its header claims %d bytes of a file of %d", length, fileSize)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	var metadata map[string]string
	if err := json.Unmarshal(raw["__metadata__"], &metadata); err != nil {
		return nil, fmt.Errorf("header metadata: %w", err)
	}
	switch metadata["format"] {
	case checkpointFormat:
		if got := sumOf(withSum(text, metadata[headerSum], unsummed)); got != metadata[headerSum] {
			return nil, fmt.Errorf("the checksum of its header is %s, not %s", got, metadata[headerSum])
		}
	case firstFormat:
	default:
		return nil, fmt.Errorf("its format is %q, not %q", metadata["format"], checkpointFormat)
	}
	delete(raw, "__metadata__")
	c, err := scalars(metadata)
	if err != nil {
		return nil, err
	}
	entries := make(map[string]headerEntry, len(raw))
	names := make([]string, 0, len(raw))
	for name, message := range raw {
		var e headerEntry
		if err := json.Unmarshal(message, &e); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		entries[name] = e
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		// An empty tensor shares its offset with the one after it.
		x, y := entries[a].Offsets, entries[b].Offsets
		if x[0] != y[0] {
			if x[0] < y[0] {
				return -1
			}
			return 1
		}
		return int(int64(x[1]) - int64(y[1]))
	})
	available := uint64(fileSize) - 8 - length
	sum := crc32.New(castagnoli)
	offset := uint64(0)
	for _, name := range names {
		e := entries[name]
		size, err := e.size()
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		if e.Offsets[0] != offset || e.Offsets[1] != offset+4*size || e.Offsets[1] > available {
			return nil, fmt.Errorf("tensor %q of shape %v lies at %v of %d bytes", name, e.Shape, e.Offsets, available)
		}
		offset = e.Offsets[1]
		values := make([]float32, size)
		if err := readFloats(io.TeeReader(r, sum), values); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		c.Tensors[name] = Tensor{e.Shape, values}
	}
	if offset != available {
		return nil, fmt.Errorf("%d bytes follow the last tensor", available-offset)
	}
	if got := strconv.FormatUint(uint64(sum.Sum32()), 16); got != metadata["crc32c"] {
		return nil, fmt.Errorf("the checksum of its values is %s, not %s", got, metadata["crc32c"])
	}
	return c, nil
}

// unsummed stands in a header for its own checksum while that is taken.
const unsummed = "00000000"

func sumOf(header []byte) string {
	return fmt.Sprintf("%08x", crc32.Checksum(header, castagnoli))
}

// withSum writes the checksum to into a header that holds from.
func withSum(header []byte, from, to string) []byte {
	entry := func(sum string) []byte { return []byte(`"` + headerSum + `":"` + sum + `"`) }
	return bytes.Replace(header, entry(from), entry(to), 1)
}

func scalars(metadata map[string]string) (*Checkpoint, error) {
	c := &Checkpoint{DomainA: metadata["domain_A"], DomainB: metadata["domain_B"], Device: metadata["device"], Tensors: map[string]Tensor{}}
	for _, n := range []struct {
		key  string
		into *int
	}{{"batches", &c.Batches}, {"width_A", &c.WidthA}, {"height_A", &c.HeightA}, {"width_B", &c.WidthB}, {"height_B", &c.HeightB}} {
		value, err := strconv.Atoi(metadata[n.key])
		if err != nil || value < 1 {
			return nil, fmt.Errorf("header metadata: %s is %q", n.key, metadata[n.key])
		}
		*n.into = value
	}
	step, err := strconv.ParseInt(metadata["step"], 10, 64)
	if err != nil || step < 0 {
		return nil, fmt.Errorf("header metadata: step is %q", metadata["step"])
	}
	c.Step = step
	if by, ok := metadata["best_by"]; ok {
		value, err := strconv.ParseFloat(metadata["best_value"], 64)
		weights := metadata["best_weights"]
		if err != nil || (weights != WeightsLatest && weights != WeightsEMA) {
			return nil, fmt.Errorf("header metadata: best_value is %q, best_weights %q", metadata["best_value"], weights)
		}
		c.Best = &Best{Weights: weights, By: by, Value: value, How: metadata["best_how"]}
	}
	return c, nil
}

// size counts the values that the shape stands for.
func (e headerEntry) size() (uint64, error) {
	if e.DType != "F32" {
		return 0, fmt.Errorf("its type is %q, not F32", e.DType)
	}
	size := uint64(1)
	for _, d := range e.Shape {
		if d < 0 || d > 1<<32 || size > 1<<32 {
			return 0, fmt.Errorf("shape %v is out of bounds", e.Shape)
		}
		size *= uint64(d)
	}
	return size, nil
}

func writeFloats(w io.Writer, values []float32, buffer []byte) error {
	for len(values) > 0 {
		n := min(len(values), len(buffer)/4)
		for i, v := range values[:n] {
			binary.LittleEndian.PutUint32(buffer[4*i:], math.Float32bits(v))
		}
		if _, err := w.Write(buffer[:4*n]); err != nil {
			return err
		}
		values = values[n:]
	}
	return nil
}

func readFloats(r io.Reader, values []float32) error {
	buffer := make([]byte, 1<<16)
	for len(values) > 0 {
		n := min(len(values), len(buffer)/4)
		if _, err := io.ReadFull(r, buffer[:4*n]); err != nil {
			return err
		}
		for i := range values[:n] {
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(buffer[4*i:]))
		}
		values = values[n:]
	}
	return nil
}
