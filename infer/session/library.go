package session

import (
	"debug/elf"
	"os"
	"path/filepath"
	"strings"

	"cyclegan/third_party/native"
)

// A loader opens a shared library by its path or by a name that the system's loader knows, and keeps it open.
type loader func(name string) error

// ready opens what a provider's own library needs before ONNX Runtime opens that, since ONNX Runtime says little about what is missing,
// and since NVIDIA's libraries in the cache are where no loader looks: what is open by its path serves all who need it by its name.
// It is for Linux; elsewhere, and where the library's place is not known, ONNX Runtime's own words have to do.
func (p provider) ready(r runtimeInUse, goos string, open loader) error {
	file := r.file(p, goos)
	if file == "" {
		return nil
	}
	if _, err := os.Stat(file); err != nil {
		return p.without(r)
	}
	if goos != "linux" {
		return nil
	}
	if p.set == native.CUDA {
		if err := open("libcuda.so.1"); err != nil {
			return p.noDriver(err)
		}
	}
	for _, name := range needed(file) {
		if err := openNeeded(name, filepath.Dir(file), open); err != nil {
			return p.missing(name, filepath.Base(file), err)
		}
	}
	return nil
}

// openNeeded opens a library from the folder of the one that needs it, from the cache, or from where the system's loader looks.
func openNeeded(name, beside string, open loader) error {
	path := filepath.Join(beside, name)
	if _, err := os.Stat(path); err == nil {
		return open(path)
	}
	if path := native.NVIDIALibrary(name); path != "" {
		return open(path)
	}
	return open(name)
}

// needed are the names of the libraries that an ELF library asks for, without the loader itself; nil for another file.
func needed(file string) []string {
	f, err := elf.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	names, err := f.ImportedLibraries()
	if err != nil {
		return nil
	}
	var libraries []string
	for _, name := range names {
		if !strings.HasPrefix(name, "ld-") {
			libraries = append(libraries, name)
		}
	}
	return libraries
}
