//go:build cgo

package session

// hold takes no reference on Windows, where onnxruntime_go alone loads the library.
func hold(library string) bool { return false }

// dlopen is not called on Windows: only on Linux are the libraries of a provider opened ahead.
func dlopen(name string) error { return nil }
