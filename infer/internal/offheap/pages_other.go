//go:build unix && !linux

package offheap

func useLargePages([]byte) {}
