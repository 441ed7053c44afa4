//go:build cgo

package session

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// environment is the process's ONNX Runtime environment, as far as this package knows it. The
// package holds a reference of its own for good (see hold), so that sessions survive an
// ort.DestroyEnvironment.
var environment struct {
	sync.Mutex
	sessions int
	claimed  string // the library whose providers the process has used, even before a Shutdown
	loaded
}

type loaded struct {
	ours    bool   // this package has initialized the environment
	held    bool   // see hold
	library string // the file or name that was loaded; empty if unknown
	named   string // how the user named the library; empty if the user did not
}

// Preload loads ONNX Runtime in the background for a session with these options, so that a program
// can read its model meanwhile. The session reports what fails here.
func Preload(opt *Options) {
	o := opt.resolved()
	go func() {
		if _, err := acquire(o.Library, o.Provider); err == nil {
			release()
		}
	}()
}

// Shutdown gives up the ONNX Runtime environment that this package has initialized, so that the
// next session can load another build of the library. It fails while sessions are open. A program
// must not call it while other code uses onnxruntime_go.
func Shutdown() error {
	e := &environment
	e.Lock()
	defer e.Unlock()
	if e.sessions > 0 {
		return fmt.Errorf("shut down ONNX Runtime: open sessions: %d. Fix: close them first", e.sessions)
	}
	ours := e.ours && ort.IsInitialized()
	e.loaded = loaded{}
	if !ours {
		return nil
	}
	if err := withSignals(ort.DestroyEnvironment); err != nil {
		return fmt.Errorf("shut down ONNX Runtime: %w", err)
	}
	return nil
}

// acquire counts a session, and first initializes the environment if it is not, with a build for
// the provider.
func acquire(library, provider string) (runtimeInUse, error) {
	e := &environment
	e.Lock()
	defer e.Unlock()
	if err := initialize(library, provider); err != nil {
		return runtimeInUse{}, err
	}
	e.sessions++
	return runtimeInUse{version: ort.GetVersion(), library: e.library, named: e.named}, nil
}

func release() {
	environment.Lock()
	defer environment.Unlock()
	environment.sessions--
}

func initialize(library, provider string) error {
	e := &environment
	if ort.IsInitialized() {
		if !e.held && !e.ours { // the program has initialized it
			e.library = loadedLibrary()
			e.held = e.library != "" && hold(e.library)
		}
		return sameLibrary(library)
	}
	if e.sessions > 0 {
		// Other code has destroyed the environment. The open sessions need the same library.
		if !e.held {
			return ErrDestroyed
		}
		if err := sameLibrary(library); err != nil {
			return err
		}
		return load(e.library)
	}
	e.loaded = loaded{}
	named, err := search(library, provider, load)
	e.named = named
	return err
}

// usable reports whether sessions can still be freed.
func usable() bool {
	environment.Lock()
	defer environment.Unlock()
	return environment.held || ort.IsInitialized()
}

// load initializes the environment with a library, named as the system's loader knows it.
func load(name string) error {
	ort.SetSharedLibraryPath(name)
	// Fatal: errors are returned, so the library need not print them too.
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		return loadError(name, err)
	}
	e := &environment
	e.ours, e.library, e.held = true, name, hold(name)
	return nil
}

// loadError explains why a library cannot be used.
func loadError(name string, err error) error {
	_, detail, found := strings.Cut(err.Error(), fmt.Sprintf("library %q: ", name))
	switch {
	case found:
		err = errors.New(strings.TrimPrefix(detail, name+": "))
	case strings.Contains(err.Error(), "setting ORT API base"):
		err = errors.New("this ONNX Runtime is too old. Fix: use 1.24 or later")
	case strings.Contains(err.Error(), "OrtGetApiBase"):
		err = errors.New("this is not ONNX Runtime: it lacks OrtGetApiBase")
	}
	return fmt.Errorf("open %s: %w", name, err)
}

// loadedLibrary returns the path of the ONNX Runtime library that the program has loaded, or "".
func loadedLibrary() string {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(maps)) {
		if f := strings.Fields(line); len(f) == 6 && isLibrary(filepath.Base(f[5]), runtime.GOOS) {
			return f[5]
		}
	}
	return ""
}

// sameLibrary refuses a requested library while another one is loaded.
func sameLibrary(library string) error {
	if library == "" || !environment.ours {
		return nil
	}
	path, err := libraryAt(library)
	if err != nil {
		return fmt.Errorf("find ONNX Runtime by %s: %w", byOption, err)
	}
	if path != environment.library {
		return fmt.Errorf("ONNX Runtime is already open from %s, and a process can hold one. Fix: close all models and call session.Shutdown before opening %s", environment.library, path)
	}
	return nil
}

// claim keeps the process to the providers of one library. A provider's library finds ONNX Runtime
// by a global symbol, which belongs to the first build that loads one.
func (p provider) claim(r runtimeInUse) error {
	if p.file == "" {
		return nil
	}
	e := &environment
	e.Lock()
	defer e.Unlock()
	if e.claimed != "" && e.claimed != r.library {
		return fmt.Errorf("provider %q: this process has used a provider of the ONNX Runtime in %s and cannot use one of %v too\nFix: use one of them per process, along with provider %q",
			p.name, e.claimed, r, CPU)
	}
	e.claimed = r.library
	return nil
}
