package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// axis is one number of a work that takes several values while the others keep their defaults.
type axis struct {
	Work   string `json:"work"`
	Name   string `json:"name"` // of the option
	Values []int  `json:"values"`
}

// curve holds the measurements along an axis.
type curve struct {
	axis
	Points []point `json:"points"`
}

// point is what was measured at one value.
type point struct {
	Setting setting `json:"setting"`
	Failed  string  `json:"failed,omitempty"`
	// StartSeconds is the time from the start of the process until it is ready.
	StartSeconds float64 `json:"start_seconds,omitempty"`
	// Samples are the seconds per step or image, one for each turn.
	Samples   []float64 `json:"samples,omitempty"`
	PeakBytes int64     `json:"peak_bytes,omitempty"`
}

// axes are the numbers that can grow, with their titles.
var axes = []struct{ name, title string }{
	{"step.size", "training step: image side in pixels"},
	{"step.batch_size", "training step: images in a batch"},
	{"step.ngf", "training step: filters of the generator (ngf)"},
	{"convert.size", "conversion: image side in pixels"},
	{"convert.ngf", "conversion: filters of the generator (ngf)"},
	{"convert.images", "conversion: images in the folder, with the start of the program"},
}

const defaultAxes = "step.size=64,96,128,192 step.batch_size=1,2,4 step.ngf=16,32,64,96 " +
	"convert.size=128,256,512,1024 convert.ngf=16,32,64,96 convert.images=1,2,5,20,100"

func (a axis) String() string { return a.Work + "." + a.Name }

// parseAxes parses a list such as "step.size=64,128 convert.ngf=32,64".
func parseAxes(list string) ([]axis, error) {
	var parsed []axis
	var errs []error
	for _, word := range strings.Fields(list) {
		a, err := parseAxis(word)
		if err == nil && slices.ContainsFunc(parsed, func(b axis) bool { return b.String() == a.String() }) {
			err = errors.New("given twice")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("-grow %s: %w", word, err))
		}
		parsed = append(parsed, a)
	}
	if len(parsed) == 0 && len(errs) == 0 {
		errs = append(errs, errors.New("-grow is empty: name what grows, such as step.size=64,128"))
	}
	return parsed, errors.Join(errs...)
}

func parseAxis(word string) (axis, error) {
	name, values, ok := strings.Cut(word, "=")
	var known []string
	for _, a := range axes {
		known = append(known, a.name)
	}
	if !ok || !slices.Contains(known, name) {
		return axis{}, fmt.Errorf("must be one of %s, followed by = and numbers", strings.Join(known, ", "))
	}
	a := axis{}
	a.Work, a.Name, _ = strings.Cut(name, ".")
	for _, v := range strings.Split(values, ",") {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			return axis{}, fmt.Errorf("%q is not a number of 1 or more", v)
		}
		if a.Name == "size" {
			if err := checkSize(n); err != nil {
				return axis{}, fmt.Errorf("size %w", err)
			}
		}
		a.Values = append(a.Values, n)
	}
	slices.Sort(a.Values)
	a.Values = slices.Compact(a.Values)
	return a, nil
}

// at returns base with the number of the axis replaced.
func (a axis) at(base setting, value int) setting {
	if base.Work == workConvert {
		base.Images = 5
	}
	switch a.Name {
	case "size":
		base.Size = value
	case "batch_size":
		base.Batch = value
	case "ngf":
		base.NGF = value
	case "images":
		base.Images = value
	}
	return base
}

// grow measures all axes. Every value has a process of its own, whose peak memory is reported.
func (c *command) grow(ctx context.Context, f *files, rep *report, text io.Writer) error {
	var failed error
	for _, a := range c.axes {
		base := c.settings[slices.IndexFunc(c.settings, func(s setting) bool { return s.Work == a.Work })]
		rep.Growth = append(rep.Growth, curve{axis: a})
		curve := &rep.Growth[len(rep.Growth)-1]
		for _, value := range a.Values {
			p := point{Setting: a.at(base, value)}
			say("%s=%d: %s", a, value, p.Setting)
			if err := p.measure(ctx, f, rep.Versions); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				p.Failed, p.Samples = err.Error(), nil
				failed = errors.Join(failed, fmt.Errorf("%s=%d: %w", a, value, err))
			}
			curve.Points = append(curve.Points, p)
		}
		curve.print(text)
	}
	return failed
}

// measure lets the setting take its turns.
func (p *point) measure(ctx context.Context, f *files, versions map[string]string) error {
	s, err := f.spec(p.Setting)
	if err != nil {
		return err
	}
	s.Contender, s.Out = ours, filepath.Join(s.dir, "out")
	s.CheckSteps = min(s.CheckSteps, 1) // the first step is slower than the others
	start := time.Now()
	r, ready, err := startResident(f.worker(ctx, s.Work), s, filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer r.close()
	p.StartSeconds = time.Since(start).Seconds()
	maps.Copy(versions, ready.Versions)
	for range s.Rounds {
		seconds, err := r.turn(ctx)
		if err != nil {
			return err
		}
		p.Samples = append(p.Samples, seconds/float64(s.units()))
	}
	p.PeakBytes = r.peak()
	return nil
}

// seconds returns the median time per step or image. For a growing folder the start of the program
// counts too.
func (a axis) seconds(p point) float64 {
	s := spreadOf(p.Samples).Median
	if a.Name == "images" {
		s += p.StartSeconds / float64(p.Setting.Images)
	}
	return s
}

// print writes the curve as a Markdown table.
func (c *curve) print(out io.Writer) {
	i := slices.IndexFunc(axes, func(a struct{ name, title string }) bool { return a.name == c.String() })
	fmt.Fprintf(out, "\n| %s | %s | peak memory |\n|---|---|---|\n", axes[i].title, c.Points[0].Setting.unit())
	for i, p := range c.Points {
		if p.Failed == "" {
			fmt.Fprintf(out, "| %d | %s | %s |\n", c.Values[i], significant(c.seconds(p)), memory(p.PeakBytes))
		}
	}
}
