//go:build cgo

package session

// dlopen is not called on Windows: a provider's library is looked into on Linux alone.
func dlopen(name string) error { return nil }
