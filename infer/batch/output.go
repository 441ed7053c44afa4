package batch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// An OutputError reports that the output takes no further files, because the disk is full, the
// quota is used up or the file system is read-only. It ends a run.
type OutputError struct {
	// Reason completes the sentence "stopped because ...".
	Reason string
	// Err is the error from writing one image.
	Err error
}

func (e *OutputError) Error() string { return fmt.Sprintf("stopped because %s: %v", e.Reason, e.Err) }
func (e *OutputError) Unwrap() error { return e.Err }

const (
	diskFull = "the disk is full"
	readOnly = "the output folder has become read-only"
)

// outputReasons are the system errors that every further file would meet too.
var outputReasons = func() map[syscall.Errno]string {
	if runtime.GOOS == "windows" {
		// ERROR_WRITE_PROTECT, ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL
		return map[syscall.Errno]string{19: readOnly, 39: diskFull, 112: diskFull}
	}
	return map[syscall.Errno]string{
		syscall.ENOSPC: diskFull, syscall.EROFS: readOnly, syscall.EDQUOT: "the disk quota is used up",
	}
}()

// AsOutputError returns the *OutputError for an error from writing one image, or nil if the error
// concerns that image only. It is for programs that write the results of [Converter.Convert]
// themselves.
func AsOutputError(err error) *OutputError {
	var number syscall.Errno
	if errors.As(err, &number) {
		if reason, ok := outputReasons[number]; ok {
			return &OutputError{reason, err}
		}
	}
	return nil
}

// openOutput creates the output folder if needed and creates a file in it, so that a folder that
// takes no files is found before any image is computed. Fold reports whether A.png and a.png are
// one file there.
func openOutput(folder string) (fold bool, err error) {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return false, fmt.Errorf("create the output folder: %w", err)
	}
	f, err := os.CreateTemp(folder, ".Probe-*.partial")
	if err != nil {
		return false, fmt.Errorf("write to the output folder: %w", err)
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

// partialFile matches the temporary names that atomicfile and openOutput use.
var partialFile = regexp.MustCompile(`^\.([0-9a-f]{16}|Probe-[0-9]+)\.partial$`)

// partialAge is the age from which such a file is removed. A younger one may belong to another
// process.
const partialAge = time.Hour

// removePartialFiles removes what killed runs have left in the folders of the outputs. It ignores
// errors, because such files do no harm.
func (p *Plan) removePartialFiles() {
	seen := map[string]bool{}
	for _, j := range p.Jobs {
		dir := filepath.Dir(j.Output)
		if seen[dir] {
			continue
		}
		seen[dir] = true
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if !partialFile.MatchString(e.Name()) {
				continue
			}
			if info, err := e.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > partialAge {
				os.Remove(filepath.Join(dir, e.Name()))
			}
		}
	}
}
