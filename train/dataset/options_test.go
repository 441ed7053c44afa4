package dataset

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestValidateListsEveryProblem(t *testing.T) {
	o := Options{
		Dataroot: "d", DirA: "a", ScenesA: -1, Direction: "up", Phase: "a/b", Preprocess: "squeeze", LoadSize: 0, CropSize: 1 << 20,
		InputNC: 4, OutputNC: 2, MaxDatasetSize: -2, BatchSize: 0, NumThreads: -1, MemoryBytes: -5,
	}
	err := o.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`dataroot "d"`, `dir_A "a", dir_B ""`, `direction "up"`, `phase "a/b"`, `preprocess "squeeze"`, "load_size 0", "crop_size 1048576",
		"input_nc 4", "output_nc 2", "max_dataset_size -2", "batch_size 0", "num_threads -1", "memory_bytes -5"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not listed", want)
		}
	}
	if _, err := Open(o); err == nil {
		t.Error("Open accepts invalid options")
	}
}

func TestValidate(t *testing.T) {
	with := func(change func(*Options)) Options {
		o := DefaultOptions()
		change(&o)
		return o
	}
	for _, c := range []struct {
		o    Options
		want string // "" is no problem
	}{
		{DefaultOptions(), ""},
		{with(func(o *Options) { o.ScenesB = 0 }), "scenes_B 0"},
		{with(func(o *Options) { o.ScenesTest = -1 }), "scenes_test -1"},
		{with(func(o *Options) { o.ScenesA = 1 << 30 }), "scenes_A 1073741824"},
		{with(func(o *Options) { o.LoadSize = 5000 }), "load_size 5000"},
		{with(func(o *Options) { o.Dataroot, o.LoadSize = "x", 5000 }), ""},
		{with(func(o *Options) { o.Dataroot, o.ScenesA = "x", 0 }), ""},
		{with(func(o *Options) { o.TestDirA = "x" }), "test_dir_A"},
		{with(func(o *Options) { o.CropSize = 287 }), "is larger than load_size"},
		{with(func(o *Options) { o.CropSize, o.Preprocess = 287, ScaleWidthAndCrop }), "is larger than load_size"},
		{with(func(o *Options) { o.CropSize, o.Preprocess = 287, Crop }), "is larger than load_size"},
		{with(func(o *Options) { o.Dataroot, o.CropSize, o.Preprocess = "x", 287, Crop }), ""},
		{with(func(o *Options) { o.CropSize, o.Preprocess = 287, None }), ""},
		{with(func(o *Options) { o.NumThreads, o.MemoryBytes, o.InputNC = 0, 0, 1 }), ""},
	} {
		err := c.o.Validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

func TestOptionsAsJSON(t *testing.T) {
	o := small("data")
	o.Direction, o.Preprocess, o.NoFlip = BtoA, Crop, true
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	var back Options
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(o, back) {
		t.Errorf("%s became %+v, %v", data, back, err)
	}
	for _, name := range []string{"dataroot", "load_size", "crop_size", "no_flip", "max_dataset_size", "serial_batches", "input_nc", "num_threads"} {
		if !strings.Contains(string(data), `"`+name+`"`) {
			t.Errorf("the official name %s is missing in %s", name, data)
		}
	}
}
