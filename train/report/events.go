package report

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wamuir/graft/tensorflow/core/framework/summary_go_proto"
	"github.com/wamuir/graft/tensorflow/core/util/event_go_proto"
	"google.golang.org/protobuf/proto"
)

// Events writes losses, scores, sample sheets and texts of a run for TensorBoard. Each process of a
// run writes its own file into the run's folder of events; TensorBoard reads them in order.
//
//	events, err := report.OpenEvents(filepath.Join(dir, "events"), checkpoint.Step)
//	err = events.Record(r)
//
// Every method passes its data to the operating system before it returns, so a killed run leaves a
// readable file and TensorBoard follows a running one. Events is safe for concurrent use.
type Events struct {
	mu sync.Mutex
	to appender
}

// OpenEvents creates a new file in the folder, and the folder if necessary. It makes TensorBoard
// drop what earlier processes wrote for later steps than step, which the run repeats. A new run
// passes -1.
func OpenEvents(folder string, step int64) (*Events, error) {
	e, err := openEvents(folder, step, time.Now())
	if err != nil {
		return nil, fmt.Errorf("open TensorBoard events: %w", err)
	}
	return e, nil
}

func openEvents(folder string, step int64, now time.Time) (*Events, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	f, err := createEvents(folder, now)
	if err != nil {
		return nil, err
	}
	e := &Events{to: appender{file: f}}
	version := &event_go_proto.Event{
		WallTime: wallTime(now), What: &event_go_proto.Event_FileVersion{FileVersion: "brain.Event:2"},
	}
	// TensorBoard keeps the points before the step of a START event.
	start := &event_go_proto.Event{
		WallTime: wallTime(now), Step: max(step, -1) + 1,
		What: &event_go_proto.Event_SessionLog{SessionLog: &event_go_proto.SessionLog{Status: event_go_proto.SessionLog_START}},
	}
	if err := e.write(version, start); err != nil {
		f.Close()
		os.Remove(f.Name())
		return nil, err
	}
	return e, nil
}

// createEvents creates a file whose name sorts after those of earlier processes, even if the clock
// was set back: TensorBoard reads files in the order of their names.
func createEvents(folder string, now time.Time) (*os.File, error) {
	second := now.Unix()
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		var s int64
		if n, _ := fmt.Sscanf(entry.Name(), "events.out.tfevents.%d.", &s); n == 1 {
			second = max(second, s+1)
		}
	}
	for ; ; second++ {
		name := fmt.Sprintf("events.out.tfevents.%010d.cyclegan.%d", second, os.Getpid())
		f, err := os.OpenFile(filepath.Join(folder, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o666)
		if !errors.Is(err, os.ErrExist) {
			return f, err
		}
	}
}

func wallTime(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// Record writes a record's losses as scalars loss/G_AB, loss/cycle_A, ..., its learning rate as
// train/lr and its time per step as train/seconds_per_step.
func (e *Events) Record(r Record) error {
	values := make([]*summary_go_proto.Summary_Value, 0, len(r.Losses)+2)
	for name, v := range r.Losses {
		values = append(values, scalarValue("loss/"+name, v))
	}
	slices.SortFunc(values, func(a, b *summary_go_proto.Summary_Value) int { return strings.Compare(a.Tag, b.Tag) })
	values = append(values, scalarValue("train/lr", r.LR), scalarValue("train/seconds_per_step", r.SecondsPerStep))
	return e.add(r.Step, r.Time, values...)
}

// Evaluation writes an evaluation's scores as scalars with a description. Their names start with
// the split and, except for the latest weights, end with the weights: test/SWD_AB, test/SWD_AB_ema.
// The scores of the untouched images are written only with the latest weights.
func (e *Events) Evaluation(v Evaluation) error {
	suffix := ""
	if v.Weights != "latest" && v.Weights != "" {
		suffix = "_" + v.Weights
	}
	var values []*summary_go_proto.Summary_Value
	for _, s := range v.Scores {
		if suffix == "" || !strings.HasPrefix(s.Name, untouched) {
			value := scalarValue(v.Split+"/"+s.Name+suffix, s.Value)
			value.Metadata = description(how(v, s))
			values = append(values, value)
		}
	}
	return e.add(v.Step, v.Time, values...)
}

// Image writes an image, given as the bytes of a PNG file. TensorBoard shows ten steps of a tag, or
// more with --samples_per_plugin=images=100.
func (e *Events) Image(step int64, tag string, png []byte) error {
	v, err := imageValue(tag, png)
	if err != nil {
		return fmt.Errorf("write TensorBoard image %q of step %d: %w", tag, step, err)
	}
	return e.add(step, time.Time{}, v)
}

// Text writes a text in Markdown.
func (e *Events) Text(step int64, tag, markdown string) error {
	return e.add(step, time.Time{}, textValue(tag, markdown))
}

// Options writes the options as a table under the tag "options".
func (e *Events) Options(step int64, options []Option) error {
	return e.Text(step, "options", optionTable(options))
}

// add writes one event. A zero time becomes the current time.
func (e *Events) add(step int64, t time.Time, values ...*summary_go_proto.Summary_Value) error {
	if len(values) == 0 {
		return nil
	}
	if t.IsZero() {
		t = time.Now()
	}
	event := &event_go_proto.Event{
		WallTime: wallTime(t), Step: step,
		What: &event_go_proto.Event_Summary{Summary: &summary_go_proto.Summary{Value: values}},
	}
	if err := e.write(event); err != nil {
		return fmt.Errorf("write TensorBoard event of step %d: %w", step, err)
	}
	return nil
}

func (e *Events) write(events ...*event_go_proto.Event) error {
	var piece []byte
	for _, event := range events {
		data, err := proto.Marshal(event)
		if err != nil {
			return err
		}
		piece = appendTFRecord(piece, data)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.to.append(piece)
}

// Close closes the file. It may be called twice.
func (e *Events) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.to.close(); err != nil {
		return fmt.Errorf("close TensorBoard events: %w", err)
	}
	return nil
}
