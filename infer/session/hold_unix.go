//go:build cgo && !windows

package session

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

// ONNX Runtime never changes the order of the functions in OrtApiBase and OrtApi.
typedef struct { void **(*get_api)(uint32_t version); } api_base;
enum { API_VERSION = 24, CREATE_ENV = 3, LOG_FATAL = 4 };

static int hold(void *library) {
	api_base *(*get_base)(void) = (api_base *(*)(void))dlsym(library, "OrtGetApiBase");
	void **api = get_base ? get_base()->get_api(API_VERSION) : NULL;
	void *env = NULL;
	if (api) ((void *(*)(int, const char *, void **))api[CREATE_ENV])(LOG_FATAL, "cyclegan", &env);
	return env != NULL;
}
*/
import "C"

import (
	"errors"
	"runtime"
	"unsafe"
)

// hold keeps a loaded library in memory for good, and takes a reference to its environment, of
// which a process has one. So both outlive a call of ort.DestroyEnvironment by other code. It
// reports whether it could.
func hold(library string) bool {
	handle, err := openLibrary(library)
	return err == nil && C.hold(handle) != 0
}

// dlopen opens a library and never closes it, since CUDA's libraries cannot be closed safely.
func dlopen(name string) error {
	_, err := openLibrary(name)
	return err
}

func openLibrary(name string) (unsafe.Pointer, error) {
	// The loader keeps its message for the thread that failed.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	handle := C.dlopen(c, C.RTLD_LAZY)
	if handle == nil {
		return nil, errors.New(C.GoString(C.dlerror()))
	}
	return handle, nil
}
