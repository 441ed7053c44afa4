//go:build cgo

package session

/*
#include <signal.h>
#include <stddef.h>

static int signal_stack(void *old) { return sigaltstack(NULL, (stack_t *)old); }
static int set_signal_stack(void *old) { return sigaltstack((stack_t *)old, NULL); }
*/
import "C"

import (
	"runtime"
	"unsafe"
)

// withSignals calls do, and gives the thread the stack back on which Go handles signals. OpenVINO puts another in its place
// when it begins, and unmaps that when it ends, on whatever thread that is: the next signal to the first one, such as those that Go
// preempts goroutines with, would end the process without a word.
func withSignals(do func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var stack [(C.sizeof_stack_t + 7) / 8]uint64 // no stack_t: what it points to is Go's own
	at := unsafe.Pointer(&stack)
	if C.signal_stack(at) == 0 {
		defer C.set_signal_stack(at)
	}
	return do()
}
