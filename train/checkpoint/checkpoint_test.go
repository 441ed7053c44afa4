package checkpoint

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

func someCheckpoint(step int64) *Checkpoint {
	return &Checkpoint{
		Step: step, Seen: 2 * step, Used: step + 3, Batches: 7, ImagesA: 13, ImagesB: 14, DomainA: "summer", DomainB: "winter", WidthA: 64, HeightA: 48, WidthB: 32, HeightB: 40, Device: "CPU, 2 threads",
		Tensors: map[string]Tensor{
			"G_AB/stem.weight": {[]int{2, 3}, []float32{1, -2, 3.5, 0, float32(math.Copysign(0, -1)), 1e-38}},
			"D_A/score.bias":   {[]int{1}, []float32{42}},
			"empty":            {[]int{0}, []float32{}},
		},
	}
}

func TestCheckpointRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.safetensors")
	limited := someCheckpoint(123) // by time
	limited.Passed, limited.Spent = 76.25, 1234567891011*time.Nanosecond
	for _, want := range []*Checkpoint{someCheckpoint(123), limited} {
		if err := want.Save(path); err != nil {
			t.Fatal(err)
		}
		got, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("read %+v, want %+v", got, want)
		}
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 {
		t.Errorf("the folder holds %v, %v; want only the checkpoint", files, err)
	}
}

// A file that is cut short anywhere, or has any bit changed, is reported as damaged.
func TestDamagedCheckpoint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.safetensors")
	if err := someCheckpoint(5).Save(path); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	spoilt := [][]byte{nil, whole[:7], append(bytes.Clone(whole), 0), []byte("PK\x03\x04 this is a zip file, isn't it"), bytes.Repeat([]byte{0xff}, 64)}
	for n := 0; n < len(whole); n += 5 {
		spoilt = append(spoilt, whole[:n])
	}
	for i := range whole {
		for bit := range 8 {
			flipped := bytes.Clone(whole)
			flipped[i] ^= 1 << bit
			spoilt = append(spoilt, flipped)
		}
	}
	for i, data := range spoilt {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		var damaged *DamagedError
		if c, err := Load(path); !errors.As(err, &damaged) || damaged.Path != path {
			t.Errorf("spoilt file %d of %d bytes: got %v, error %v", i, len(data), c, err)
		}
	}
}

// A file of negative counts would lead to places outside of the data.
func TestNegativeCounts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.safetensors")
	for _, change := range []func(*Checkpoint){
		func(c *Checkpoint) { c.Step = -1 }, func(c *Checkpoint) { c.Used = -1 }, func(c *Checkpoint) { c.Batches = -1 },
	} {
		c := someCheckpoint(5)
		change(c)
		if err := c.Save(path); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "negative") {
			t.Errorf("error %v", err)
		}
	}
}

// Checkpoints of the first format, without a header checksum and the newer numbers, can be read.
func TestFirstCheckpointFormat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.safetensors")
	want := someCheckpoint(5)
	if err := want.Save(path); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := []byte(`"` + headerSumKey + `":"`)
	at := bytes.Index(file, sum)
	old := bytes.Replace(file, []byte(currentFormat), []byte(firstFormat), 1)
	for i := range len(sum) + len(noHeaderSum) + len(`",`) {
		old[at+i] = ' '
	}
	old = regexp.MustCompile(`"(warmup|seen|used|images_.)":"\d+",`).ReplaceAllFunc(old, func(entry []byte) []byte {
		return bytes.Repeat([]byte(" "), len(entry))
	})
	want.Seen, want.Used, want.ImagesA, want.ImagesB = 0, 5, 0, 0
	if err := os.WriteFile(path, old, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := Load(path); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, %v; want %+v", got, err, want)
	}
}

// The reader does not trust sizes in a header: none of these may allocate much.
func TestHostileCheckpointHeaders(t *testing.T) {
	meta := `"__metadata__":{"format":"` + firstFormat + `","step":"1","batches":"1","width_A":"1","height_A":"1","width_B":"1","height_B":"1","crc32c":"0"}`
	for _, entry := range []string{
		`"x":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}`,
		`"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}`,
		`"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,18446744073709551612]}`,
		`"x":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}`,
		`"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}`,
		`"x":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}`,
		`"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"y":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}`,
		`"x":[]`,
	} {
		text := "{" + meta + "," + entry + "}"
		file := append([]byte{byte(len(text)), byte(len(text) >> 8), 0, 0, 0, 0, 0, 0}, text...)
		file = append(file, 0, 0, 0, 0)
		if _, err := read(bytes.NewReader(file), int64(len(file))); err == nil {
			t.Errorf("%s: no error", entry)
		}
	}
}

func TestCheckpointRefusesNaN(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.safetensors")
	good := someCheckpoint(1)
	if err := good.Save(path); err != nil {
		t.Fatal(err)
	}
	bad := someCheckpoint(2)
	bad.Tensors["D_A/score.bias"] = Tensor{[]int{1}, []float32{float32(math.NaN())}}
	if err := bad.Save(path); err == nil || !strings.Contains(err.Error(), "D_A/score.bias") {
		t.Errorf("saving NaN: %v", err)
	}
	if c, err := Load(path); err != nil || c.Step != 1 {
		t.Errorf("the older checkpoint is gone: %v, %v", c, err)
	}
}

func TestLatestSkipsDamaged(t *testing.T) {
	f := Folder(filepath.Join(t.TempDir(), "checkpoints"))
	if _, _, err := f.Latest(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no checkpoint: error %v", err)
	}
	if err := os.MkdirAll(string(f), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, step := range []int64{10, 20, 1000000000} {
		if err := someCheckpoint(step).Save(f.rollingPath(step)); err != nil {
			t.Fatal(err)
		}
	}
	newest := f.rollingPath(1000000000)
	if err := os.Truncate(newest, 100); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(string(f), "step_x.safetensors"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	c, damaged, err := f.Latest()
	if err != nil || c.Step != 20 {
		t.Fatalf("got %v, %v; want step 20", c, err)
	}
	if len(damaged) != 1 || !strings.Contains(damaged[0].Error(), newest) {
		t.Errorf("damaged: %v; want one that names %s", damaged, newest)
	}
	for _, step := range []int64{10, 20} {
		if err := os.Truncate(f.rollingPath(step), 3); err != nil {
			t.Fatal(err)
		}
	}
	if _, damaged, err := f.Latest(); err == nil || len(damaged) != 3 {
		t.Errorf("all damaged: %d named, error %v", len(damaged), err)
	}
}

func TestKeptCheckpoints(t *testing.T) {
	f := Folder(filepath.Join(t.TempDir(), "checkpoints"))
	if _, err := f.Epoch(5); err == nil || !strings.Contains(err.Error(), "none was kept") {
		t.Errorf("nothing kept: %v", err)
	}
	if err := os.MkdirAll(string(f), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{f.path(epochName(5)), f.path(iterationName(70)), f.rollingPath(60), f.rollingPath(80)} {
		if err := someCheckpoint(6).Save(path); err != nil {
			t.Fatal(err)
		}
	}
	if c, err := f.Epoch(5); err != nil || c.Step != 6 {
		t.Errorf("epoch 5: %v, %v", c, err)
	}
	if c, err := f.Iteration(70); err != nil || c.Step != 6 {
		t.Errorf("iteration 70: %v, %v", c, err)
	}
	if _, err := f.Epoch(6); err == nil || !strings.Contains(err.Error(), "kept: epoch_0005, iter_000000070") {
		t.Errorf("epoch 6: %v", err)
	}
	if got := strings.Join(f.Kept(), " "); got != "epoch_0005 iter_000000070" {
		t.Errorf("kept: %s", got)
	}
}

// ResumeFrom makes an earlier checkpoint the newest and supersedes later ones.
func TestResumeFrom(t *testing.T) {
	f := Folder(filepath.Join(t.TempDir(), "checkpoints"))
	if err := os.MkdirAll(string(f), 0o755); err != nil {
		t.Fatal(err)
	}
	best := someCheckpoint(70)
	best.Best = &Best{Weights: WeightsLatest, By: "SWD", Value: 3, How: "somehow"}
	for path, c := range map[string]*Checkpoint{
		f.path(epochName(5)): someCheckpoint(50), f.rollingPath(60): someCheckpoint(60), f.rollingPath(80): someCheckpoint(80), f.path(bestName): best,
	} {
		if err := c.Save(path); err != nil {
			t.Fatal(err)
		}
	}
	from, err := f.Epoch(5)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.ResumeFrom(from); err != nil {
		t.Fatal(err)
	}
	if c, _, err := f.Latest(); err != nil || c.Step != 50 {
		t.Errorf("the newest is %+v, %v; want step 50", c, err)
	}
	if _, err := f.Best(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the best, of step 70, is still there: %v", err)
	}
	for _, name := range []string{"step_000000060.safetensors", "step_000000080.safetensors", "best.safetensors"} {
		if _, err := os.Stat(filepath.Join(string(f), "superseded", name)); err != nil {
			t.Errorf("%s is not superseded: %v", name, err)
		}
	}

	// A best checkpoint that is not later stays, and is the newest if there is no rolling one.
	best.Step = 40
	if err := best.Save(f.path(bestName)); err != nil {
		t.Fatal(err)
	}
	if err := f.ResumeFrom(from); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(f.rollingPath(50)); err != nil {
		t.Fatal(err)
	}
	c, _, err := f.Latest()
	if err != nil || c.Step != 40 || *c.Best != *best.Best {
		t.Fatalf("the newest is %+v, %v; want the best, step 40", c, err)
	}
	if err := f.ResumeFrom(c); err != nil {
		t.Fatal(err)
	}
	if c, err := Load(f.rollingPath(40)); err != nil || c.Best != nil {
		t.Errorf("the rolling checkpoint is %+v, %v", c, err)
	}
}

func TestDropOldCheckpoints(t *testing.T) {
	f := Folder(t.TempDir())
	for step := range int64(5) {
		if err := someCheckpoint(step).Save(f.rollingPath(step)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(string(f), "epoch_0001.safetensors"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := f.dropOld(2); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(string(f))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got, want := strings.Join(names, " "), "epoch_0001.safetensors step_000000003.safetensors step_000000004.safetensors"; got != want {
		t.Errorf("left: %s; want %s", got, want)
	}
}

func FuzzReadCheckpoint(f *testing.F) {
	path := filepath.Join(f.TempDir(), "c")
	if err := someCheckpoint(5).Save(path); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:20])
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for name, tensor := range c.Tensors {
			if size := (Tensor{tensor.Shape, tensor.Values}); len(size.Values) > len(data) {
				t.Errorf("%s holds %d values out of a file of %d bytes", name, len(size.Values), len(data))
			}
		}
	})
}
