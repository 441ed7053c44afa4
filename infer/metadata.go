package infer

import (
	"fmt"
	"strconv"

	"cyclegan/infer/pixels"
)

// metadata reads the properties that our exports carry, and keeps the first thing wrong with them.
type metadata struct {
	values map[string]string
	err    error
}

func (m *metadata) get(key string) string { return m.values["cyclegan."+key] }

// number reads a whole number from lo to hi; absent stands for a property that is not there.
func (m *metadata) number(key string, lo, hi, absent int64) int64 {
	s := m.get(key)
	if s == "" {
		return absent
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < lo || n > hi {
		m.bad(key, fmt.Sprintf("a whole number from %d to %d", lo, hi))
		return absent
	}
	return n
}

func (m *metadata) bad(key, want string) {
	if m.err == nil {
		m.err = fmt.Errorf("the model's metadata is damaged: cyclegan.%s is %q, not %s: export it again", key, m.get(key), want)
	}
}

func (m *metadata) info() Info {
	if f := m.get("format"); f != "" && f != "1" {
		m.err = fmt.Errorf("the model's metadata has format %q, which this version does not know: use a newer one", f)
	}
	const sides = 1 << 20
	i := Info{
		Direction: m.get("direction"), DomainFrom: m.get("domain_from"), DomainTo: m.get("domain_to"),
		Architecture: m.get("architecture"), Writer: m.get("writer"),
		TrainWidth: int(m.number("train_width", 0, sides, 0)), TrainHeight: int(m.number("train_height", 0, sides, 0)),
		Step:         m.number("step", 0, 1<<62, 0),
		SizeMultiple: int(m.number("size_multiple", 1, largestUnit, 1)), MinSize: int(m.number("min_size", 1, largestUnit, 1)),
		Input: pixels.Spec{Range: pixels.Symmetric, Channels: 3},
	}
	switch c := m.get("channels"); c {
	case "", "RGB":
	case "BGR":
		i.Input.BGR = true
	case "gray":
		i.Input.Channels = 1
	default:
		m.bad("channels", `"RGB", "BGR" or "gray"`)
	}
	if r := m.get("range"); r != "" {
		if i.Input.Range.UnmarshalText([]byte(r)) != nil {
			m.bad("range", `two different numbers such as "-1,1"`)
		}
	}
	return i
}
