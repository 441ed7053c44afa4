package main

import (
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"cyclegan/cmd/internal/clitest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"serve": main})
}

func TestScripts(t *testing.T) {
	clitest.Run(t, filepath.Join("testdata", "script"), clitest.Options{})
}
