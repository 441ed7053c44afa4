package cli

import (
	"slices"
	"strings"
)

// tunables is the variable by which glibc's malloc is set, when a program starts.
const tunables = "GLIBC_TUNABLES"

// withLargePages gives the environment in which glibc's malloc asks for large pages, and whether a new start in it is worth while: where the system
// gives them to those who ask (mode is its setting), and malloc does not ask yet.
func withLargePages(environ []string, mode string) ([]string, bool) {
	if !strings.Contains(mode, "[madvise]") {
		return nil, false
	}
	const ask = "glibc.malloc.hugetlb"
	at := slices.IndexFunc(environ, func(s string) bool { return strings.HasPrefix(s, tunables+"=") })
	if at < 0 {
		return append(slices.Clone(environ), tunables+"="+ask+"=1"), true
	}
	if strings.Contains(environ[at], ask+"=") {
		return nil, false // this is the new start, or the person's own choice
	}
	with := slices.Clone(environ)
	with[at] = strings.TrimSuffix(with[at], ":")
	if !strings.HasSuffix(with[at], "=") {
		with[at] += ":"
	}
	with[at] += ask + "=1"
	return with, true
}
