//go:build !windows && !darwin

package infer

// fold gives one key to the paths that are one file.
func fold(path string) string { return path }
