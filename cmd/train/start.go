//go:build !tensorflow

package main

import (
	"os"

	"cyclegan/third_party/native"
)

func main() {
	if _, status, ok := start(os.Args[1:], os.Stderr); !ok {
		os.Exit(status)
	}
	native.Start("./cmd/train")
}
