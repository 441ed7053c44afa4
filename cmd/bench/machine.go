package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
)

// A machine is what the numbers were taken on.
type machine struct {
	CPU        string `json:"cpu,omitempty"`
	Processors int    `json:"processors"`
	Threads    int    `json:"threads"` // that each contender computes with
	OS         string `json:"os"`
	Arch       string `json:"arch"`
	// Bytes is the memory, 0 if unknown.
	Bytes int64 `json:"memory_bytes,omitempty"`
	// Load is the load average of the last minute before the first round; below 0 if unknown.
	Load float64 `json:"load"`
	// Settings are the environment variables that change how the contenders' libraries compute.
	Settings []string `json:"settings,omitempty"`
}

// settingPrefixes are those of such variables.
var settingPrefixes = []string{"OMP_", "GOMP_", "KMP_", "MKL_", "ONEDNN_", "DNNL_", "TF_", "TORCH", "PYTORCH_", "ORT_", "OV_", "GOMAXPROCS=", "GOGC=", "LD_PRELOAD=", "MALLOC_"}

// settingsIn picks those out of an environment. TF_CLI_ and TF_VAR_ are not
// TensorFlow's but Terraform's.
func settingsIn(environment []string) []string {
	var found []string
	for _, e := range environment {
		begins := func(prefix string) bool { return strings.HasPrefix(e, prefix) }
		if slices.ContainsFunc(settingPrefixes, begins) && !begins("TF_CLI_") && !begins("TF_VAR_") {
			found = append(found, e)
		}
	}
	slices.Sort(found)
	return found
}

// thisMachine describes the one that the program runs on. On other systems
// than Linux it knows less.
func thisMachine(threads int) machine {
	m := machine{Processors: runtime.NumCPU(), Threads: threads, OS: runtime.GOOS, Arch: runtime.GOARCH, Load: -1, Settings: settingsIn(os.Environ())}
	if data, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		m.CPU = field(string(data), "model name")
	}
	if data, err := os.ReadFile("/proc/meminfo"); err == nil {
		m.Bytes = kilobytes(string(data), "MemTotal")
	}
	if data, err := os.ReadFile("/proc/loadavg"); err == nil {
		if _, err := fmt.Sscan(string(data), &m.Load); err != nil {
			m.Load = -1
		}
	}
	return m
}

// busy tells whether other programs were running.
func (m machine) busy() bool { return m.Load > 0.3*float64(m.Processors) }

func (m machine) String() string {
	name := m.CPU
	if name == "" {
		name = m.Arch
	}
	text := fmt.Sprintf("%s, %d processors, %d threads, %s/%s", name, m.Processors, m.Threads, m.OS, m.Arch)
	if m.Bytes > 0 {
		text += fmt.Sprintf(", %.1f GiB of memory", float64(m.Bytes)/(1<<30))
	}
	return text
}

// print says what the numbers are taken on, and warns where others use it too.
func (m machine) print(out io.Writer) {
	fmt.Fprintln(out, m)
	if len(m.Settings) > 0 {
		fmt.Fprintf(out, "set in the environment: %s\n", strings.Join(m.Settings, " "))
	}
	if m.busy() {
		fmt.Fprintf(out, "note: the load is %.1f on %d processors: other programs are running. Take the numbers for preliminary: who waits for its threads by spinning, as ONNX Runtime and PyTorch do, suffers most\n", m.Load, m.Processors)
	}
}

// field finds a value in lines of "name: value".
func field(text, name string) string {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// kilobytes reads a field such as "MemTotal: 16 kB", in bytes; 0 if it isn't there.
func kilobytes(text, name string) int64 {
	var n int64
	if _, err := fmt.Sscan(field(text, name), &n); err != nil {
		return 0
	}
	return n * 1024
}
