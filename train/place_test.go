package train

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Whatever the number of images and the batch size are after each stop, a run trains for the epochs
// or steps of its schedule, its learning rate never rises, and it never ends early.
func TestPlaceAfterChanges(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		o := paper()
		o.NEpochs, o.NEpochsDecay = r.IntN(4), 1+r.IntN(4)
		if seed%3 == 0 {
			o.NSteps, o.NStepsDecay = int64(r.IntN(100)), 1+int64(r.IntN(100))
		}
		pace := 1.0
		if seed%5 == 0 { // a time limit shortens the schedule
			pace = 1 + 3*r.Float64()
		}
		var p place
		images, batch := 1+r.IntN(60), 1+r.IntN(4)
		rate, epochs, stops := math.Inf(1), 0.0, 2+r.IntN(8)
		for stop := range stops {
			batches := (images + batch - 1) / batch
			was := p
			p = p.in(batches, o)
			if was.batches > 0 {
				before, now := float64(was.used)/float64(was.batches), float64(p.used)/float64(batches)
				if math.Floor(before) != math.Floor(now) || math.Abs(before-now) > 1/float64(batches) {
					t.Fatalf("seed %d: %g epochs were done, now %g", seed, before, now)
				}
				epochs += now - before
			}
			steps := r.IntN(40)
			if stop == stops-1 {
				steps = math.MaxInt
			}
			for ; steps > 0 && p.left(o)/pace > 1e-6; steps-- {
				g, _ := o.LearningRates(p.at(o))
				if g > rate || g <= 0 {
					t.Fatalf("seed %d: the rate is %g after %g, in step %d", seed, g, rate, p.step+1)
				}
				rate = g
				p.advance(batch, pace)
				epochs += 1 / float64(batches)
			}
			if stop < stops-1 {
				images = max(1, images+r.IntN(2*images+1)-images)
				batch = 1 + r.IntN(4)
			}
		}
		switch {
		case o.InSteps():
			if done := float64(p.step) + p.passed; done < float64(o.NSteps+o.NStepsDecay) || pace == 1 && p.step != o.NSteps+o.NStepsDecay {
				t.Errorf("seed %d: %d steps, %g of the schedule", seed, p.step, done)
			}
		case pace == 1:
			if want := float64(o.Epochs()); p.used != int64(o.Epochs()*p.batches) || math.Abs(epochs-want) > 1e-9 {
				t.Errorf("seed %d: %g epochs, want %g", seed, epochs, want)
			}
		default:
			if left := p.left(o); left > 1e-6 {
				t.Errorf("seed %d: %g steps of the schedule are left", seed, left)
			}
		}
		last, _ := o.LearningRates(o.Epochs())
		if o.InSteps() {
			last, _ = o.LearningRates(int(o.NSteps + o.NStepsDecay))
		}
		if pace == 1 && rate != last {
			t.Errorf("seed %d: the last rate is %g, want %g", seed, rate, last)
		}
	}
}

// Half of the images deleted after three of six epochs leaves three epochs, and max_steps still
// counts steps.
func TestPlaceInEpochs(t *testing.T) {
	o := paper()
	o.NEpochs, o.NEpochsDecay = 6, 0
	p := place{step: 360, seen: 360, used: 360, batches: 120}
	p = p.in(60, o)
	if p.used != 180 || p.at(o) != 4 || p.left(o) != 180 || p.step != 360 || p.seen != 360 {
		t.Errorf("%+v: epoch %d, %g steps left", p, p.at(o), p.left(o))
	}
	o.MaxSteps = 400
	if p.left(o) != 40 {
		t.Errorf("with max_steps 400: %g steps left after step 360", p.left(o))
	}
	if again := p.in(60, o); again != p {
		t.Errorf("without a change: %+v, was %+v", again, p)
	}
}
