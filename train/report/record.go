package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
)

// A Record is one line of a run's log.
type Record struct {
	Step           int64     // optimizer steps done, over all resumes
	Epoch          int       // from 1
	Time           time.Time // when it was logged; Append puts the present for zero
	SecondsPerStep float64
	LR             float64            // learning rate of the step
	Losses         map[string]float64 // by the paper's names: "G_AB", "cycle_A", "D_A", ...
}

// line is a Record as JSON spells it. Pointers tell a missing value from zero.
type line struct {
	Step           *int64            `json:"step"`
	Epoch          int               `json:"epoch"`
	Time           time.Time         `json:"time"`
	SecondsPerStep number            `json:"seconds_per_step"`
	LR             number            `json:"lr"`
	Losses         map[string]number `json:"losses"`
}

// A number is a float64 that may be NaN or infinite. JSON has neither, so both
// are written as null, and null is read as NaN: that a loss left the finite
// numbers is kept, where to is not.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	if f := float64(n); math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

func (n *number) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*n = number(math.NaN())
		return nil
	}
	return json.Unmarshal(data, (*float64)(n))
}

// encode returns the record as one line with its line feed.
func (r Record) encode() ([]byte, error) {
	l := line{
		Step: &r.Step, Epoch: r.Epoch, Time: r.Time.Truncate(time.Millisecond),
		SecondsPerStep: number(r.SecondsPerStep), LR: number(r.LR),
		Losses: make(map[string]number, len(r.Losses)),
	}
	for name, v := range r.Losses {
		l.Losses[name] = number(v)
	}
	data, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

func (r Record) at() int64 { return r.Step }

// decode reads one line. Fields it does not know are ignored: a later version
// may log more.
func decode(data []byte) (Record, error) {
	var l line
	if err := json.Unmarshal(data, &l); err != nil {
		return Record{}, fmt.Errorf("not a log record: %w", err)
	}
	if l.Step == nil {
		return Record{}, errors.New(`not a log record: it has no "step"`)
	}
	r := Record{
		Step: *l.Step, Epoch: l.Epoch, Time: l.Time,
		SecondsPerStep: float64(l.SecondsPerStep), LR: float64(l.LR),
		Losses: make(map[string]float64, len(l.Losses)),
	}
	for name, v := range l.Losses {
		r.Losses[name] = float64(v)
	}
	return r, nil
}
