package train

import "math"

// place says how far a run is, in steps, in its data, and in its schedule.
type place struct {
	step int64 // steps done
	seen int64 // images of each domain in these steps
	// The run has used this many batches of the data, in epochs of this length. The number differs
	// from the steps after a resume with other images, see in.
	used    int64
	batches int     // of an epoch, 0 if it is unknown
	passed  float64 // steps of the schedule that the pace skipped, see Trainer.SetPace
}

// advance adds a step that uses a batch of images and takes the run pace steps further in its
// schedule.
func (p *place) advance(images int, pace float64) {
	p.step++
	p.used++
	p.seen += int64(images)
	p.passed += pace - 1
}

// in returns the same place of the run in epochs of another length: in the same epoch, as far from
// its start and its end as before, and as far in the schedule.
func (p place) in(batches int, o Options) place {
	from, done := p.batches, p.scheduled(o)
	p.batches = batches
	if from <= 0 || from == batches {
		return p
	}
	scale := float64(batches) / float64(from)
	// Rounding must not reach the end of the epoch.
	index := min(int64(math.Round(float64(p.used%int64(from))*scale)), int64(batches)-1)
	p.used = p.used/int64(from)*int64(batches) + index
	if p.passed != 0 && !o.InSteps() {
		p.passed = done*scale - float64(p.used)
	}
	return p
}

// scheduled is the number of steps of the schedule that are done.
func (p place) scheduled(o Options) float64 {
	if o.InSteps() {
		return float64(p.step) + p.passed
	}
	return float64(p.used) + p.passed
}

// at returns what LearningRates takes for the next step.
func (p place) at(o Options) int {
	if o.InSteps() {
		return int(p.scheduled(o)) + 1
	}
	return int(p.scheduled(o)/float64(p.batches)) + 1
}

// left is the number of steps of the schedule that are left, up to its end or max_steps.
func (p place) left(o Options) float64 {
	length := float64(o.Epochs()) * float64(p.batches)
	if o.InSteps() {
		length = float64(o.NSteps + o.NStepsDecay)
	}
	left := length - p.scheduled(o)
	if o.MaxSteps > 0 {
		left = min(left, float64(o.MaxSteps)-float64(p.step)-p.passed)
	}
	return max(left, 0)
}
