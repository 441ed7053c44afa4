// Package profile turns TensorFlow's record of a training step, a [Step], into a table of where the
// time went and a trace for chrome://tracing and ui.perfetto.dev.
package profile

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	stats "github.com/wamuir/graft/tensorflow/core/framework/step_stats_go_proto"
)

// Step is the record of one training step.
type Step struct {
	Number int64 // counted from 1 over all resumes
	Runs   []Run // in order
}

// Run is one call of TensorFlow, such as the step of the generators.
type Run struct {
	Name  string
	Stats *stats.StepStats
}

// operation is the execution of one node in a run.
type operation struct {
	run, device, node, kind string
	thread                  uint32
	start, duration         time.Duration // start since 1970
	bytes                   int64         // allocated by it
}

// operations returns all operations by start time. A GPU has records of its own for its streams,
// which are included.
func (s *Step) operations() []operation {
	var all []operation
	for _, run := range s.Runs {
		for _, device := range run.Stats.GetDevStats() {
			for _, n := range device.NodeStats {
				o := operation{
					run: run.Name, device: device.Device, node: n.NodeName, kind: kind(n), thread: n.ThreadId,
					start:    time.Duration(n.AllStartMicros+n.OpStartRelMicros) * time.Microsecond,
					duration: time.Duration(n.OpEndRelMicros-n.OpStartRelMicros) * time.Microsecond,
				}
				if n.AllStartNanos > 0 {
					o.start = time.Duration(n.AllStartNanos + n.OpStartRelNanos)
					o.duration = time.Duration(n.OpEndRelNanos - n.OpStartRelNanos)
				}
				for _, m := range n.Memory {
					o.bytes += max(m.TotalBytes, 0)
				}
				all = append(all, o)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b operation) int { return cmp.Compare(a.start, b.start) })
	return all
}

// kind returns the type of a node from a label such as "a/Conv2D = Conv2D(a/x, a/w)", or from the
// node's name if it has no label.
func kind(n *stats.NodeExecStats) string {
	if _, call, ok := strings.Cut(n.TimelineLabel, " = "); ok {
		if name, _, ok := strings.Cut(call, "("); ok && name != "" {
			return name
		}
	}
	return strings.TrimRight(path.Base(n.NodeName), "_0123456789")
}

// Devices returns the device that each node ran on, by the name of the node.
func (s *Step) Devices() map[string]string {
	devices := map[string]string{}
	for _, o := range s.operations() {
		devices[o.node] = o.device
	}
	return devices
}

// shown is the number of kinds in the table.
const shown = 12

// Fprint prints a table of the kinds of operations that took the most time, summed over the threads
// of all devices.
func (s *Step) Fprint(out io.Writer) error {
	type row struct {
		kind  string
		time  time.Duration
		count int
		bytes int64
	}
	rows := map[string]*row{}
	var busy time.Duration
	for _, o := range s.operations() {
		if rows[o.kind] == nil {
			rows[o.kind] = &row{kind: o.kind}
		}
		r := rows[o.kind]
		r.time += o.duration
		r.count++
		r.bytes += o.bytes
		busy += o.duration
	}
	if busy == 0 {
		return fmt.Errorf("TensorFlow's record of step %d is empty", s.Number)
	}
	sorted := slices.SortedFunc(maps.Values(rows), func(a, b *row) int {
		return cmp.Or(cmp.Compare(b.time, a.time), cmp.Compare(a.kind, b.kind))
	})
	if len(sorted) > shown {
		rest := &row{kind: "others"}
		for _, r := range sorted[shown:] {
			rest.time += r.time
			rest.count += r.count
			rest.bytes += r.bytes
		}
		sorted = append(sorted[:shown], rest)
	}
	fmt.Fprintf(out, "step %d: %.3f s in operations, summed over threads\n", s.Number, busy.Seconds())
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "seconds\tshare\tcount\tMiB used\t  operation")
	for _, r := range sorted {
		fmt.Fprintf(w, "%.3f\t%.1f%%\t%d\t%.1f\t  %s\n", r.time.Seconds(), 100*r.time.Seconds()/busy.Seconds(), r.count, float64(r.bytes)/(1<<20), r.kind)
	}
	return w.Flush()
}

// event is one entry of Chrome's Trace Event Format,
// https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
type event struct {
	Name     string         `json:"name"`
	Category string         `json:"cat,omitempty"`
	Phase    string         `json:"ph"`
	Time     float64        `json:"ts"` // microseconds since the start of the step
	Duration float64        `json:"dur,omitempty"`
	Process  int            `json:"pid"`
	Thread   uint32         `json:"tid"`
	Args     map[string]any `json:"args,omitempty"`
}

// WriteTrace writes the step as a Chrome trace with a process for each device, which has a bar for
// each operation.
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
	var devices []string // by process
	for _, o := range all {
		process := slices.Index(devices, o.device)
		if process < 0 {
			process = len(devices)
			devices = append(devices, o.device)
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
