package report

import "time"

// A Log appends records to a run's log: a text file with one JSON object a
// line, each written in one piece, so that a killed run leaves at most one
// unfinished line, the last. A Log may be used by several goroutines.
//
//	{"step":100,"epoch":1,"time":"2026-01-31T12:00:00Z","seconds_per_step":0.35,"lr":0.0002,"losses":{"D_A":0.26,"G_AB":0.31}}
//
// A loss that is NaN or infinite is written as null and read as NaN.
type Log struct{ lines lines[Record] }

var logFormat = format[Record]{"log", decode}

// OpenLog opens the log at path to go on with it, and makes an empty one when
// there is none. An unfinished last line is cut off. A log that is damaged
// elsewhere is an error, since whatever follows would be lost on it.
func OpenLog(path string) (*Log, error) {
	l := &Log{lines[Record]{path: path, format: logFormat}}
	if err := l.lines.open(); err != nil {
		return nil, err
	}
	return l, nil
}

// Append writes one record at the end of the log. After a failure, such as a
// full disk, the log still ends in a whole line and can be appended to.
func (l *Log) Append(r Record) error {
	if r.Time.IsZero() {
		r.Time = time.Now()
	}
	return l.lines.append(r)
}

// TruncateAfter drops every record of a later step than step, for a run that
// resumes from a checkpoint older than its log. What stays keeps its order and
// its spelling. The file is replaced in one piece.
func (l *Log) TruncateAfter(step int64) error { return l.lines.truncateAfter(step) }

// Close closes the file. It may be called twice.
func (l *Log) Close() error { return l.lines.close() }

// ReadLog returns a log's records in the order of the file. An unfinished last
// line, which a killed run leaves, is passed over.
func ReadLog(path string) ([]Record, error) {
	var records []Record
	err := readLines(path, logFormat, func(r Record) { records = append(records, r) })
	return records, err
}
