package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// warningLine is a Warning in a run's warnings.jsonl.
type warningLine struct {
	Step  *int64    `json:"step"`
	Time  time.Time `json:"time"`
	Title string    `json:"title"`
	Text  string    `json:"text"`
}

func (w Warning) at() int64 { return w.Step }

func (w Warning) encode() ([]byte, error) {
	data, err := json.Marshal(warningLine{&w.Step, w.Time.Truncate(time.Millisecond), w.Title, w.Text})
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

func decodeWarning(data []byte) (Warning, error) {
	var l warningLine
	if err := json.Unmarshal(data, &l); err != nil {
		return Warning{}, fmt.Errorf("not a warning: %w", err)
	}
	if l.Step == nil {
		return Warning{}, errors.New(`not a warning: it has no "step"`)
	}
	return Warning{*l.Step, l.Time, l.Title, l.Text}, nil
}

// Warnings appends to a run's warnings.jsonl, by the rules of [Log]. It may be
// used by several goroutines.
type Warnings struct{ lines lines[Warning] }

var warningFormat = format[Warning]{"warnings", decodeWarning}

// OpenWarnings opens the file at path to go on with it, and makes an empty one
// when there is none.
func OpenWarnings(path string) (*Warnings, error) {
	w := &Warnings{lines[Warning]{path: path, format: warningFormat}}
	if err := w.lines.open(); err != nil {
		return nil, err
	}
	return w, nil
}

// Append writes one warning at the end of the file; a zero Time becomes the
// present. After a failure the file can be appended to.
func (w *Warnings) Append(v Warning) error {
	if v.Time.IsZero() {
		v.Time = time.Now()
	}
	return w.lines.append(v)
}

// TruncateAfter drops the warnings of later steps than step, for a run that
// resumes from an older checkpoint. The file is replaced in one piece.
func (w *Warnings) TruncateAfter(step int64) error { return w.lines.truncateAfter(step) }

// Close closes the file. It may be called twice.
func (w *Warnings) Close() error { return w.lines.close() }

// ReadWarnings returns the warnings in the order of the file. An unfinished
// last line is passed over.
func ReadWarnings(path string) ([]Warning, error) {
	var all []Warning
	err := readLines(path, warningFormat, func(w Warning) { all = append(all, w) })
	return all, err
}
