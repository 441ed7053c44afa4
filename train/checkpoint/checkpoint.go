// Package checkpoint stores the state of a training run in files. A [Checkpoint] is the state after
// one step, a [Folder] the files of a run, and a [Saver] writes them while the run trains.
package checkpoint

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"cyclegan/graph"
	"cyclegan/graph/safetensors"
	"cyclegan/infer/atomicfile"
	"cyclegan/infer/pixels"
)

// The names of the four networks. A checkpoint's tensors are named after the network and the
// parameter, such as "G_AB/stem.weight".
const (
	GAB = "G_AB"
	GBA = "G_BA"
	DA  = "D_A"
	DB  = "D_B"
)

// Suffixes of the network's name for tensors that are not weights, as in "G_AB/adam_m/stem.weight".
const (
	Moment  = "/adam_m" // Adam's first moment
	Square  = "/adam_v" // Adam's second moment
	Average = "/ema"    // moving average of the weights
)

// The weights that a run keeps of its generators.
const (
	WeightsLatest = "latest" // after the last step
	WeightsEMA    = "ema"    // their moving average
)

// A Checkpoint is everything that a run needs to continue as if it had never stopped: the networks'
// weights, Adam's moments, the moving averages, the image pools, and the step, from which all
// random draws follow.
type Checkpoint struct {
	Step   int64 // steps done
	Seen   int64 // images of each domain in these steps; 0 in a checkpoint of an older version
	WarmUp int64 // steps of the discriminators before the first one
	// Passed is the number of steps of the schedule that the run skipped to end in time, and Spent
	// the time that the run had taken. Both are 0 without a time limit.
	Passed float64
	Spent  time.Duration
	// Batches is the number of batches in an epoch of the run's data, and Used the number of
	// batches used, counted in such epochs: Step, unless images were added or removed. A run may
	// continue with other images, but it is not reproducible then.
	Batches int
	Used    int64
	// Images of each domain to train on; 0 in a checkpoint of an older version.
	ImagesA, ImagesB int
	// DomainA and DomainB name the domains, such as "summer" and "winter".
	DomainA, DomainB string
	// WindowA and WindowB hold the values that the domain's 16-bit images use. They are zero for
	// images with 8 bits.
	WindowA, WindowB pixels.Window
	// Width and height are the size in pixels of a domain's training images.
	WidthA, HeightA, WidthB, HeightB int
	// Device describes what the run computed on, including threads. On another device the run
	// continues, but its results are not bit-identical.
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

// A checkpoint is a safetensors file. Its metadata holds the scalars, a CRC-32C of the values, and
// a CRC-32C of the header, computed with eight zeros in its place. The first format had no checksum
// of the header.
const (
	currentFormat = "cyclegan checkpoint 2"
	firstFormat   = "cyclegan checkpoint 1"
	maxHeader     = 64 << 20

	headerSumKey = "header_crc32c"
	noHeaderSum  = "00000000"
)

// A DamagedError reports a checkpoint file that is cut short, altered or of another format.
type DamagedError struct {
	Path string
	Err  error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("checkpoint %q is damaged: %v", e.Path, e.Err)
}

func (e *DamagedError) Unwrap() error { return e.Err }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Save writes the checkpoint to path atomically: a crash leaves either the old file or the new one
// intact. It creates missing folders.
func (c *Checkpoint) Save(path string) error {
	names := slices.Sorted(maps.Keys(c.Tensors))
	header, err := c.header(names)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err == nil {
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
	}
	if err != nil {
		return fmt.Errorf("save checkpoint of step %d: %w", c.Step, err)
	}
	return nil
}

func (c *Checkpoint) header(names []string) ([]byte, error) {
	var tensors []safetensors.Tensor
	sum := crc32.New(castagnoli)
	for _, name := range names {
		t := c.Tensors[name]
		if err := t.check(); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		tensors = append(tensors, safetensors.Tensor{Name: name, Type: "F32", Shape: t.Shape})
		if err := safetensors.WriteFloats(sum, t.Values); err != nil {
			return nil, err
		}
	}
	metadata := map[string]string{
		"format": currentFormat, "device": c.Device, "domain_A": c.DomainA, "domain_B": c.DomainB,
		"crc32c": strconv.FormatUint(uint64(sum.Sum32()), 16), headerSumKey: noHeaderSum,
	}
	if windows := pixels.FormatWindows(c.WindowA, c.WindowB); windows != "auto" {
		metadata["windows"] = windows
	}
	numbers := c.numbers()
	if c.Passed != 0 || c.Spent != 0 { // so that files without a time limit do not depend on time
		maps.Copy(numbers, c.timing())
	}
	for key, number := range numbers {
		text, err := json.Marshal(number)
		if err != nil {
			return nil, err
		}
		metadata[key] = string(text)
	}
	if c.Best != nil {
		metadata["best_weights"], metadata["best_by"], metadata["best_how"] = c.Best.Weights, c.Best.By, c.Best.How
		metadata["best_value"] = strconv.FormatFloat(c.Best.Value, 'g', -1, 64)
	}
	header, err := safetensors.EncodeHeader(metadata, tensors)
	if err != nil {
		return nil, err
	}
	return replaceSum(header, noHeaderSum, headerSum(header[8:])), nil
}

// numbers returns the numbers among the scalars by their keys in the metadata.
func (c *Checkpoint) numbers() map[string]any {
	return map[string]any{
		"step": &c.Step, "seen": &c.Seen, "warmup": &c.WarmUp, "batches": &c.Batches, "used": &c.Used,
		"images_A": &c.ImagesA, "images_B": &c.ImagesB,
		"width_A": &c.WidthA, "height_A": &c.HeightA, "width_B": &c.WidthB, "height_B": &c.HeightB,
	}
}

// newer are the numbers that checkpoints of older versions do not have.
var newer = []string{"warmup", "seen", "used", "images_A", "images_B"}

// timing returns the numbers that only a run with a time limit has.
func (c *Checkpoint) timing() map[string]any {
	return map[string]any{"passed_steps": &c.Passed, "spent_ns": &c.Spent}
}

func (c *Checkpoint) parse(metadata map[string]string) error {
	c.DomainA, c.DomainB, c.Device = metadata["domain_A"], metadata["domain_B"], metadata["device"]
	var err error
	if c.WindowA, c.WindowB, err = pixels.ParseWindows(metadata["windows"]); err != nil {
		return fmt.Errorf("header metadata: windows: %w", err)
	}
	numbers := c.numbers()
	if _, ok := metadata["spent_ns"]; ok {
		maps.Copy(numbers, c.timing())
	}
	for key, into := range numbers {
		if _, ok := metadata[key]; !ok && slices.Contains(newer, key) {
			continue
		}
		if err := json.Unmarshal([]byte(metadata[key]), into); err != nil {
			return fmt.Errorf("header metadata: %s is %q", key, metadata[key])
		}
	}
	if _, ok := metadata["used"]; !ok {
		c.Used = c.Step
	}
	if min(c.Step, c.Seen, c.Used, c.WarmUp, int64(c.Batches)) < 0 {
		return errors.New("header metadata: a count is negative")
	}
	if by, ok := metadata["best_by"]; ok {
		value, err := strconv.ParseFloat(metadata["best_value"], 64)
		if err != nil {
			return fmt.Errorf("header metadata: best_value is %q", metadata["best_value"])
		}
		c.Best = &Best{Weights: metadata["best_weights"], By: by, Value: value, How: metadata["best_how"]}
	}
	return nil
}

// check refuses a shape that does not fit the values, and values that are not finite.
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
			return fmt.Errorf("a value is %v; the run has diverged", v)
		}
	}
	return nil
}

// Load reads a file that Save wrote. For a file that is cut short, altered or of another format the
// error is a *DamagedError.
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
	c, err := read(bufio.NewReader(file), info.Size())
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

func replaceSum(header []byte, from, to string) []byte {
	entry := func(sum string) []byte { return []byte(`"` + headerSumKey + `":"` + sum + `"`) }
	return bytes.Replace(header, entry(from), entry(to), 1)
}

// Generator returns the generator GAB or GBA with its latest weights or their moving average.
// Describe returns the options of G_AB for true and of G_BA for false. BatchNorm's running
// statistics are always the latest. A checkpoint from before -ema was turned on has only the latest
// weights.
func (c *Checkpoint) Generator(name, weights string, describe func(ab bool) graph.GeneratorOptions) (*graph.Network, graph.Weights, error) {
	if name != GAB && name != GBA {
		return nil, nil, fmt.Errorf("unknown generator %q; the generators are %s and %s", name, GAB, GBA)
	}
	n, err := graph.NewGenerator(describe(name == GAB))
	if err != nil {
		return nil, nil, err
	}
	w := graph.Weights{}
	for _, p := range n.Params() {
		t, ok := c.Tensors[name+Average+"/"+p.Name]
		if !ok || weights != WeightsEMA {
			t, ok = c.Tensors[name+"/"+p.Name]
		}
		if !ok {
			return nil, nil, fmt.Errorf("the checkpoint has no parameter %q of %s", p.Name, name)
		}
		if !slices.Equal(t.Shape, p.Shape) {
			return nil, nil, fmt.Errorf("parameter %q of %s has shape %v in the checkpoint and %v by the options", p.Name, name, t.Shape, p.Shape)
		}
		w[p.Name] = t.Values
	}
	return n, w, nil
}
