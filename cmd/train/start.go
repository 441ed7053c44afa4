//go:build !tensorflow

package main

import (
	"os"

	"cyclegan/cmd/internal/cli"
)

func main() {
	c, status, ok := start(os.Args[1:], os.Stderr)
	if !ok {
		os.Exit(status)
	}
	if c.check {
		os.Exit(c.checkOnly(os.Stdout, os.Stderr))
	}
	cli.Start("./cmd/train")
}
