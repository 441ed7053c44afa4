//go:build cgo

package session

import (
	"fmt"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// environment is ONNX Runtime's, of which a process has one. The first session opens it and the last one closes it,
// unless the program had opened it by itself before: then it stays the program's to close.
var environment struct {
	sync.Mutex
	sessions int
	ours     bool
	library  string // as the loader was given it; empty when the environment is not ours
	named    string // what a person named the library by, if anybody did
	claimed  string // the library whose providers the process has used, which outlives the environment
	ahead    bool   // it was opened by Preload, for a session that has not come yet
}

// Preload opens ONNX Runtime in the background for a session with these options, which then need not wait for the library: a program can read its model
// meanwhile. What fails here, the session says. The function that comes back is to be called once the session is open, or will not be.
func Preload(opt *Options) (done func()) {
	o := opt.resolved()
	opened := make(chan bool, 1)
	go func() {
		_, err := take(o.Library, o.Provider, true)
		opened <- err == nil
	}()
	return func() {
		if <-opened {
			_ = release() // nobody waits for an environment that nobody used
		}
	}
}

// acquire opens the environment if it is not open, with a build that suits the provider, and counts a session in.
func acquire(library, provider string) (runtimeInUse, error) { return take(library, provider, false) }

// take is acquire, also ahead of a session.
func take(library, provider string, ahead bool) (runtimeInUse, error) {
	e := &environment
	e.Lock()
	defer e.Unlock()
	opened := e.sessions == 0 && !ort.IsInitialized()
	if opened {
		named, err := search(library, provider, load)
		if err != nil {
			return runtimeInUse{}, err
		}
		e.named = named
	} else if err := sameLibrary(library); err != nil {
		return runtimeInUse{}, err
	}
	e.sessions++
	if ahead {
		e.ahead = opened
	} else {
		opened, e.ahead = opened || e.ahead, false
	}
	return runtimeInUse{version: ort.GetVersion(), library: e.library, named: e.named, opened: opened}, nil
}

// claim keeps the process to the providers of one library. A provider's library finds ONNX Runtime by a symbol
// that the first one to load such a library gives to the whole process; that of another build would call into the first, which may be gone.
func (p provider) claim(r runtimeInUse) error {
	if p.file == "" {
		return nil
	}
	e := &environment
	e.Lock()
	defer e.Unlock()
	if e.claimed != "" && e.claimed != r.library {
		return fmt.Errorf("provider %q: this process has used a provider of the ONNX Runtime in %s, and cannot use one of %v too\nto mend it: use one of them a process, beside provider %q",
			p.name, e.claimed, r, CPU)
	}
	if e.claimed == "" && r.library != "" {
		// it stays when the environment is closed, and with it what providers have of it
		if err := dlopen(r.library); err != nil {
			return fmt.Errorf("provider %q: keep ONNX Runtime open: %w", p.name, err)
		}
	}
	e.claimed = r.library
	return nil
}

// load opens the environment from the library that the loader knows by name.
func load(name string) error {
	ort.SetSharedLibraryPath(name)
	// Errors come back as such: the library shall not print them too.
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		return loadError(name, err)
	}
	environment.ours, environment.library = true, name
	return nil
}

// loadError says in a person's words why a library could not be used.
func loadError(name string, err error) error {
	_, reason, found := strings.Cut(err.Error(), fmt.Sprintf("library %q: ", name))
	switch {
	case found:
		return fmt.Errorf("open %s: %s", name, strings.TrimPrefix(reason, name+": "))
	case strings.Contains(err.Error(), "setting ORT API base"):
		return fmt.Errorf("open %s: this ONNX Runtime is too old: 1.24 or later is needed", name)
	case strings.Contains(err.Error(), "OrtGetApiBase"):
		return fmt.Errorf("open %s: this is not ONNX Runtime: it lacks OrtGetApiBase", name)
	}
	return fmt.Errorf("open %s: %w", name, err)
}

// sameLibrary refuses a library that was asked for while another one is open: a process can hold one.
func sameLibrary(library string) error {
	if library == "" || !environment.ours {
		return nil
	}
	path, err := libraryAt(library)
	if err != nil {
		return fmt.Errorf("find ONNX Runtime by Options.Library: %w", err)
	}
	if path != environment.library {
		return fmt.Errorf("ONNX Runtime is already open from %s and a process can hold one: close the models that use it before opening %s", environment.library, path)
	}
	return nil
}

// release counts a session out and closes the environment after the last one.
func release() error {
	e := &environment
	e.Lock()
	defer e.Unlock()
	e.sessions--
	if e.sessions > 0 || !e.ours {
		return nil
	}
	e.ours, e.ahead, e.library, e.named = false, false, "", ""
	if err := withSignals(ort.DestroyEnvironment); err != nil {
		return fmt.Errorf("close ONNX Runtime: %w", err)
	}
	return nil
}
