//go:build tensorflow

package main

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// memoryPeak is the most memory that this process has used, in bytes.
func memoryPeak() int64 {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return int64(usage.Maxrss)
	}
	return int64(usage.Maxrss) * 1024
}
