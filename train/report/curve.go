package report

import (
	"cmp"
	"math"
	"slices"
)

// A curve is a series ready for drawing: only finite points, in the order of X.
type curve struct {
	name string
	x, y []float64

	smooth  []float64 // smoothed y, as long as y
	stopped bool      // the last value was NaN or infinite
}

// Larger numbers count as not finite: they would flatten a plot and overflow its sums.
const (
	maxX = 1e15
	maxY = 1e30
)

func drawable(v, limit float64) bool { return math.Abs(v) <= limit } // false for NaN

// newCurve drops points that cannot be drawn, and sorts the others if necessary, as in a log merged
// by hand. It does not change the series.
func newCurve(s Series) curve {
	c := curve{name: s.Name, x: make([]float64, 0, len(s.X)), y: make([]float64, 0, len(s.X))}
	latest := math.Inf(-1)
	for i, x := range s.X {
		if !drawable(x, maxX) {
			continue
		}
		ok := drawable(s.Y[i], maxY)
		if x >= latest {
			latest, c.stopped = x, !ok
		}
		if ok {
			c.x, c.y = append(c.x, x), append(c.y, s.Y[i])
		}
	}
	if !slices.IsSorted(c.x) {
		c.sort()
	}
	return c
}

func (c *curve) sort() {
	points := make([]point, len(c.x))
	for i := range points {
		points[i] = point{c.x[i], c.y[i]}
	}
	slices.SortStableFunc(points, func(a, b point) int { return cmp.Compare(a.x, b.x) })
	for i, p := range points {
		c.x[i], c.y[i] = p.x, p.y
	}
}

// average fills smooth with the mean of all values around each point, weighted by
// exp(-distance/span). It looks both ways, so the line does not lag behind a falling loss.
func (c *curve) average(span float64) {
	if span <= 0 {
		c.smooth = c.y
		return
	}
	n := len(c.y)
	c.smooth = make([]float64, n)
	weights := make([]float64, n)
	var sum, weight float64
	for i, y := range c.y {
		if i > 0 {
			decay := math.Exp((c.x[i-1] - c.x[i]) / span)
			sum, weight = sum*decay, weight*decay
		}
		sum, weight = sum+y, weight+1
		c.smooth[i], weights[i] = sum, weight
	}
	// The same from the other end, without counting a point twice.
	sum, weight = 0, 0
	for i := n - 1; i >= 0; i-- {
		if i < n-1 {
			decay := math.Exp((c.x[i] - c.x[i+1]) / span)
			sum, weight = (sum+c.y[i+1])*decay, (weight+1)*decay
		}
		c.smooth[i] = (c.smooth[i] + sum) / (weights[i] + weight)
	}
}

// thin returns at most limit points: the means of groups of (x, y), and the size of a group. With
// more points than pixel columns, a plot would only show their extremes.
func thin(x, y []float64, limit int) (tx, ty []float64, each int) {
	each = (len(x) + limit - 1) / limit
	if each <= 1 {
		return x, y, 1
	}
	for at := 0; at < len(x); at += each {
		end := min(at+each, len(x))
		tx, ty = append(tx, mean(x[at:end])), append(ty, mean(y[at:end]))
	}
	// Keep both ends of the line.
	tx[0], tx[len(tx)-1] = x[0], x[len(x)-1]
	return tx, ty, each
}

func mean(v []float64) float64 {
	var sum float64
	for _, f := range v {
		sum += f
	}
	return sum / float64(len(v))
}

// middle returns the quantiles 1 % and 99 % of y, estimated from a sample. y must not be empty.
func middle(y []float64) (lo, hi float64) {
	const most = 20_000
	stride := (len(y) + most - 1) / most
	sample := make([]float64, 0, len(y)/stride+1)
	for i := 0; i < len(y); i += stride {
		sample = append(sample, y[i])
	}
	slices.Sort(sample)
	last := float64(len(sample) - 1)
	return sample[int(0.01*last+0.5)], sample[int(0.99*last+0.5)]
}
