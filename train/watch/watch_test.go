package watch

import (
	"strings"
	"testing"
)

// titles joins the titles of warnings.
func titles(warnings []Warning) string {
	var all []string
	for _, w := range warnings {
		all = append(all, w.Title)
	}
	return strings.Join(all, ", ")
}

// healthy are the signals of a generator without faults.
var healthy = Signals{Generator: "G_AB", N: 50, Correlation: 0.8, Change: 0.15, Spread: 0.9}

func TestEvaluated(t *testing.T) {
	with := func(change func(*Signals)) Signals {
		s := healthy
		change(&s)
		return s
	}
	inverted := with(func(s *Signals) { s.Correlation = -0.9 })
	unchanged := with(func(s *Signals) { s.Change = 0.001 })
	collapsed := with(func(s *Signals) { s.Spread = 0.01 })
	for name, c := range map[string]struct {
		seen []Signals
		want []string
	}{
		"healthy":                     {[]Signals{healthy, healthy, healthy}, []string{"", "", ""}},
		"inverted, once":              {[]Signals{inverted, inverted}, []string{Inverted, ""}},
		"inverted again":              {[]Signals{inverted, healthy, inverted}, []string{Inverted, "", Inverted}},
		"unchanged only at the start": {[]Signals{unchanged, unchanged, healthy, unchanged}, []string{"", "", "", ""}},
		"unchanged for long":          {[]Signals{unchanged, unchanged, unchanged, unchanged}, []string{"", "", Unchanged, ""}},
		"collapsed for long":          {[]Signals{collapsed, collapsed}, []string{"", Collapsed}},
		"too few images":              {[]Signals{with(func(s *Signals) { *s = inverted; s.N = 3 })}, []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			w := New(0.25)
			for i, s := range c.seen {
				if got := titles(w.Evaluated(int64(i), s)); got != c.want[i] {
					t.Errorf("evaluation %d: warnings %q, want %q", i, got, c.want[i])
				}
			}
		})
	}
}

// The generators are checked independently.
func TestGeneratorsApart(t *testing.T) {
	w := New(0.25)
	other := healthy
	other.Generator, other.Correlation = "G_BA", -1
	for i := range 3 {
		want := ""
		if i == 0 {
			want = Inverted
		}
		if got := titles(append(w.Evaluated(1, healthy), w.Evaluated(1, other)...)); got != want {
			t.Errorf("evaluation %d: %q, want %q", i, got, want)
		}
	}
}

func TestLosses(t *testing.T) {
	good := map[string]float64{"D_A": 0.2, "D_B": 0.2, "cycle_A": 2, "cycle_B": 2}
	with := func(name string, v float64) map[string]float64 {
		m := map[string]float64{}
		for k, v := range good {
			m[k] = v
		}
		m[name] = v
		return m
	}
	for name, c := range map[string]struct {
		chance float64
		then   map[string]float64
		want   string
	}{
		"healthy":                    {0.25, good, ""},
		"discriminator at zero":      {0.25, with("D_B", 0.001), DiscriminatorZero},
		"discriminator diverges":     {0.25, with("D_A", 5), Diverging},
		"reconstructions get worse":  {0.25, with("cycle_B", 9), Diverging},
		"reconstructions get better": {0.25, with("cycle_B", 0.5), ""},
		"no chance level":            {0, with("D_A", -40), ""},
		"the weight of D counts":     {5, with("D_A", 5), ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := New(c.chance)
			var all []Warning
			for step := range int64(3 * span) {
				if step < span {
					if early := w.Losses(step, 1, with("D_A", c.chance)); len(early) != 0 && c.then["D_A"] == good["D_A"] {
						t.Fatalf("warnings for a good start: %v", early)
					}
					continue
				}
				all = append(all, w.Losses(step, 1, c.then)...)
			}
			if got := titles(all); got != c.want {
				t.Errorf("warnings %q, want %q", got, c.want)
			}
		})
	}
}

// A single bad step is noise.
func TestOneBadStep(t *testing.T) {
	w := New(0.25)
	for step := range int64(5 * span) {
		losses := map[string]float64{"D_A": 0.2, "D_B": 0.2, "cycle_A": 2, "cycle_B": 2}
		if step%97 == 0 {
			losses["D_A"], losses["cycle_A"] = 0, 20
		}
		if got := w.Losses(step, 1, losses); len(got) != 0 {
			t.Fatalf("step %d: %v", step, got)
		}
	}
}

func TestWarningText(t *testing.T) {
	s := healthy
	s.Correlation = -0.8
	text := New(0).Evaluated(3, s)[0].String()
	for _, part := range []string{"colors inverted: ", "G_AB", "-0.80", "50 held-out", "-lambda_identity"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q does not contain %q", text, part)
		}
	}
}
