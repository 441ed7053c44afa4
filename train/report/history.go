package report

import (
	"maps"
	"slices"
	"strings"
)

// A History is a log as series over the step. It drops the records, so that a log of a million
// lines fits into memory. A run reads it once and adds what it logs, so drawing reads no file. It
// is not safe for concurrent use.
type History struct {
	LR, SecondsPerStep Series
	losses             map[string]*Series
}

// ReadHistory reads the log at path. It ignores an incomplete last line.
func ReadHistory(path string) (*History, error) {
	h := &History{}
	if err := readLines(path, logFormat, h.Add); err != nil {
		return nil, err
	}
	return h, nil
}

// Add adds a record. Its step should be later than those before.
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
	h.LR.add(x, r.LR)
	h.SecondsPerStep.add(x, r.SecondsPerStep)
}

func (s *Series) add(x, y float64) { s.X, s.Y = append(s.X, x), append(s.Y, y) }

var lossOrder = []string{"G_AB", "G_BA", "cycle_A", "cycle_B", "idt_A", "idt_B", "D_A", "D_B"}

// Losses returns the losses in the paper's order: adversarial, cycle, identity, discriminators,
// then the others by name. It does not copy them. It omits an identity loss that is always 0, which
// the run does not have.
func (h *History) Losses() []Series {
	var all []Series
	names := slices.Concat(lossOrder, slices.Sorted(maps.Keys(h.losses)))
	for i, name := range names {
		s := h.losses[name]
		if s == nil || slices.Index(names, name) < i {
			continue
		}
		if strings.HasPrefix(name, "idt_") && !slices.ContainsFunc(s.Y, func(v float64) bool { return v != 0 }) {
			continue
		}
		all = append(all, *s)
	}
	return all
}
