package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"cyclegan/train/metric"
)

// A Record is one line of a run's log.jsonl:
//
//	{"step":100,"epoch":1,"time":"2026-01-31T12:00:00Z","seconds_per_step":0.35,"lr":0.0002,"losses":{"D_A":0.26,"G_AB":0.31}}
type Record struct {
	Step           int64 // optimizer steps done, over all resumes
	Epoch          int   // from 1
	Time           time.Time
	SecondsPerStep float64
	LR             float64            // learning rate of the step
	Losses         map[string]float64 // by the paper's names: "G_AB", "cycle_A", "D_A", ...
}

// An Evaluation holds the scores of a run's generators on held-out images. It is one line of the
// run's evaluations.jsonl.
type Evaluation struct {
	Step    int64     `json:"step"`
	Epoch   int       `json:"epoch"`
	Time    time.Time `json:"time"`
	Seconds float64   `json:"seconds"` // that the evaluation took
	// Weights are "latest", or "ema" for their moving average.
	Weights string `json:"weights"`
	// Split is "test", or "train" if a run has no test images.
	Split string `json:"split"`
	// Resize says how the images were resized, such as "128x128, bicubic".
	Resize string `json:"resize"`
	// Features is the name of the feature extractor for KID and FID, which resizes by itself.
	Features string         `json:"features,omitempty"`
	Scores   []metric.Score `json:"scores"`
	Best     bool           `json:"best"` // no earlier evaluation was better
}

// A Warning says what may go wrong and how to fix it. It is one line of a run's warnings.jsonl.
type Warning struct {
	Step  int64     `json:"step"`
	Time  time.Time `json:"time"`
	Title string    `json:"title"` // one line
	Text  string    `json:"text"`  // the measured signal, and what to do; may be empty
}

// The files of a run that have one of these values per line. See [Lines].
type (
	Log         = Lines[Record]
	Evaluations = Lines[Evaluation]
	Warnings    = Lines[Warning]
)

var (
	logFormat        = format[Record]{"log", decodeRecord}
	evaluationFormat = format[Evaluation]{"evaluations", decodeEvaluation}
	warningFormat    = format[Warning]{"warnings", decodeWarning}
)

// OpenLog opens the log at path for appending, and creates it if necessary. It cuts off an
// incomplete last line; other damage is an error.
func OpenLog(path string) (*Log, error) { return openLines(path, logFormat) }

// OpenEvaluations is [OpenLog] for evaluations.
func OpenEvaluations(path string) (*Evaluations, error) { return openLines(path, evaluationFormat) }

// OpenWarnings is [OpenLog] for warnings.
func OpenWarnings(path string) (*Warnings, error) { return openLines(path, warningFormat) }

// ReadLog returns the records of a log in their order. It ignores an incomplete last line.
func ReadLog(path string) ([]Record, error) { return readAll(path, logFormat) }

// ReadEvaluations is [ReadLog] for evaluations.
func ReadEvaluations(path string) ([]Evaluation, error) { return readAll(path, evaluationFormat) }

// ReadWarnings is [ReadLog] for warnings.
func ReadWarnings(path string) ([]Warning, error) { return readAll(path, warningFormat) }

// A number is a float64 that may be NaN or infinite. JSON has neither: both become null, which is
// read as NaN.
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

// timeOf returns t, or now if t is zero, in milliseconds.
func timeOf(t, now time.Time) time.Time {
	if t.IsZero() {
		t = now
	}
	return t.Truncate(time.Millisecond)
}

// decodeLine decodes a line into v, which has a step.
func decodeLine(data []byte, v any, step **int64, what string) error {
	err := json.Unmarshal(data, v)
	if err == nil && *step == nil {
		err = errors.New(`it has no "step"`)
	}
	if err != nil {
		return fmt.Errorf("not %s: %w", what, err)
	}
	return nil
}

// The lines of the files as JSON. A nil Step means that it is missing.
type (
	recordLine struct {
		Step           *int64            `json:"step"`
		Epoch          int               `json:"epoch"`
		Time           time.Time         `json:"time"`
		SecondsPerStep number            `json:"seconds_per_step"`
		LR             number            `json:"lr"`
		Losses         map[string]number `json:"losses"`
	}
	evaluationLine struct {
		Evaluation             // the fields below replace those of the same name
		Step       *int64      `json:"step"`
		Seconds    number      `json:"seconds"`
		Scores     []scoreLine `json:"scores"`
	}
	scoreLine struct {
		metric.Score
		Value number `json:"value"`
		Std   number `json:"std,omitempty"`
	}
	warningLine struct {
		Warning
		Step *int64 `json:"step"`
	}
)

func (r Record) at() int64     { return r.Step }
func (e Evaluation) at() int64 { return e.Step }
func (w Warning) at() int64    { return w.Step }

func (r Record) encode(now time.Time) ([]byte, error) {
	l := recordLine{
		Step: &r.Step, Epoch: r.Epoch, Time: timeOf(r.Time, now),
		SecondsPerStep: number(r.SecondsPerStep), LR: number(r.LR), Losses: make(map[string]number, len(r.Losses)),
	}
	for name, v := range r.Losses {
		l.Losses[name] = number(v)
	}
	return json.Marshal(l)
}

// decodeRecord ignores unknown fields: a later version may log more.
func decodeRecord(data []byte) (Record, error) {
	var l recordLine
	if err := decodeLine(data, &l, &l.Step, "a log record"); err != nil {
		return Record{}, err
	}
	r := Record{
		Step: *l.Step, Epoch: l.Epoch, Time: l.Time,
		SecondsPerStep: float64(l.SecondsPerStep), LR: float64(l.LR), Losses: make(map[string]float64, len(l.Losses)),
	}
	for name, v := range l.Losses {
		r.Losses[name] = float64(v)
	}
	return r, nil
}

func (e Evaluation) encode(now time.Time) ([]byte, error) {
	e.Time = timeOf(e.Time, now)
	l := evaluationLine{Evaluation: e, Step: &e.Step, Seconds: number(e.Seconds), Scores: make([]scoreLine, len(e.Scores))}
	for i, s := range e.Scores {
		l.Scores[i] = scoreLine{s, number(s.Value), number(s.Std)}
	}
	return json.Marshal(l)
}

func decodeEvaluation(data []byte) (Evaluation, error) {
	var l evaluationLine
	if err := decodeLine(data, &l, &l.Step, "an evaluation"); err != nil {
		return Evaluation{}, err
	}
	e := l.Evaluation
	e.Step, e.Seconds = *l.Step, float64(l.Seconds)
	for _, s := range l.Scores {
		s.Score.Value, s.Score.Std = float64(s.Value), float64(s.Std)
		e.Scores = append(e.Scores, s.Score)
	}
	return e, nil
}

func (w Warning) encode(now time.Time) ([]byte, error) {
	w.Time = timeOf(w.Time, now)
	return json.Marshal(w)
}

func decodeWarning(data []byte) (Warning, error) {
	var l warningLine
	if err := decodeLine(data, &l, &l.Step, "a warning"); err != nil {
		return Warning{}, err
	}
	l.Warning.Step = *l.Step
	return l.Warning, nil
}
