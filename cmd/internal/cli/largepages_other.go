//go:build !linux

package cli

// LargePages does nothing here.
func LargePages() {}
