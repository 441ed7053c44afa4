//go:build !linux

package offheap

func useLargePages([]byte) {}
