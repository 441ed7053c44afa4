package native

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// program is one program of one checkout, and its built form in the cache.
type program struct {
	root, pkg string
	path      string
	// from is a file beside the built form that names the checkout. It is there while the built form is whole.
	from string
}

// newProgram gives each checkout a place of its own, so that two do not replace each other's programs.
func newProgram(cache, root, pkg string) program {
	sum := sha256.Sum256([]byte(root))
	file := filepath.Join(cache, "bin", path.Base(pkg)+"-"+hex.EncodeToString(sum[:6]))
	p := program{root: root, pkg: pkg, path: file, from: file + ".from"}
	if runtime.GOOS == "windows" {
		p.path += ".exe"
	}
	return p
}

// build brings the built form up to date. The go command decides whether there is anything to do;
// where there is not, it takes a quarter of a second.
func (p program) build(ctx context.Context, env []string) error {
	if err := p.open(); err != nil {
		return p.failed(err)
	}
	goCommand, err := goPath()
	if err != nil {
		return err
	}
	late := time.AfterFunc(1500*time.Millisecond, func() {
		fmt.Fprintf(os.Stderr, "building %s with TensorFlow; the first time takes a minute or two\n", p.pkg)
	})
	defer late.Stop()
	cmd := exec.CommandContext(ctx, goCommand, "build", "-o", p.path, p.pkg)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.root, env, os.Stderr, os.Stderr
	cmd.Cancel = func() error { return interrupt(cmd.Process) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		return p.failed(err)
	}
	if err := os.WriteFile(p.from, []byte(p.root+"\n"), 0o644); err != nil {
		return p.failed(err)
	}
	return nil
}

// open prepares the place: what a killed build left there goes, since the go command tells
// by a program's first bytes whether it is up to date, and so takes a half-written one for whole.
func (p program) open() error {
	err := os.Remove(p.from)
	if errors.Is(err, fs.ErrNotExist) {
		sweep(filepath.Dir(p.path))
		err = os.Remove(p.path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (p program) failed(err error) error {
	err = fmt.Errorf("build %s in %s: %w", p.pkg, p.root, err)
	if diskFull(err) {
		return withMend(err, "make room, or set %s to a folder on another disk", EnvCache)
	}
	return err
}

// sweep removes the programs whose checkouts are gone. What cannot be removed now is left for another time.
func sweep(bin string) {
	all, _ := filepath.Glob(escape(bin) + "/*.from")
	for _, from := range all {
		root, err := os.ReadFile(from)
		if err != nil {
			continue
		}
		if _, err := os.Stat(strings.TrimSpace(string(root))); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		file := strings.TrimSuffix(from, ".from")
		if runtime.GOOS == "windows" {
			file += ".exe"
		}
		if err := os.Remove(file); err == nil || errors.Is(err, fs.ErrNotExist) {
			os.Remove(from)
		}
	}
}
