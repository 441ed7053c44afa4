//go:build tensorflow && !linux

package tfgraph

// Quietly calls f. (On Linux it keeps TensorFlow's announcements off standard
// error meanwhile.)
func Quietly(f func() error) error { return f() }

// Unquiet has nothing to end here.
func Unquiet() {}
