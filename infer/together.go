package infer

import (
	"context"
	"fmt"
	"image"
)

// TranslateAll is [Model.Translate] for several pictures: result i is picture i's. Those that the model sees at one size go through it in one run,
// as many as Options.MaxPixels takes, which keeps a GPU busy that one small picture would not. On a processor that is no faster than one by one.
// A model that takes one picture at a time gets them so.
//
// What Translate gives for a picture alone is what it gets here, to rounding, unless the model itself mixes the pictures of a run,
// as one does that was exported with batch normalization in training mode.
// After an error, which names the first picture that it met, there are no results.
func (m *Model) TranslateAll(ctx context.Context, imgs []image.Image) ([]image.Image, error) {
	for i, img := range imgs {
		if err := valid(img); err != nil {
			return nil, fmt.Errorf("translate picture %d of %d: %w", i+1, len(imgs), err)
		}
	}
	results := make([]image.Image, len(imgs))
	for _, run := range m.runs(imgs) {
		if run.W == 0 {
			i := run.pictures[0]
			out, err := m.Translate(ctx, imgs[i])
			if err != nil {
				return nil, fmt.Errorf("picture %d of %d: %w", i+1, len(imgs), err)
			}
			results[i] = out
			continue
		}
		together := make([]image.Image, len(run.pictures))
		for k, i := range run.pictures {
			together[k] = imgs[i]
		}
		out, err := m.whole(ctx, together, run.W, run.H)
		if err != nil {
			return nil, fmt.Errorf("translate picture %d of %d%s, as %dx%d: %w", run.pictures[0]+1, len(imgs), others(len(together)-1), run.W, run.H, err)
		}
		for k, i := range run.pictures {
			results[i] = finish(out[k], imgs[i])
		}
	}
	return results, nil
}

// others says how many more pictures a run has.
func others(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more", n)
}

// joint is a run of several pictures, each padded to W x H; where these are 0, it is one picture that goes another way.
type joint struct {
	pictures []int
	W, H     int
}

// runs says which pictures go through the model together.
func (m *Model) runs(imgs []image.Image) []joint {
	most := m.info.MaxPixels
	if most < 0 {
		most = defaultMaxPixels
	}
	var runs []joint
	open := map[image.Point]int{} // the run, by size, that takes more
	for i, img := range imgs {
		w, h := img.Bounds().Dx(), img.Bounds().Dy()
		if fw, fh := m.fit(w, h); !m.several || fw != w || fh != h || m.grid(w, h) != nil {
			runs = append(runs, joint{pictures: []int{i}})
			continue
		}
		W, H := m.runSize(w, h)
		size := image.Pt(W, H)
		if k, ok := open[size]; ok {
			runs[k].pictures = append(runs[k].pictures, i)
		} else {
			open[size] = len(runs)
			runs = append(runs, joint{pictures: []int{i}, W: W, H: H})
		}
		if k := open[size]; len(runs[k].pictures)+1 > most/W/H {
			delete(open, size)
		}
	}
	return runs
}

// takesSeveral says whether a port may hold more than one picture.
func takesSeveral(shape []int64) bool { return len(shape) == 0 || shape[0] < 0 }
