package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWrite(t *testing.T) {
	for name, f := range map[string]func(string, func(io.Writer) error) error{"Write": Write, "WriteDurable": WriteDurable} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, strings.Repeat("n", 250))
			put := func(text string, fail error) error {
				return f(path, func(w io.Writer) error {
					if _, err := io.WriteString(w, text); err != nil {
						return err
					}
					if found, err := filepath.Glob(filepath.Join(dir, Pattern)); err != nil || len(found) != 1 {
						t.Errorf("while writing, Pattern finds %v, %v", found, err)
					}
					return fail
				})
			}
			if err := put("old", nil); err != nil {
				t.Fatal(err)
			}
			full := errors.New("disk full")
			if err := put("half", full); !errors.Is(err, full) {
				t.Errorf("error %v, want %v", err, full)
			}
			if data, err := os.ReadFile(path); err != nil || string(data) != "old" {
				t.Errorf("after a failure the file holds %q, %v", data, err)
			}
			if err := put("new", nil); err != nil {
				t.Fatal(err)
			}
			if data, err := os.ReadFile(path); err != nil || string(data) != "new" {
				t.Errorf("the file holds %q, %v", data, err)
			}
			if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
				t.Errorf("%v are left, %v", files, err)
			}
			if err := f(filepath.Join(dir, "none", "x"), func(io.Writer) error { return nil }); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("no such folder: %v", err)
			}
		})
	}
}
