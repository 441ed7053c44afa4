//go:build unix

package dataset

import "syscall"

func mkfifo(path string) bool { return syscall.Mkfifo(path, 0o666) == nil }
