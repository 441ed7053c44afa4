package dataset

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// InspectOptions says how closely to look. The zero value reads what [Open] has
// read, and compares files byte by byte.
type InspectOptions struct {
	// Decode reads every picture completely, which finds the damaged ones and
	// those that are gray, transparent or of 16 bits.
	Decode bool
	// Progress, when it isn't nil, is told how many of the pictures are decoded.
	// Calls do not overlap.
	Progress func(done, total int)
}

// Inspection is what there is to know about the pictures of a run before it
// begins. It can be written as JSON.
type Inspection struct {
	Source   string      `json:"source"` // name of the folder or archive
	Layout   string      `json:"layout"`
	BuiltIn  bool        `json:"built_in"` // scenes are drawn, so that there is nothing to check
	Decoded  bool        `json:"decoded"`  // see InspectOptions.Decode
	Seconds  float64     `json:"seconds"`
	Sets     []SetReport `json:"sets"` // trainA, trainB, and where there are, testA, testB
	Problems []Problem   `json:"problems"`
	// Unreadable are the files that give no picture, and TooSmall those that the
	// crop does not fit into. The run leaves both out.
	Unreadable []Skip `json:"unreadable"`
	TooSmall   []Skip `json:"too_small"`
	// Identical are the groups of two and more files with the same bytes: those
	// across domains first, then those across train and test.
	Identical []Group `json:"identical"`
}

// SetReport describes the pictures of one set that can be used.
type SetReport struct {
	Name   string         `json:"name"` // trainA, trainB, testA or testB, after the direction is applied
	Folder string         `json:"folder"`
	Count  int            `json:"count"`
	Bytes  int64          `json:"bytes"` // of the files; 0 for scenes
	Min    Size           `json:"min"`   // by area
	Median Size           `json:"median"`
	Max    Size           `json:"max"`
	Common []SizeCount    `json:"common"`  // the commonest sizes, at most 3
	Sizes  int            `json:"sizes"`   // how many different ones there are
	Format map[string]int `json:"formats"` // pictures by format, such as "jpeg"
	Extra  map[string]int `json:"others"`  // files that are not named like pictures, by ending
	// What decoding tells; 0 without it.
	Gray  int `json:"gray"`
	Alpha int `json:"alpha"`   // some pixel is not opaque
	Deep  int `json:"bits_16"` // more than 8 bits a channel
}

// Size is that of an upright picture, in pixels.
type Size struct {
	Width  int `json:"width"`
	Height int `json:"height"`
}

func (s Size) String() string { return fmt.Sprintf("%dx%d", s.Width, s.Height) }

// SizeCount tells how many pictures have a size.
type SizeCount struct {
	Size
	Count int `json:"count"`
}

// Severity says what a problem means for the run.
type Severity string

const (
	SeverityError   Severity = "error"   // nothing sensible can be learnt: do not begin
	SeverityWarning Severity = "warning" // the result will be worse than it need be
	SeverityNote    Severity = "note"    // good to know
)

// Problem is one thing about the pictures that a person should know.
type Problem struct {
	Severity Severity `json:"severity"`
	Kind     string   `json:"kind"`            // a fixed name, such as "leak"
	Title    string   `json:"title"`           // one line: what, and how many
	Text     string   `json:"text"`            // what it does to the run, and how to mend it
	Files    []string `json:"files,omitempty"` // all the files concerned, a line each
}

// Err is nil unless a problem is an error; then it holds every such problem.
func (i *Inspection) Err() error {
	var all []error
	for _, p := range i.Problems {
		if p.Severity == SeverityError {
			all = append(all, fmt.Errorf("%s: %s", p.Title, p.Text))
		}
	}
	return errors.Join(all...)
}

// MarshalJSON writes the reason as text.
func (s Skip) MarshalJSON() ([]byte, error) {
	reason := ""
	if s.Err != nil {
		reason = s.Err.Error()
	}
	return json.Marshal(struct {
		Name   string `json:"name"`
		Reason string `json:"reason"`
	}{s.Name, reason})
}

// inspector works on one inspection.
type inspector struct {
	*Inspection
	d     *Dataset
	opt   InspectOptions
	parts []*part
	alike []file // files with the same bytes as another
	same  [][]file
	// placed are the pairs of sets whose folders are one or nested.
	placed map[[2]string]bool
}

// Inspect looks at all the pictures that the run would use, those for testing
// too. Without decoding it reads only files that share their size with another,
// and of these no more than is needed to tell them apart. Pictures that turn
// out unreadable are added to [Dataset.Skipped]; what is wrong with the data is
// told by the result, and the error is only ever that of ctx.
func (d *Dataset) Inspect(ctx context.Context, opt InspectOptions) (*Inspection, error) {
	begin := time.Now()
	in := &inspector{d: d, opt: opt, placed: map[[2]string]bool{}, Inspection: &Inspection{
		Source: d.where, Layout: d.layout, BuiltIn: d.opt.builtIn(), Decoded: opt.Decode,
		Sets: []SetReport{}, Problems: []Problem{}, Unreadable: []Skip{}, TooSmall: []Skip{}, Identical: []Group{},
	}}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("look at the pictures: %w", err)
	}
	if in.BuiltIn {
		in.scenes()
		in.Seconds = time.Since(begin).Seconds()
		return in.Inspection, nil
	}
	for _, p := range []*part{
		{name: "trainA", domain: "A", train: true, dom: d.a}, {name: "trainB", domain: "B", train: true, dom: d.b},
		{name: "testA", domain: "A", dom: d.testA}, {name: "testB", domain: "B", dom: d.testB},
	} {
		if p.dom == nil {
			continue
		}
		p.files = p.dom.source.(*fileSource)
		p.looks = make([]look, p.files.size())
		in.parts = append(in.parts, p)
	}
	if err := in.read(ctx); err != nil {
		return nil, fmt.Errorf("look at the pictures: %w", err)
	}
	for _, p := range in.parts {
		in.leftOut(p)
		in.Sets = append(in.Sets, p.report())
	}
	in.identical()
	in.judge()
	in.Seconds = time.Since(begin).Seconds()
	return in.Inspection, nil
}

func (in *inspector) scenes() {
	o := in.d.opt
	in.Source, in.Layout = "built-in scenes", "drawn"
	side := Size{o.LoadSize, o.LoadSize}
	for _, p := range []struct {
		name string
		dom  *domain
	}{{"trainA", in.d.a}, {"trainB", in.d.b}, {"testA", in.d.testA}, {"testB", in.d.testB}} {
		if p.dom == nil {
			continue
		}
		n := p.dom.source.size()
		in.Sets = append(in.Sets, SetReport{
			Name: p.name, Folder: p.dom.source.title(), Count: n, Min: side, Median: side, Max: side,
			Common: []SizeCount{{side, n}}, Sizes: 1, Format: map[string]int{}, Extra: map[string]int{},
		})
	}
}

// leftOut sorts the files of a part that cannot be used by the reason.
func (in *inspector) leftOut(p *part) {
	for _, s := range p.files.left {
		if unfit := (*unfitError)(nil); errors.As(s.Err, &unfit) {
			in.TooSmall = append(in.TooSmall, s)
		} else {
			in.Unreadable = append(in.Unreadable, s)
		}
	}
	for i, l := range p.looks {
		if l.err != nil {
			s := Skip{p.files.name(i), l.err}
			in.Unreadable = append(in.Unreadable, s)
			in.d.skip(s.Name, s.Err)
		}
	}
}

func (p *part) report() SetReport {
	r := SetReport{Name: p.name, Folder: p.files.folder.label, Format: map[string]int{}, Extra: p.files.others, Common: []SizeCount{}}
	var sizes []Size
	counts := map[Size]int{}
	for i, h := range p.files.headers {
		l := p.looks[i]
		if l.err != nil {
			continue
		}
		size := Size{h.size.w, h.size.h}
		sizes = append(sizes, size)
		counts[size]++
		r.Count++
		r.Bytes += h.bytes
		r.Format[h.format]++
		r.Gray += one(l.gray)
		r.Alpha += one(l.alpha)
		r.Deep += one(l.deep)
	}
	if r.Count == 0 {
		return r
	}
	slices.SortFunc(sizes, func(a, b Size) int {
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
