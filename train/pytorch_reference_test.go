//go:build tensorflow

package train

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"

	"cyclegan/graph"
	"cyclegan/graph/safetensors"
)

// A reference is a fixture by testdata/pytorch/reference.py: what PyTorch computes in float64, and
// how far PyTorch's own float32 is from it. Gaps are relative to a value or to a tensor's largest
// value.
type reference struct {
	Preset  string          `json:"preset"`
	Options json.RawMessage `json:"options"` // differences from the preset
	Height  int             `json:"height"`
	Width   int             `json:"width"`
	Stride  int             `json:"picture_stride"` // every Stride-th value of an image is kept
	Draws   []int           `json:"draws"`          // the draw of each step's images

	// One step with the drawn weights.
	Losses map[string]float64 `json:"losses"`
	Gap    map[string]float64 `json:"gap"`

	// Steps that change the weights, each in an epoch of its own.
	Steps []struct {
		Rates  [2]float64         `json:"rate"` // of the generators' and the discriminators' Adam
		Losses map[string]float64 `json:"losses"`
		Update map[string]float64 `json:"update"` // length of each network's change
		Gap    map[string]float64 `json:"gap"`
	} `json:"steps"`
	// Shown is, for A and B, the step of each image that the discriminator got from the pool.
	Shown map[string][]float32 `json:"shown"`
	End   struct {
		Out    float64            `json:"out"`
		Stat   float64            `json:"stat"`
		Change map[string]float64 `json:"change"` // root mean square, in learning rates
	} `json:"end"`

	// Only in the fixture "adam".
	Count     int `json:"count"`
	Schedules []struct {
		Options json.RawMessage `json:"options"`
		Rates   []float64       `json:"rates"`
	} `json:"rates"`

	name    string
	tensors map[string][]float32
}

func readReference(t *testing.T, name string) *reference {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "pytorch", name+".safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	in := bytes.NewReader(data)
	h, err := safetensors.ReadHeader(in, int64(len(data)), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	r := &reference{name: name, tensors: map[string][]float32{}}
	if err := json.Unmarshal([]byte(h.Metadata["reference"]), r); err != nil {
		t.Fatal(err)
	}
	for _, tensor := range h.Tensors {
		values := make([]float32, tensor.Count)
		if err := safetensors.ReadFloats(in, values); err != nil {
			t.Fatal(err)
		}
		r.tensors[tensor.Name] = values
	}
	return r
}

// options returns the options of the preset with changes.
func (r *reference) options(t *testing.T, changes json.RawMessage) Options {
	t.Helper()
	o, err := Preset(r.Preset)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(changes))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&o); err != nil {
		t.Fatal(err)
	}
	o.GPUIDs, o.Threads = "-1", 2
	return o
}

// drawn is draw in reference.py: SplitMix64 seeded by the name's FNV-1a hash, in [-1, 1).
func drawn(name string, count int) []float64 {
	hash := fnv.New64a()
	hash.Write([]byte(name))
	state := hash.Sum64()
	values := make([]float64, count)
	for i := range values {
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
		values[i] = float64(z>>40)/(1<<23) - 1
	}
	return values
}

// drawnParam is draw_parameter in reference.py.
func drawnParam(network string, p graph.Param) []float32 {
	name := network + "/" + p.Name
	values := make([]float32, p.Size())
	for i, u := range drawn(name, p.Size()) {
		switch p.Role {
		case graph.Weight:
			gain := 1.0
			if strings.HasSuffix(name, ".conv2.weight") {
				gain = 0.5
			}
			u *= gain * math.Sqrt(3/float64(p.Shape[0]*p.Shape[1]*p.Shape[2]))
		case graph.Gamma:
			u = 1 + 0.3*u
		case graph.Variance:
			u = 1 + 0.5*u
		default:
			u *= 0.2
		}
		values[i] = float32(u)
	}
	return values
}

// images returns the batches of one step.
func (r *reference) images(o Options, step int) (a, b []float32) {
	batch := func(domain string, channels int) []float32 {
		draws := drawn(fmt.Sprintf("%s/%s/%d/%d", r.name, domain, step, r.Draws[step-1]), o.BatchSize*r.Height*r.Width*channels)
		values := make([]float32, len(draws))
		for i, u := range draws {
			values[i] = float32(u)
		}
		return values
	}
	return batch("A", o.InputNC), batch("B", o.OutputNC)
}

// kept returns the values of an image that a fixture keeps.
func (r *reference) kept(image []float32) []float32 {
	var values []float32
	for i := 0; i < len(image); i += r.Stride {
		values = append(values, image[i])
	}
	return values
}

// poolSeed finds a seed of a run with which the pools return images of the same steps as in the
// fixture.
func (r *reference) poolSeed(t *testing.T, capacity int) uint64 {
	t.Helper()
	shows := func(seed uint64, purpose string, want []float32) bool {
		pool := imagePool{capacity: capacity}
		for i, step := range want {
			image := []float32{float32(i + 1)}
			pool.exchange(image, 1, randomStream(seed, purpose, int64(i)))
			if image[0] != step {
				return false
			}
		}
		return len(want) > capacity
	}
	for seed := range uint64(100_000) {
		if shows(seed, "pool A", r.Shown["A"]) && shows(seed, "pool B", r.Shown["B"]) {
			return seed
		}
	}
	t.Fatalf("no seed makes pools of %d return images of the steps %v", capacity, r.Shown)
	return 0
}

// A comparison collects the largest difference of each kind and reports differences over their
// bounds.
type comparison struct {
	t    *testing.T
	rows []*difference
}

type difference struct {
	what, where     string
	value, own, max float64 // ours, that of PyTorch's float32, and the bound
}

// add records a difference. Own is PyTorch's difference, or 0.
func (c *comparison) add(what, where string, value, own, allowed float64) {
	c.t.Helper()
	if !(value <= allowed) {
		c.t.Errorf("%s, %s: difference %.2g, want at most %.2g (PyTorch's float32: %.2g)", what, where, value, allowed, own)
	}
	for _, row := range c.rows {
		if row.what == what {
			if value > row.value {
				row.value, row.where = value, where
			}
			return
		}
	}
	c.rows = append(c.rows, &difference{what, where, value, own, allowed})
}

func (c *comparison) log() {
	c.t.Helper()
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nlargest difference\tours\tPyTorch f32\tallowed\tin")
	for _, r := range c.rows {
		own := "-"
		if r.own > 0 {
			own = fmt.Sprintf("%.1e", r.own)
		}
		fmt.Fprintf(w, "%s\t%.1e\t%s\t%.1e\t%s\n", r.what, r.value, own, r.max, r.where)
	}
	w.Flush()
	c.t.Log(text.String())
}

// apart is the largest difference of two tensors, relative to the largest value of the second.
func apart(t *testing.T, got, want []float32) float64 {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Fatalf("got %d values, the reference has %d", len(got), len(want))
	}
	var worst, size float64
	for i, w := range want {
		worst = math.Max(worst, math.Abs(float64(got[i])-float64(w)))
		size = math.Max(size, math.Abs(float64(w)))
	}
	if worst == 0 {
		return 0
	}
	return worst / size
}

// ratio is the difference of two numbers, relative to the second.
func ratio(got, want float64) float64 {
	if got == want {
		return 0
	}
	return math.Abs(got-want) / math.Abs(want)
}
