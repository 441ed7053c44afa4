//go:build cgo && !windows

package session

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

// ONNX Runtime never changes the order of the functions in OrtApiBase and OrtApi.
typedef struct { void **(*get_api)(uint32_t version); } api_base;
enum { API_VERSION = 24, CREATE_ENV = 3, RELEASE_ENV = 92, LOG_FATAL = 4 };

static void **api_of(void *library) {
	api_base *(*get_base)(void) = (api_base *(*)(void))dlsym(library, "OrtGetApiBase");
	return get_base ? get_base()->get_api(API_VERSION) : NULL;
}

static void *create_env(void **api) {
	void *env = NULL;
	((void *(*)(int, const char *, void **))api[CREATE_ENV])(LOG_FATAL, "cyclegan", &env);
	return env;
}

static void release_env(void **api, void *env) { ((void (*)(void *))api[RELEASE_ENV])(env); }
*/
import "C"

import (
	"errors"
	"runtime"
	"unsafe"
)

// hold keeps a loaded library in memory for good, and takes a reference to its environment, of which a
// process has one. So both outlive a call of ort.DestroyEnvironment by other code. It returns what
// gives up the reference, nil if it could take none.
func hold(library string) (release func()) {
	if library == "" {
		return nil
	}
	c := C.CString(library)
	defer C.free(unsafe.Pointer(c))
	handle := C.dlopen(c, C.RTLD_LAZY)
	if handle == nil {
		return nil
	}
	api := C.api_of(handle)
	if api == nil {
		return nil
	}
	env := C.create_env(api)
	if env == nil {
		return nil
	}
	return func() { C.release_env(api, env) }
}

// dlopen opens a library and never closes it, since CUDA's libraries cannot be closed safely.
func dlopen(name string) error {
	// The loader keeps its message for the thread that failed.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	if C.dlopen(c, C.RTLD_LAZY) == nil {
		return errors.New(C.GoString(C.dlerror()))
	}
	return nil
}
