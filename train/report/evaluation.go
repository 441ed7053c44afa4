package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"cyclegan/train/metric"
)

// An Evaluation is one judging of a run's generators on held-out pictures: a
// line of the run's evaluations.jsonl.
type Evaluation struct {
	Step  int64     `json:"step"`
	Epoch int       `json:"epoch"`
	Time  time.Time `json:"time"`
	// Seconds is how long the judging took.
	Seconds float64 `json:"seconds"`
	// Weights are "latest", or "ema" for their moving average.
	Weights string `json:"weights"`
	// Split is "test", or "train" where a run has no test pictures.
	Split string `json:"split"`
	// Resize says how the pictures were brought to size, such as "128x128, bicubic".
	Resize string `json:"resize"`
	// Features names the extractor that KID and FID are taken with; it resizes by itself.
	Features string         `json:"features,omitempty"`
	Scores   []metric.Score `json:"scores"`
	// Best says that no earlier evaluation was better.
	Best bool `json:"best"`
}

// evaluationLine and scoreLine spell numbers that JSON cannot hold; the outer
// fields take the place of the embedded ones of the same name.
type evaluationLine struct {
	Evaluation
	Step    *int64      `json:"step"`
	Seconds number      `json:"seconds"`
	Scores  []scoreLine `json:"scores"`
}

type scoreLine struct {
	metric.Score
	Value number `json:"value"`
	Std   number `json:"std,omitempty"`
}

func (e Evaluation) at() int64 { return e.Step }

func (e Evaluation) encode() ([]byte, error) {
	e.Time = e.Time.Truncate(time.Millisecond)
	l := evaluationLine{Evaluation: e, Step: &e.Step, Seconds: number(e.Seconds), Scores: make([]scoreLine, len(e.Scores))}
	for i, s := range e.Scores {
		l.Scores[i] = scoreLine{s, number(s.Value), number(s.Std)}
	}
	data, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

func decodeEvaluation(data []byte) (Evaluation, error) {
	var l evaluationLine
	if err := json.Unmarshal(data, &l); err != nil {
		return Evaluation{}, fmt.Errorf("not an evaluation: %w", err)
	}
	if l.Step == nil {
		return Evaluation{}, errors.New(`not an evaluation: it has no "step"`)
	}
	e := l.Evaluation
	e.Step, e.Seconds = *l.Step, float64(l.Seconds)
	for _, s := range l.Scores {
		s.Score.Value, s.Score.Std = float64(s.Value), float64(s.Std)
		e.Scores = append(e.Scores, s.Score)
	}
	return e, nil
}

// Evaluations appends to a run's evaluations.jsonl, by the rules of [Log]: a
// killed run leaves at most one unfinished line, the last, and a score that is
// NaN or infinite (the PSNR of equal pictures) is written as null and read as
// NaN. It may be used by several goroutines.
type Evaluations struct{ lines lines[Evaluation] }

var evaluationFormat = format[Evaluation]{"evaluations", decodeEvaluation}

// OpenEvaluations opens the file at path to go on with it, and makes an empty
// one when there is none. An unfinished last line is cut off; damage elsewhere
// is an error.
func OpenEvaluations(path string) (*Evaluations, error) {
	e := &Evaluations{lines[Evaluation]{path: path, format: evaluationFormat}}
	if err := e.lines.open(); err != nil {
		return nil, err
	}
	return e, nil
}

// Append writes one evaluation at the end of the file; a zero Time becomes the
// present. After a failure the file can be appended to.
func (e *Evaluations) Append(v Evaluation) error {
	if v.Time.IsZero() {
		v.Time = time.Now()
	}
	return e.lines.append(v)
}

// TruncateAfter drops the evaluations of later steps than step, for a run that
// resumes from an older checkpoint. The file is replaced in one piece.
func (e *Evaluations) TruncateAfter(step int64) error { return e.lines.truncateAfter(step) }

// Close closes the file. It may be called twice.
func (e *Evaluations) Close() error { return e.lines.close() }

// ReadEvaluations returns the evaluations in the order of the file. An
// unfinished last line is passed over.
func ReadEvaluations(path string) ([]Evaluation, error) {
	var all []Evaluation
	err := readLines(path, evaluationFormat, func(e Evaluation) { all = append(all, e) })
	return all, err
}
