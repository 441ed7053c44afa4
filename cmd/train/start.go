//go:build !tensorflow

package main

import (
	"os"

	"cyclegan/third_party/native/fetch"
)

func main() {
	c, status, ok := start(os.Args[1:], os.Stderr)
	if !ok {
		os.Exit(status)
	}
	if c.check {
		os.Exit(c.checkOnly(os.Stdout, os.Stderr))
	}
	fetch.Start("./cmd/train")
}
