package train

import (
	"fmt"
	"math"
)

// Losses are the terms of one step, each multiplied by its weight, as the official implementation
// prints them.
type Losses struct {
	GAB, GBA       float64 // adversarial: D_B on G_AB(A), D_A on G_BA(B)
	CycleA, CycleB float64 // on A and on B
	IdtA, IdtB     float64 // G_BA(A) against A, G_AB(B) against B
	DA, DB         float64
}

// A LossTerm is a loss with its name.
type LossTerm struct {
	Name  string
	Value float64
}

// Terms lists the losses by name.
func (l Losses) Terms() []LossTerm {
	return []LossTerm{
		{"G_AB", l.GAB}, {"G_BA", l.GBA}, {"cycle_A", l.CycleA}, {"cycle_B", l.CycleB},
		{"idt_A", l.IdtA}, {"idt_B", l.IdtB}, {"D_A", l.DA}, {"D_B", l.DB},
	}
}

// ChanceLoss returns D_A or D_B of a discriminator that cannot distinguish real from translated
// images, or 0 for wgangp, which has no such value.
func (o Options) ChanceLoss() float64 {
	switch o.GANMode {
	case LSGAN:
		return o.LambdaD * 0.5
	case Vanilla:
		return o.LambdaD * 2 * math.Ln2
	}
	return 0
}

// A NotFiniteError reports a loss that is not a finite number. It ends the run.
type NotFiniteError struct {
	Step int64
	Term LossTerm
}

func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("training diverged: loss %s is %v at step %d", e.Term.Name, e.Term.Value, e.Step)
}

// checkFinite returns a NotFiniteError for the first term that is NaN or infinite.
func (l Losses) checkFinite(step int64) error {
	for _, t := range l.Terms() {
		if math.IsNaN(t.Value) || math.IsInf(t.Value, 0) {
			return &NotFiniteError{Step: step, Term: t}
		}
	}
	return nil
}
