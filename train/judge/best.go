package judge

import (
	"math"

	"cyclegan/train/metric"
)

// Overall is the mean over both directions of the score that by names,
// "true_PSNR", "SWD", "KID" or "FID"; with "" it is the first of true_PSNR, KID
// and SWD that there is. It gives the name of what it took, and whether higher
// is better; NaN when there is no such score.
func Overall(scores []metric.Score, by string) (name string, value float64, higher bool) {
	candidates := []string{by}
	if by == "" {
		candidates = []string{"true_PSNR", "KID", "SWD"}
	}
	for _, name := range candidates {
		ab, ba := name+"_AB", name+"_BA"
		if name == "true_PSNR" {
			ab, ba = "true_AB_PSNR", "true_BA_PSNR"
		}
		a, okA := Find(scores, ab)
		b, okB := Find(scores, ba)
		if okA && okB {
			return name, (a.Value + b.Value) / 2, a.Higher
		}
	}
	return by, math.NaN(), false
}

// Find gives the score of that name.
func Find(scores []metric.Score, name string) (metric.Score, bool) {
	for _, s := range scores {
		if s.Name == name {
			return s, true
		}
	}
	return metric.Score{}, false
}
