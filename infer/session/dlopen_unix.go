//go:build cgo && !windows

package session

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>
*/
import "C"

import (
	"errors"
	"runtime"
	"unsafe"
)

// dlopen is the system's loader. Libraries stay open, since CUDA's do not stand being closed.
func dlopen(name string) error {
	// the loader keeps its message for the thread that it failed on
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	if C.dlopen(c, C.RTLD_LAZY) == nil {
		return errors.New(C.GoString(C.dlerror()))
	}
	return nil
}
