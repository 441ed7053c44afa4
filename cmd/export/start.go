//go:build !tensorflow

package main

import (
	"fmt"
	"os"

	"cyclegan/cmd/internal/cli"
)

func main() {
	c, status, ok := start(os.Args[1:], os.Stdout, os.Stderr)
	if !ok {
		os.Exit(status)
	}
	if c.format != formatSafetensors {
		cli.Start("./cmd/export")
	}
	c.printNotes(os.Stderr)
	files, err := c.writeSafetensors()
	if err != nil {
		fmt.Fprintf(os.Stderr, "export: %v\n", err)
		os.Exit(cli.Failed)
	}
	c.report(os.Stdout, os.Stderr, files)
}
