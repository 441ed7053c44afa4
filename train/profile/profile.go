package profile

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	stats "github.com/wamuir/graft/tensorflow/core/framework/step_stats_go_proto"
)

// A Step is the record of one training step.
type Step struct {
	Number int64 // counted from 1 over all resumes
	Runs   []Run // in the order in which they were made
}

// A Run is one run of TensorFlow's, such as that of the generators.
type Run struct {
	Name  string
	Stats *stats.StepStats
}

// An operation is what one node of the graph did in a run.
type operation struct {
	run, device, node, kind string
	thread                  uint32
	start, duration         time.Duration // start since 1970
	bytes                   int64         // allocated while it ran
}

// operations lists what ran, by time. Where a device has a record of its own
// for its streams, as GPUs have, both are in the list.
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

// kind is a node's type. TensorFlow tells it in a label such as
// "a/Conv2D = Conv2D(a/x, a/w)"; without one the node's name has to do.
func kind(n *stats.NodeExecStats) string {
	if _, call, ok := strings.Cut(n.TimelineLabel, " = "); ok {
		if name, _, ok := strings.Cut(call, "("); ok && name != "" {
			return name
		}
	}
	name := n.NodeName
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		name = name[i+1:]
	}
	return strings.TrimRight(name, "_0123456789")
}

// Devices gives the device that each node ran on, by the node's name.
func (s *Step) Devices() map[string]string {
	devices := map[string]string{}
	for _, o := range s.operations() {
		devices[o.node] = o.device
	}
	return devices
}

// shown is how many kinds of operations the table has a line for.
const shown = 12

// Fprint writes a table of the kinds of operations that took the most time,
// added up over the threads of all devices.
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
	sorted := make([]*row, 0, len(rows))
	for _, r := range rows {
		sorted = append(sorted, r)
	}
	slices.SortFunc(sorted, func(a, b *row) int {
		return cmp.Or(cmp.Compare(b.time, a.time), cmp.Compare(a.kind, b.kind))
	})
	var text strings.Builder
	fmt.Fprintf(&text, "step %d: %.3f s in operations, threads added up\n", s.Number, busy.Seconds())
	fmt.Fprintf(&text, "  %-28s %8s %7s %6s %9s\n", "operation", "seconds", "share", "count", "MiB made")
	line := func(r *row) {
		fmt.Fprintf(&text, "  %-28s %8.3f %6.1f%% %6d %9.1f\n", r.kind, r.time.Seconds(), 100*r.time.Seconds()/busy.Seconds(), r.count, float64(r.bytes)/(1<<20))
	}
	rest := &row{kind: "others"}
	for i, r := range sorted {
		if i < shown {
			line(r)
			continue
		}
		rest.time += r.time
		rest.count += r.count
		rest.bytes += r.bytes
	}
	if rest.count > 0 {
		line(rest)
	}
	_, err := io.WriteString(out, text.String())
	return err
}
