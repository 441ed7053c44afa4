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

// withSignals calls do and then restores the thread's signal stack. OpenVINO replaces that stack
// when it starts and unmaps its own when it ends, on any thread: the next signal on the first
// thread, such as the ones by which Go preempts goroutines, would end the process without a
// message.
func withSignals(do func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var stack [(C.sizeof_stack_t + 7) / 8]uint64 // not a stack_t, which holds a pointer to Go's stack
	at := unsafe.Pointer(&stack)
	if C.signal_stack(at) == 0 {
		defer C.set_signal_stack(at)
	}
	return do()
}
