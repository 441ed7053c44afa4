package main

import (
	"os"
	"runtime"
	"slices"
	"testing"
)

func TestField(t *testing.T) {
	const text = "processor\t: 0\nmodel name\t: Example 9000: fast\nMemTotal:       1024 kB\nmodel name\t: another\n"
	if got := field(text, "model name"); got != "Example 9000: fast" {
		t.Errorf("model name %q", got)
	}
	if got := kilobytes(text, "MemTotal"); got != 1<<20 {
		t.Errorf("MemTotal of %d bytes", got)
	}
	if got := kilobytes(text, "MemFree"); got != 0 {
		t.Errorf("MemFree of %d bytes where it is not said", got)
	}
}

func TestBusy(t *testing.T) {
	for load, want := range map[float64]bool{-1: false, 0.1: false, 1.5: true} {
		if got := (machine{Processors: 2, Load: load}).busy(); got != want {
			t.Errorf("load %g on 2 processors: busy is %v", load, got)
		}
	}
}

func TestSettingsIn(t *testing.T) {
	got := settingsIn([]string{"PATH=/bin", "OMP_WAIT_POLICY=PASSIVE", "XOMP_A=1", "LD_PRELOAD=a.so", "LD_PRELOADED=1", "TF_NUM_INTEROP_THREADS=1", "TF_CLI_CONFIG_FILE=a", "TF_VAR_b=c"})
	if want := []string{"LD_PRELOAD=a.so", "OMP_WAIT_POLICY=PASSIVE", "TF_NUM_INTEROP_THREADS=1"}; !slices.Equal(got, want) {
		t.Errorf("settings %q, want %q", got, want)
	}
}

func TestWatched(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processes can be looked at on Linux alone")
	}
	w := watched{os.Getpid()}
	if peak := w.peak(); peak < 1<<20 {
		t.Errorf("this process has had %d bytes at most", peak)
	}
	for before := w.cpu(); w.cpu() == before; { // looking takes processor time
	}
	const none = 1 << 30 // larger than any process's number
	if w := (watched{none}); w.peak() != 0 || w.cpu() != 0 {
		t.Errorf("a process that is not there: %d bytes, %g s", w.peak(), w.cpu())
	}
}
