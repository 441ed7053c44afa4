package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cyclegan/cmd/bench/predict"
	"cyclegan/graph"
)

// An axis is one number of a work that takes several values, while the others
// keep the base's.
type axis struct {
	Work   string `json:"work"`
	Name   string `json:"name"` // that of the option
	Values []int  `json:"values"`
}

// What can grow of a work, by the names of the options.
var growing = map[string][]string{
	workStep:    {"size", "batch_size", "ngf"},
	workConvert: {"size", "ngf", axisPictures},
}

// axisPictures is the axis on which the start of the program counts.
const axisPictures = "pictures"

const defaultAxes = "step.size=64,96,128,192,256 step.batch_size=1,2,4,8 step.ngf=16,32,64,96 " +
	"convert.size=128,256,512,1024,1536,2048 convert.ngf=16,32,64,96 convert.pictures=1,2,5,10,20,50,100,200"

// String names the axis as the command line does.
func (a axis) String() string { return a.Work + "." + a.Name }

// title says what is along the axis.
func (a axis) title() string {
	return map[string]string{"size": "side of the pictures, pixels", "batch_size": "pictures in a batch", "ngf": "filters of the generator (ngf)", axisPictures: "pictures in the folder"}[a.Name]
}

// parseAxes reads a list such as "step.size=64,128 convert.ngf=32,64".
func parseAxes(list string) ([]axis, error) {
	var axes []axis
	var errs []error
	for _, word := range strings.Fields(list) {
		a, err := parseAxis(word)
		if err != nil {
			errs = append(errs, fmt.Errorf("-grow %s: %w", word, err))
			continue
		}
		if slices.ContainsFunc(axes, func(b axis) bool { return b.String() == a.String() }) {
			errs = append(errs, fmt.Errorf("-grow %s: it is there twice", a))
		}
		axes = append(axes, a)
	}
	if len(axes) == 0 && len(errs) == 0 {
		errs = append(errs, errors.New("-grow: name what grows, such as step.size=64,128"))
	}
	return axes, errors.Join(errs...)
}

func parseAxis(word string) (axis, error) {
	name, values, ok := strings.Cut(word, "=")
	work, option, _ := strings.Cut(name, ".")
	if !ok || !slices.Contains(growing[work], option) {
		var known []string
		for _, w := range []string{workStep, workConvert} {
			for _, o := range growing[w] {
				known = append(known, w+"."+o)
			}
		}
		return axis{}, fmt.Errorf("it is one of %s, and = with numbers", strings.Join(known, ", "))
	}
	a := axis{Work: work, Name: option}
	for _, v := range strings.Split(values, ",") {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			return axis{}, fmt.Errorf("%q is no number of 1 or more", v)
		}
		if option == "size" && (n < leastSize || n%4 != 0) {
			return axis{}, fmt.Errorf("size %d: it is a multiple of 4, and at least %d", n, leastSize)
		}
		a.Values = append(a.Values, n)
	}
	slices.Sort(a.Values)
	a.Values = slices.Compact(a.Values)
	return a, nil
}

// at is the base with the axis' number put in.
func (a axis) at(base setting, value int) (setting, error) {
	s := base
	switch a.Name {
	case "size":
		s.Size = value
	case "batch_size":
		s.Batch = value
	case "ngf":
		s.NGF = value
	}
	if a.Name == axisPictures {
		s.Pictures = value
		return s, nil
	}
	w, err := s.takes(nil)
	if err != nil {
		return setting{}, err
	}
	units := min(max(int(roundFLOPs/w.FLOPs), 1), mostUnits)
	if s.Work == workStep {
		s.Steps = units
	} else {
		s.Pictures = units
	}
	return s, nil
}

// A turn has as many steps or pictures as come near some seconds, and no more
// than a number that says nothing new.
const (
	roundFLOPs = 1e12
	mostUnits  = 20
)

// takes is what a step or a picture of the setting takes. A picture that goes
// through in tiles says in which.
func (s setting) takes(t *tiling) (predict.Work, error) {
	o, err := s.options()
	if err != nil {
		return predict.Work{}, err
	}
	if s.Work == workStep {
		return predict.Step(o, s.Size)
	}
	n, err := graph.NewGenerator(o.Generator(true))
	if err != nil {
		return predict.Work{}, err
	}
	if t != nil && t.Tiles > 1 {
		return predict.Tiled(n, t.Tiles, t.Width, t.Height)
	}
	return predict.Picture(n, s.Size, s.Size, s.Pictures)
}
