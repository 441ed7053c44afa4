//go:build tensorflow

package run

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// memoryPeak is the peak memory of this process in bytes.
func memoryPeak() int64 {
	var usage unix.Rusage // stays 0 if it is unknown
	_ = unix.Getrusage(unix.RUSAGE_SELF, &usage)
	if runtime.GOOS == "darwin" {
		return int64(usage.Maxrss)
	}
	return int64(usage.Maxrss) * 1024
}

// machineMemory is the memory in bytes that this process can use, 0 if it is unknown. Only Linux
// says it in files.
func machineMemory() int64 { return memoryIn(os.DirFS("/")) }

// memoryIn reads the machine's memory, and the limit of a container, which may be lower.
func memoryIn(root fs.FS) int64 {
	least := int64(math.MaxInt64)
	for _, f := range []struct {
		path, format string
		unit         int64
	}{
		{"proc/meminfo", "MemTotal: %d kB", 1024},
		{"sys/fs/cgroup/memory.max", "%d", 1}, // version 2; "max" without a limit
		{"sys/fs/cgroup/memory/memory.limit_in_bytes", "%d", 1},
	} {
		text, _ := fs.ReadFile(root, f.path)
		var n int64
		if _, err := fmt.Sscanf(string(text), f.format, &n); err == nil && n > 0 {
			least = min(least, n*f.unit)
		}
	}
	if least == math.MaxInt64 {
		return 0
	}
	return least
}
