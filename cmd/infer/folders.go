package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// namings are the ways to name the folders of domain A and B that cmd/train knows.
var namings = []func(phase string) (a, b string){
	func(p string) (a, b string) { return p + "A", p + "B" },
	func(p string) (a, b string) { return p + "_A", p + "_B" },
	func(p string) (a, b string) {
		if p == "train" {
			return "summer", "winter"
		}
		return p + "_summer", p + "_winter"
	},
}

// phaseFolders finds the folders of domain A and B in root, or one folder deeper.
func phaseFolders(root, phase string) (a, b string, err error) {
	info, err := os.Stat(root)
	if err != nil {
		return "", "", fmt.Errorf("-dataroot: %w", err)
	}
	if !info.IsDir() {
		return "", "", fmt.Errorf("-dataroot %q is no folder\nto mend it: name a folder, and unpack an archive before", root)
	}
	dirs := []string{root}
	entries, err := os.ReadDir(root)
	if err != nil {
		return "", "", fmt.Errorf("-dataroot: %w", err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && e.Name() != "__MACOSX" {
			dirs = append(dirs, filepath.Join(root, e.Name()))
		}
	}
	var found [][2]string
	var lone []error
	for i, dir := range dirs {
		a, b, err := pair(dir, phase)
		if err != nil {
			lone = append(lone, err)
		} else if a != "" {
			found = append(found, [2]string{a, b})
		}
		if i == 0 && (a != "" || err != nil) {
			break // what is deeper does not count then
		}
	}
	switch {
	case len(found) == 1:
		return found[0][0], found[0][1], nil
	case len(found) > 1:
		return "", "", fmt.Errorf("-dataroot %q holds several datasets: %s, %s...\nto mend it: name one of them", root, filepath.Dir(found[0][0]), filepath.Dir(found[1][0]))
	case len(lone) > 0:
		return "", "", lone[0]
	}
	want, wantB := namings[0](phase)
	return "", "", fmt.Errorf("-dataroot %q has no folders %s and %s\nto mend it: -phase says what their names begin with; for one folder of pictures add -model test", root, want, wantB)
}

// pair gives the two folders in dir, nothing where it has neither.
func pair(dir, phase string) (a, b string, err error) {
	for _, naming := range namings {
		a, b := naming(phase)
		a, b = filepath.Join(dir, a), filepath.Join(dir, b)
		hasA, hasB := isFolder(a), isFolder(b)
		if hasA && hasB {
			return a, b, nil
		}
		if hasA != hasB {
			have, lack := a, b
			if hasB {
				have, lack = b, a
			}
			return "", "", errors.New("there is " + have + " but no " + lack + "\nto mend it: for one folder alone give -model test -dataroot " + have)
		}
	}
	return "", "", nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
