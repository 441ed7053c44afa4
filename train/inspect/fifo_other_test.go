//go:build !unix

package inspect

func mkfifo(string) bool { return false }
