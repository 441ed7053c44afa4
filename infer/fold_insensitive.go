//go:build windows || darwin

package infer

import "strings"

// fold gives one key to the paths that are one file where the system takes A.png for a.png.
func fold(path string) string { return strings.ToLower(path) }
