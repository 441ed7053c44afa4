package report

import (
	"slices"
	"strings"
)

// A History is a log as series over the step, without the records, so that a
// log of a million lines fits. A run reads it once and adds what it logs:
// drawing then reads no file. It is not for several goroutines at a time.
type History struct {
	losses      map[string]*Series
	lr, seconds Series
}

// ReadHistory reads the log at path. An unfinished last line is passed over.
func ReadHistory(path string) (*History, error) {
	h := &History{}
	if err := readLines(path, logFormat, h.Add); err != nil {
		return nil, err
	}
	return h, nil
}

// Add takes a record up. Its step should be later than those before.
func (h *History) Add(r Record) {
	if h.losses == nil {
		h.losses = make(map[string]*Series)
	}
	x := float64(r.Step)
	for name, v := range r.Losses {
		s := h.losses[name]
		if s == nil {
			s = &Series{Name: name}
			h.losses[name] = s
		}
		s.add(x, v)
	}
	h.lr.add(x, r.LR)
	h.seconds.add(x, r.SecondsPerStep)
}

func (s *Series) add(x, y float64) { s.X, s.Y = append(s.X, x), append(s.Y, y) }

// Losses returns the losses in the paper's order: adversarial, cycle,
// identity, discriminators, then others by name. They are not copied. An
// identity loss that was 0 throughout is left out: the run has none.
func (h *History) Losses() []Series {
	if h == nil {
		return nil
	}
	all := make([]Series, 0, len(h.losses))
	for name, s := range h.losses {
		if strings.HasPrefix(name, "idt_") && !slices.ContainsFunc(s.Y, func(v float64) bool { return v != 0 }) {
			continue
		}
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b Series) int {
		if d := rank(a.Name) - rank(b.Name); d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	return all
}

// LearningRate returns the learning rate that each record has.
func (h *History) LearningRate() Series {
	if h == nil {
		return Series{}
	}
	return h.lr
}

// SecondsPerStep returns the mean time of a step that each record has.
func (h *History) SecondsPerStep() Series {
	if h == nil {
		return Series{}
	}
	return h.seconds
}

// ReadLosses returns the losses in a log as series over the step, in the order
// of [History.Losses].
func ReadLosses(path string) ([]Series, error) {
	h, err := ReadHistory(path)
	if err != nil {
		return nil, err
	}
	return h.Losses(), nil
}

// Losses is ReadLosses for records that are at hand.
func Losses(records []Record) []Series {
	var h History
	for _, r := range records {
		h.Add(r)
	}
	return h.Losses()
}

// rank is a loss's place in the paper's order.
func rank(name string) int {
	if i := slices.Index(lossOrder, name); i >= 0 {
		return i
	}
	return len(lossOrder)
}

var lossOrder = []string{"G_AB", "G_BA", "cycle_A", "cycle_B", "idt_A", "idt_B", "D_A", "D_B"}
