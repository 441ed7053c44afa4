//go:build cgo && !linux

package session

// withSignals is for Linux.
func withSignals(do func() error) error { return do() }
