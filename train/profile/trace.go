package profile

import (
	"encoding/json"
	"fmt"
	"io"
)

// event is one entry of the Trace Event Format of Chrome,
// https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
type event struct {
	Name     string         `json:"name"`
	Category string         `json:"cat,omitempty"`
	Phase    string         `json:"ph"`
	Time     float64        `json:"ts"` // microseconds since the step's start
	Duration float64        `json:"dur,omitempty"`
	Process  int            `json:"pid"`
	Thread   uint32         `json:"tid"`
	Args     map[string]any `json:"args,omitempty"`
}

// WriteTrace writes the step as a Chrome trace: a process for each device, with
// its threads, and a bar for each operation, named by its kind.
func (s *Step) WriteTrace(w io.Writer) error {
	all := s.operations()
	if len(all) == 0 {
		return fmt.Errorf("TensorFlow's record of step %d is empty", s.Number)
	}
	begin := all[0].start
	trace := struct {
		Events []event `json:"traceEvents"`
		Unit   string  `json:"displayTimeUnit"`
	}{Unit: "ms"}
	processes := map[string]int{}
	for _, o := range all {
		process, known := processes[o.device]
		if !known {
			process = len(processes)
			processes[o.device] = process
			trace.Events = append(trace.Events, event{Name: "process_name", Phase: "M", Process: process, Args: map[string]any{"name": o.device}})
		}
		args := map[string]any{"node": o.node}
		if o.bytes > 0 {
			args["bytes"] = o.bytes
		}
		trace.Events = append(trace.Events, event{
			Name: o.kind, Category: o.run, Phase: "X",
			Time: float64((o.start - begin).Nanoseconds()) / 1e3, Duration: float64(o.duration.Nanoseconds()) / 1e3,
			Process: process, Thread: o.thread, Args: args,
		})
	}
	if err := json.NewEncoder(w).Encode(trace); err != nil {
		return fmt.Errorf("write the trace of step %d: %w", s.Number, err)
	}
	return nil
}
