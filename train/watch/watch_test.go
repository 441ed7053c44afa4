package watch

import (
	"strings"
	"testing"
)

// titles tells the warnings' titles, in order.
func titles(warnings []Warning) string {
	var all []string
	for _, w := range warnings {
		all = append(all, w.Title)
	}
	return strings.Join(all, ", ")
}

// healthy are the signals of a generator that does what it should.
var healthy = Signals{Generator: "G_AB", N: 50, Correlation: 0.8, Change: 0.15, Spread: 0.9}

func TestJudged(t *testing.T) {
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
		"healthy":                         {[]Signals{healthy, healthy, healthy}, []string{"", "", ""}},
		"inverted, told at once and once": {[]Signals{inverted, inverted}, []string{Inverted, ""}},
		"told again when it comes back":   {[]Signals{inverted, healthy, inverted}, []string{Inverted, "", Inverted}},
		"unchanged at the start alone":    {[]Signals{unchanged, unchanged, healthy, unchanged}, []string{"", "", "", ""}},
		"unchanged for long":              {[]Signals{unchanged, unchanged, unchanged, unchanged}, []string{"", "", Unchanged, ""}},
		"collapsed for long":              {[]Signals{collapsed, collapsed}, []string{"", Collapsed}},
		"too few to tell":                 {[]Signals{with(func(s *Signals) { *s = inverted; s.N = 3 })}, []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			w := New(GAN{Chance: 0.25})
			for i, s := range c.seen {
				if got := titles(w.Judged(int64(i), s)); got != c.want[i] {
					t.Errorf("judging %d: warnings %q, want %q", i, got, c.want[i])
				}
			}
		})
	}
}

// What one generator does says nothing of the other.
func TestGeneratorsApart(t *testing.T) {
	w := New(GAN{Chance: 0.25})
	other := healthy
	other.Generator, other.Correlation = "G_BA", -1
	for i := range 3 {
		want := ""
		if i == 0 {
			want = Inverted
		}
		if got := titles(append(w.Judged(1, healthy), w.Judged(1, other)...)); got != want {
			t.Errorf("judging %d: %q, want %q", i, got, want)
		}
	}
}

func TestLost(t *testing.T) {
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
		gan  GAN
		then map[string]float64
		want string
	}{
		"all is well":                {GAN{0.25}, good, ""},
		"discriminator at zero":      {GAN{0.25}, with("D_B", 0.001), DiscriminatorZero},
		"discriminator flies off":    {GAN{0.25}, with("D_A", 5), Diverging},
		"reconstructions get worse":  {GAN{0.25}, with("cycle_B", 9), Diverging},
		"reconstructions get better": {GAN{0.25}, with("cycle_B", 0.5), ""},
		"wgangp has no chance level": {GAN{0}, with("D_A", -40), ""},
		"the weight of D counts":     {GAN{5}, with("D_A", 5), ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := New(c.gan)
			var all []Warning
			for step := range int64(3 * span) {
				if step < span {
					if early := w.Lost(step, 1, with("D_A", c.gan.Chance)); len(early) != 0 && c.then["D_A"] == good["D_A"] {
						t.Fatalf("a good start gives %v", early)
					}
					continue
				}
				all = append(all, w.Lost(step, 1, c.then)...)
			}
			if got := titles(all); got != c.want {
				t.Errorf("warnings %q, want %q", got, c.want)
			}
		})
	}
}

// One bad step is noise.
func TestOneBadStep(t *testing.T) {
	w := New(GAN{Chance: 0.25})
	for step := range int64(5 * span) {
		losses := map[string]float64{"D_A": 0.2, "D_B": 0.2, "cycle_A": 2, "cycle_B": 2}
		if step%97 == 0 {
			losses["D_A"], losses["cycle_A"] = 0, 20
		}
		if got := w.Lost(step, 1, losses); len(got) != 0 {
			t.Fatalf("step %d: %v", step, got)
		}
	}
}

func TestWarningReadsAsASentence(t *testing.T) {
	s := healthy
	s.Correlation = -0.8
	text := New(GAN{}).Judged(3, s)[0].String()
	for _, part := range []string{"colours inverted: ", "G_AB", "-0.80", "50 held-out", "-lambda_identity"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q lacks %q", text, part)
		}
	}
}
