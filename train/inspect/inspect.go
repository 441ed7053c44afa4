// Package inspect looks for problems in the images of a data set before training. Its central
// function is [Dataset], which returns a [Result] with the findings.
//
//	result, err := inspect.Dataset(ctx, data, inspect.Options{Decode: true})
//	err = result.Fprint(os.Stdout, false)
//	err = result.Err() // not nil if training would be pointless
package inspect

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"cyclegan/infer/pixels"
	"cyclegan/train/dataset"
)

// Options says how thorough an inspection is. The zero value uses the headers that [dataset.Open]
// has read and compares files byte by byte.
type Options struct {
	// Decode decodes every image, which finds damaged, gray, transparent and 16-bit ones.
	Decode bool
	// Progress, if not nil, receives the number of images decoded so far. Calls do not overlap.
	Progress func(done, total int)
}

// Result holds the findings about the images of a run. It can be written as JSON.
type Result struct {
	Source   string    `json:"source"` // name of the folder or archive
	Layout   string    `json:"layout"`
	BuiltIn  bool      `json:"built_in"` // the images are built-in scenes: there is nothing to check
	Decoded  bool      `json:"decoded"`  // Options.Decode
	Seconds  float64   `json:"seconds"`  // that the inspection took
	Sets     []Set     `json:"sets"`     // trainA, trainB and, if present, testA and testB
	Findings []Finding `json:"problems"`
	// Unreadable lists the files that are no readable images, and TooSmall those that the crop does
	// not fit into. The run skips both.
	Unreadable []Skip `json:"unreadable"`
	TooSmall   []Skip `json:"too_small"`
	// Identical lists groups of files with the same bytes, ordered by kind.
	Identical []Group `json:"identical"`
}

// Set describes the usable images of one set.
type Set struct {
	Name   string         `json:"name"` // trainA, trainB, testA or testB, after the direction is applied
	Folder string         `json:"folder"`
	Count  int            `json:"count"`
	Bytes  int64          `json:"bytes"` // of the files; 0 for scenes
	Min    dataset.Size   `json:"min"`   // by area
	Median dataset.Size   `json:"median"`
	Max    dataset.Size   `json:"max"`
	Common []SizeCount    `json:"common"`  // the most common sizes, at most 3
	Sizes  int            `json:"sizes"`   // number of different sizes
	Format map[string]int `json:"formats"` // images by format, such as "jpeg"
	Extra  map[string]int `json:"others"`  // files without the name of an image, by extension
	// Found by decoding; 0 without it.
	Gray  int `json:"gray"`
	Alpha int `json:"alpha"` // images with a pixel that is not opaque
	// Deep is the number of images with 16 bits per channel, and Window the values that become
	// black and white in them. It is empty if no training image has 16 bits.
	Deep   int           `json:"bits_16"`
	Window pixels.Window `json:"window"`
	// Values are the lowest and the highest value of the 16-bit images, and Most those of 99.9% of
	// the samples. Found by decoding.
	Values pixels.Window `json:"values"`
	Most   pixels.Window `json:"values_999"`
}

// SizeCount is the number of images of one size.
type SizeCount struct {
	dataset.Size
	Count int `json:"count"`
}

// Severity says what a finding means for the run.
type Severity string

const (
	Error   Severity = "error"   // training would be pointless
	Warning Severity = "warning" // the result will be worse than necessary
	Note    Severity = "note"    // worth knowing
)

// Finding is one problem of the images.
type Finding struct {
	Severity Severity `json:"severity"`
	Kind     string   `json:"kind"`            // a fixed name, such as "leak"
	Title    string   `json:"title"`           // one line: what was found, in which set
	Text     string   `json:"text"`            // the effect on the run, then "Fix: ..."
	Files    []string `json:"files,omitempty"` // one line for each file concerned
}

// Err joins the findings that are errors. It returns nil if there are none.
func (r *Result) Err() error {
	var all []error
	for _, f := range r.Findings {
		if f.Severity == Error {
			all = append(all, fmt.Errorf("%s: %s", f.Title, f.Text))
		}
	}
	return errors.Join(all...)
}

// Skip is a file that the run does not use. It marshals the reason as text.
type Skip dataset.Skip

func (s Skip) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Name   string `json:"name"`
		Reason string `json:"reason"`
	}{s.Name, s.Err.Error()})
}

// inspector works on one inspection.
type inspector struct {
	*Result
	data    *dataset.Dataset
	options dataset.Options // of data
	opt     Options
	parts   []*part   // trainA, trainB and, if present, testA and testB
	alike   []*file   // files with the same bytes as another one
	same    [][]*file // alike in groups, parallel to Result.Identical
}

// part is one set during an inspection.
type part struct {
	name   string // trainA, ...
	domain string // A or B
	train  bool
	folder *dataset.Folder
	files  []*file // after reading, only the usable ones
	mu     sync.Mutex
	values pixels.Values
}

// Dataset inspects all images that a run would use, including those for testing. Without decoding
// it only reads files that have the size of another one, and only as far as it takes to tell them
// apart. It adds unreadable images to the data set's Skipped. The error is that of ctx: everything
// wrong with the data is in the result.
func Dataset(ctx context.Context, data *dataset.Dataset, opt Options) (*Result, error) {
	begin := time.Now()
	in := &inspector{
		data: data, options: data.Options(), opt: opt,
		Result: &Result{
			BuiltIn: data.BuiltIn(), Decoded: opt.Decode, Sets: []Set{}, Findings: []Finding{},
			Unreadable: []Skip{}, TooSmall: []Skip{}, Identical: []Group{},
		},
	}
	in.Source, in.Layout = data.Source()
	if err := in.run(ctx); err != nil {
		return nil, fmt.Errorf("inspect the images: %w", err)
	}
	in.Seconds = time.Since(begin).Seconds()
	return in.Result, nil
}

func (in *inspector) run(ctx context.Context) error {
	if in.BuiltIn {
		in.scenes()
		return ctx.Err()
	}
	for i, folder := range in.data.Folders() {
		if folder == nil {
			continue
		}
		name := setNames[i]
		p := &part{name: name, domain: name[len(name)-1:], train: i < 2, folder: folder}
		for _, f := range folder.Files {
			p.files = append(p.files, &file{File: f, part: p})
		}
		in.parts = append(in.parts, p)
	}
	if err := in.read(ctx); err != nil {
		return err
	}
	for _, p := range in.parts {
		in.leftOut(p)
		in.Sets = append(in.Sets, p.describe())
	}
	in.identical()
	in.find()
	return nil
}

var setNames = [4]string{"trainA", "trainB", "testA", "testB"}

// scenes describes the built-in scenes, which need no inspection.
func (in *inspector) scenes() {
	side := dataset.Size{Width: in.options.LoadSize, Height: in.options.LoadSize}
	titleA, titleB := in.data.Domains()
	for i, s := range []*dataset.Set{in.data.TrainA(), in.data.TrainB(), in.data.TestA(), in.data.TestB()} {
		if s.FromTrain {
			continue
		}
		in.Sets = append(in.Sets, Set{
			Name: setNames[i], Folder: [2]string{titleA, titleB}[i%2], Count: s.Len(), Min: side, Median: side, Max: side,
			Common: []SizeCount{{side, s.Len()}}, Sizes: 1, Format: map[string]int{}, Extra: map[string]int{},
		})
	}
}

// leftOut lists and removes the files of a part that cannot be used.
func (in *inspector) leftOut(p *part) {
	for _, s := range p.folder.Skipped {
		if unfit := (*dataset.UnfitError)(nil); errors.As(s.Err, &unfit) {
			in.TooSmall = append(in.TooSmall, Skip(s))
		} else {
			in.Unreadable = append(in.Unreadable, Skip(s))
		}
	}
	p.files = slices.DeleteFunc(p.files, func(f *file) bool {
		if f.err != nil {
			in.Unreadable = append(in.Unreadable, Skip{f.Name, f.err})
			in.data.Skip(f.Name, f.err)
		}
		return f.err != nil
	})
}

func (p *part) describe() Set {
	r := Set{
		Name: p.name, Folder: p.folder.Label, Format: map[string]int{}, Extra: p.folder.Others, Common: []SizeCount{}, Count: len(p.files),
	}
	var sizes []dataset.Size
	counts := map[dataset.Size]int{}
	for _, f := range p.files {
		sizes = append(sizes, f.Size)
		counts[f.Size]++
		r.Bytes += f.Bytes
		r.Format[f.Format]++
		r.Gray += one(f.gray)
		r.Alpha += one(f.alpha)
		r.Deep += one(f.Deep)
	}
	r.Window, r.Values, r.Most = p.folder.Window, p.values.Used(), p.values.Most(0.999)
	if r.Count == 0 {
		return r
	}
	slices.SortFunc(sizes, func(a, b dataset.Size) int {
		return cmp.Or(cmp.Compare(a.Width*a.Height, b.Width*b.Height), cmp.Compare(a.Width, b.Width))
	})
	r.Min, r.Median, r.Max = sizes[0], sizes[len(sizes)/2], sizes[len(sizes)-1]
	for s, n := range counts {
		r.Common = append(r.Common, SizeCount{s, n})
	}
	slices.SortFunc(r.Common, func(a, b SizeCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(b.Width, a.Width), cmp.Compare(b.Height, a.Height))
	})
	r.Sizes = len(r.Common)
	r.Common = r.Common[:min(3, len(r.Common))]
	return r
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}
