package batch

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"cyclegan/infer/pixels/atomicfile"
)

// openTarget makes the output folder where there is none and tries to write there, so that a folder that takes nothing is known before
// a picture is computed. Fold says whether it takes A.png for a.png.
func openTarget(folder string) (fold bool, err error) {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return false, fmt.Errorf("output folder: %w", err)
	}
	f, err := os.CreateTemp(folder, ".Probe-*.partial")
	if err != nil {
		return false, fmt.Errorf("output folder %q takes no files: %w", folder, reason(err))
	}
	defer os.Remove(f.Name())
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, fmt.Errorf("output folder: %w", err)
	}
	lower, err := os.Stat(filepath.Join(folder, strings.ToLower(filepath.Base(f.Name()))))
	return err == nil && os.SameFile(info, lower), nil
}

// leftover is the name of a file that was being written when its process was killed.
var leftover = regexp.MustCompile(`^\.([0-9a-f]{16}|Probe-[0-9]+)\.partial$`)

// leftoverAge is how long nobody must have written to such a file. Another process may be at work in the same folder.
const leftoverAge = time.Hour

// sweep removes what killed runs left in the folders that are written to. What cannot be removed does no harm.
func (p *Plan) sweep() {
	swept := map[string]bool{}
	for _, j := range p.Pictures {
		dir := filepath.Dir(j.Output)
		if swept[dir] {
			continue
		}
		swept[dir] = true
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if ok, err := filepath.Match(atomicfile.Pattern, e.Name()); err != nil || !ok || !leftover.MatchString(e.Name()) {
				continue
			}
			if info, err := e.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > leftoverAge {
				os.Remove(filepath.Join(dir, e.Name()))
			}
		}
	}
}
