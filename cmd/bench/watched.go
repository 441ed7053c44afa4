package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// watched is a process whose memory and processor time are looked at, on
// Linux; elsewhere both are 0, for unknown.
type watched struct{ pid int }

// peak is the most memory that the process has had since its program started
// (VmHWM), in bytes. (A child's resource usage would begin with its parent's.)
func (w watched) peak() int64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.pid))
	if err != nil {
		return 0
	}
	return kilobytes(string(data), "VmHWM")
}

// follow looks at the peak of a process that ends by itself, until stop.
func (w watched) follow(stop <-chan struct{}) (peak int64) {
	const often = 5 * time.Millisecond
	for {
		peak = max(peak, w.peak())
		select {
		case <-stop:
			return peak
		case <-time.After(often):
		}
	}
}

// ticks is the unit of processor time in /proc, which Linux fixes for programs.
const ticks = 100

// cpu is the processor time that the process has used, in seconds.
func (w watched) cpu() float64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.pid))
	if err != nil {
		return 0
	}
	// The second field is the program's name in brackets, which may hold anything.
	_, rest, ok := strings.Cut(string(data[strings.LastIndexByte(string(data), ')')+1:]), " ")
	fields := strings.Fields(rest)
	const user, system = 11, 12 // counted from the state
	if !ok || len(fields) <= system {
		return 0
	}
	u, errU := strconv.ParseFloat(fields[user], 64)
	s, errS := strconv.ParseFloat(fields[system], 64)
	if errU != nil || errS != nil {
		return 0
	}
	return (u + s) / ticks
}
