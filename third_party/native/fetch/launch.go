package fetch

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"cyclegan/third_party/native"
)

// Run replaces this process by a command, with the settings of env added to its environment. On
// Unix it returns only if the command cannot start; on Windows it returns the command's exit
// status.
func Run(args, env []string) (status int, err error) {
	if len(args) == 0 {
		return 0, errors.New("no command to run")
	}
	env = overlay(os.Environ(), env)
	path, err := exec.LookPath(args[0])
	if err != nil {
		return 0, fmt.Errorf("run %s: %w", args[0], err)
	}
	return become(path, args, env)
}

// overlay adds settings to an environment, replacing those of the same name.
func overlay(env, settings []string) []string {
	replaced := map[string]bool{}
	for _, s := range settings {
		name, _, _ := strings.Cut(s, "=")
		replaced[name] = true
	}
	out := make([]string, 0, len(env)+len(settings))
	for _, e := range env {
		if name, _, _ := strings.Cut(e, "="); !replaced[name] {
			out = append(out, e)
		}
	}
	return append(out, settings...)
}

// Start replaces this process by the program of the package at pkg, such as "./cmd/train", built
// with TensorFlow. It does not return.
//
// A program that needs TensorFlow calls it when built without [Tag], so that a plain "go run"
// works: Start fetches missing libraries, makes the go command build what has changed, and becomes
// the result, with the same arguments, working folder and standard files. On Unix the process ID
// stays the same, so signals and the exit status just work.
func Start(pkg string) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status, err := start(ctx, pkg)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case interrupted:
		fmt.Fprintf(os.Stderr, "%s: interrupted before the start\n", path.Base(pkg))
		os.Exit(130)
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v\n", path.Base(pkg), err)
		os.Exit(1)
	}
	os.Exit(status)
}

func start(ctx context.Context, pkg string) (status int, err error) {
	root, err := checkout(pkg)
	if err != nil {
		return 0, err
	}
	return startIn(ctx, root, pkg)
}

// startIn is start for the checkout at root.
func startIn(ctx context.Context, root, pkg string) (status int, err error) {
	toBuild, toRun, err := environ(ctx, os.Stderr)
	if err != nil {
		return 0, err
	}
	cache, err := native.CacheDir()
	if err != nil {
		return 0, err
	}
	p := newProgram(cache, root, pkg)
	// Held until this process has become the program, so that no other build replaces the file
	// meanwhile.
	unlock, err := lock(ctx, os.Stderr, p.path+".lock", "waiting for another process that is building "+pkg)
	if err != nil {
		return 0, p.failed(err)
	}
	defer unlock()
	if err := p.build(ctx, overlay(os.Environ(), append(toBuild, toRun...))); err != nil {
		return 0, err
	}
	return become(p.path, os.Args, overlay(os.Environ(), toRun))
}

// module is this project's module path, which identifies its checkout.
const module = "cyclegan"

// checkout returns the source checkout that this program was built from.
func checkout(pkg string) (root string, err error) {
	// With -trimpath this is not a file path.
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		root := file
		for range 4 { // launch.go, fetch, native, third_party
			root = filepath.Dir(root)
		}
		if isCheckout(root, pkg) {
			return root, nil
		}
	}
	return "", fmt.Errorf("this is only the launcher of %s, which builds the program from its source checkout, "+
		"and there is no checkout here\nFix: build the program in the checkout: go run ./third_party go build -o %[1]s %s", path.Base(pkg), pkg)
}

// isCheckout reports whether root is this module's root and contains the package.
func isCheckout(root, pkg string) bool {
	f, err := os.Open(filepath.Join(root, "go.mod"))
	if err != nil {
		return false
	}
	defer f.Close()
	if info, err := os.Stat(filepath.Join(root, filepath.FromSlash(pkg))); err != nil || !info.IsDir() {
		return false
	}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), "module "); ok {
			return strings.Trim(strings.TrimSpace(name), `"`) == module
		}
	}
	return false
}

// program is one program of one checkout and its executable in the cache.
type program struct {
	root, pkg string
	path      string // the executable
	mark      string // a file that exists while the executable is complete
}

// newProgram gives each checkout its own executable, so that two checkouts do not replace each
// other's.
func newProgram(cache, root, pkg string) program {
	sum := sha256.Sum256([]byte(root))
	file := filepath.Join(cache, "bin", path.Base(pkg)+"-"+hex.EncodeToString(sum[:6]))
	p := program{root: root, pkg: pkg, path: file, mark: file + ".complete"}
	if runtime.GOOS == "windows" {
		p.path += ".exe"
	}
	return p
}

// build updates the executable. If it is up to date, the go command takes a quarter of a second to
// find out.
func (p program) build(ctx context.Context, env []string) error {
	if err := p.open(); err != nil {
		return p.failed(err)
	}
	late := time.AfterFunc(1500*time.Millisecond, func() {
		fmt.Fprintf(os.Stderr, "building %s with TensorFlow; the first time takes a minute or two\n", p.pkg)
	})
	defer late.Stop()
	cmd := exec.CommandContext(ctx, "go", "build", "-o", p.path, p.pkg)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.root, env, os.Stderr, os.Stderr
	cmd.Cancel = func() error { return interrupt(cmd.Process) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		return p.failed(err)
	}
	if err := os.WriteFile(p.mark, nil, 0o644); err != nil {
		return p.failed(err)
	}
	return nil
}

// open removes what a killed build left: the go command recognizes an executable that is up to date
// by its first bytes and would accept an incomplete one.
func (p program) open() error {
	err := os.Remove(p.mark)
	if errors.Is(err, fs.ErrNotExist) {
		err = os.Remove(p.path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (p program) failed(err error) error {
	fix := ""
	if diskFull(err) {
		fix = fmt.Sprintf("\nFix: free space, or set %s to a folder on another disk", native.EnvCache)
	}
	return fmt.Errorf("build %s in %s: %w%s", p.pkg, p.root, err, fix)
}
