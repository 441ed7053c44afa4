//go:build !unix

package dataset

func mkfifo(string) bool { return false }
