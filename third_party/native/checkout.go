package native

import (
	"bufio"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// module is this project's module path, by which its checkout is known.
const module = "cyclegan"

// checkout finds the source checkout that this program was built from, else the one around the working folder.
func checkout(pkg string) (root string, err error) {
	// with -trimpath this is no path of a file
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		if root := filepath.Dir(filepath.Dir(filepath.Dir(file))); isCheckout(root, pkg) {
			return root, nil
		}
	}
	if dir, err := os.Getwd(); err == nil {
		if root, ok := checkoutAround(dir, pkg); ok {
			return root, nil
		}
	}
	name := path.Base(pkg)
	return "", withMend(fmt.Errorf("this is only the start of %s, which builds the real one from the source checkout, and the checkout is not here", name),
		"build a finished %s in the checkout, and use that: go run ./third_party go build -o %[1]s %s", name, pkg)
}

// checkoutAround is the nearest checkout from dir upwards.
func checkoutAround(dir, pkg string) (root string, ok bool) {
	for {
		if isCheckout(dir, pkg) {
			return dir, true
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", false
		}
		dir = up
	}
}

// isCheckout says whether root is this module's root and holds the package.
func isCheckout(root, pkg string) bool {
	f, err := os.Open(filepath.Join(root, "go.mod"))
	if err != nil {
		return false
	}
	defer f.Close()
	if !isDir(filepath.Join(root, filepath.FromSlash(pkg))) {
		return false
	}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), "module "); ok {
			return strings.Trim(strings.TrimSpace(name), `"`) == module
		}
	}
	return false
}
