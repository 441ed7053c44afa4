//go:build cgo && !linux

package session

func withSignals(do func() error) error { return do() }
