package modelcli

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"cyclegan/infer"
)

// MaxSide bounds the sides of a picture that options ask for, in pixels, so that no slip of the hand exhausts the memory.
const MaxSide = 16384

// Resize is what -resize asks for; the zero value keeps every size.
type Resize struct {
	training      bool // the size that the model was trained at
	width, height int  // exactly these
	shorter       int  // the shorter side; the other keeps the shape
}

// ParseResize reads 256x256, 256 for the shorter side, or training.
func ParseResize(s string) (Resize, error) {
	if s == "training" {
		return Resize{training: true}, nil
	}
	side := func(s string) (int, bool) {
		n, err := strconv.Atoi(s)
		return n, err == nil && n >= 1 && n <= MaxSide
	}
	if w, h, found := strings.Cut(s, "x"); found {
		width, ok1 := side(w)
		height, ok2 := side(h)
		if ok1 && ok2 {
			return Resize{width: width, height: height}, nil
		}
	} else if n, ok := side(s); ok {
		return Resize{shorter: n}, nil
	}
	return Resize{}, fmt.Errorf("it is 256x256, 256 for the shorter side, or training for the size that the model was trained at, with sides up to %d", MaxSide)
}

// Sizes gives the size that each picture is brought to, nil where all keep theirs.
func (r Resize) Sizes(info infer.Info) (func(w, h int) (int, int), error) {
	switch {
	case r.training && (info.TrainWidth < 1 || info.TrainHeight < 1):
		return nil, errors.New("-resize training: the model does not say at which size it was trained\nto mend it: name the size, such as -resize 256x256")
	case r.training:
		r.width, r.height = info.TrainWidth, info.TrainHeight
	case r == Resize{}:
		return nil, nil
	}
	return r.size, nil
}

func (r Resize) size(w, h int) (int, int) {
	if r.shorter == 0 {
		return r.width, r.height
	}
	other := func(short, long int) int {
		return int(min(math.Round(float64(long)*float64(r.shorter)/float64(short)), math.MaxInt32))
	}
	if w < h {
		return r.shorter, other(w, h)
	}
	return other(h, w), r.shorter
}
