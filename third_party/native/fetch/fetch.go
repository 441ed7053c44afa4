// Package fetch installs the native libraries that are missing and starts programs with them.
//
// [TensorFlow], [ONNXRuntime] and [Features] return a library or file that [native] finds, or else
// download it from the Python package registry with pip and install it into the user's cache.
// [Start] turns a launcher into the real program, built with TensorFlow; [Environ] and [Run] do the
// same for any command.
//
// The package runs other programs, so only commands import it. It is pure Go and builds before
// anything is fetched.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"cyclegan/third_party/native"
)

// TensorFlow is [native.FindTensorFlow], but fetches the library if it is not found. Progress goes
// to log.
func TensorFlow(ctx context.Context, log io.Writer) (dir string, err error) {
	return ensure(ctx, log, native.TensorFlow, native.FindTensorFlow)
}

// ONNXRuntime is [native.FindONNXRuntime], but fetches the library if it is not found. Progress
// goes to log.
func ONNXRuntime(ctx context.Context, log io.Writer) (path string, err error) {
	return ensure(ctx, log, native.ONNXRuntime, native.FindONNXRuntime)
}

// Features is [native.FindFeatures], but fetches the weights if they are not found. Progress goes
// to log.
func Features(ctx context.Context, log io.Writer) (path string, err error) {
	return ensure(ctx, log, native.Features, native.FindFeatures)
}

func ensure(ctx context.Context, log io.Writer, library string, find func() (string, error)) (string, error) {
	path, err := find()
	if !errors.Is(err, native.ErrNotFound) {
		return path, err
	}
	set, err := native.ActiveSet()
	if err != nil {
		return "", err
	}
	w, err := native.Pick(library, set)
	if err != nil {
		return "", err
	}
	for _, w := range append(w.Needs(), w) {
		if _, err := install(ctx, log, w); err != nil {
			return "", err
		}
	}
	return find()
}

// Set fetches the libraries that a set, [native.CUDA] or [native.OpenVINO], adds and that are
// missing. Progress goes to log. The error is [native.ErrNoBuild] if the set has no builds for this
// platform.
func Set(ctx context.Context, log io.Writer, set string) error {
	if set != native.CUDA && set != native.OpenVINO {
		return fmt.Errorf("%q: unknown set of libraries\nFix: use %s or %s", set, native.CUDA, native.OpenVINO)
	}
	wheels := native.OfSet(set)
	if len(wheels) == 0 {
		_, err := native.Pick(native.ONNXRuntime, set)
		return err
	}
	for _, w := range wheels {
		if _, err := install(ctx, log, w); err != nil {
			return err
		}
	}
	return nil
}

// errFull replaces the errors of a full disk until install reports which disk it is.
var errFull = errors.New("no space left on device")

// install puts a library into the cache, unless it is there, and returns its folder.
//
// The library is unpacked in a temporary folder, which is renamed when it is complete, so that the
// final folder is never incomplete. A lock makes a second process wait, which then finds the
// library. Each fetch removes what a killed one left.
func install(ctx context.Context, log io.Writer, w native.Wheel) (dir string, err error) {
	dir, ok, err := w.Cached()
	if err != nil || ok {
		return dir, err
	}
	if err := suits(w); err != nil {
		return "", err
	}
	unlock, err := lock(ctx, log, dir+".lock", "waiting for another process that is fetching "+w.String())
	if err != nil {
		return "", explainFull(w, fmt.Errorf("fetch %s: %w", w, err), filepath.Dir(dir))
	}
	defer unlock()
	if _, ok, _ := w.Cached(); ok {
		return dir, nil
	}
	entries, err := os.ReadDir(filepath.Dir(dir))
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), filepath.Base(dir)+".new-") {
			continue
		}
		if err := os.RemoveAll(filepath.Join(filepath.Dir(dir), e.Name())); err != nil {
			return "", fmt.Errorf("remove what an earlier fetch left: %w", err)
		}
	}
	if err := installLocked(ctx, log, w, dir); err != nil {
		return "", explainFull(w, err, filepath.Dir(dir))
	}
	fmt.Fprintf(log, "%s is in %s\n", w, dir)
	return dir, nil
}

func installLocked(ctx context.Context, log io.Writer, w native.Wheel, dir string) error {
	work, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".new-")
	if err != nil {
		return notWritable(fmt.Errorf("fetch %s: %w", w, err))
	}
	defer os.RemoveAll(work)

	downloaded, unpacked := filepath.Join(work, "downloaded"), filepath.Join(work, "unpacked")
	for _, d := range []string{downloaded, unpacked} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return err
		}
	}
	wheel, err := download(ctx, log, w, downloaded)
	if err != nil {
		return err
	}
	if err := verify(w, wheel); err != nil {
		return fmt.Errorf("fetch %s: %w", w, err)
	}
	if err := unpack(ctx, log, w, wheel, unpacked); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(unpacked, native.Marker), []byte(w.SHA256+"\n"), 0o644); err != nil {
		return err
	}
	// The folder may exist without the marker or from another wheel.
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(unpacked, dir)
}

// explainFull replaces the various errors of a full disk by one message.
func explainFull(w native.Wheel, err error, disk string) error {
	if !errors.Is(err, errFull) && !diskFull(err) {
		return err
	}
	// The wheel, its unpacked files and some reserve.
	return fmt.Errorf("fetch %s: the disk that holds %s is full; nothing was installed\n"+
		"Fix: free %s on it, or set %s to a folder on another disk", w, disk, megabytes(5*w.Bytes), native.EnvCache)
}

// suits reports why a wheel cannot run on this machine although platform and architecture match.
func suits(w native.Wheel) error {
	if w.GOOS != "linux" {
		return nil
	}
	musl, _ := filepath.Glob("/lib/ld-musl-*")
	glibc, _ := filepath.Glob("/lib*/ld-linux-*")
	if len(musl) > 0 && len(glibc) == 0 {
		return fmt.Errorf("%s is built for glibc, and this Linux uses musl\n"+
			"Fix: use a distribution with glibc, for example a Debian container", w)
	}
	return nil
}

// lock waits until no other process has locked path and returns the function that unlocks it. It
// writes busy to log after a second. The file remains: removing it would let two processes lock two
// files of the same name.
func lock(ctx context.Context, log io.Writer, path, busy string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, notWritable(err)
	}
	// Opening the file first distinguishes a read-only folder from a file system without locks.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, notWritable(err)
	}
	f.Close()
	file := flock.New(path)
	reported := false
	for start := time.Now(); ; {
		taken, err := file.TryLock()
		switch {
		case err != nil:
			return nil, fmt.Errorf("lock %s: %w\nFix: set %s to a folder on a local disk", path, err, native.EnvCache)
		case taken:
			return func() { file.Close() }, nil
		}
		if !reported && time.Since(start) > time.Second {
			reported = true
			fmt.Fprintln(log, busy)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// notWritable adds a fix to the error of a cache that cannot be written. explainFull handles a full
// disk.
func notWritable(err error) error {
	if diskFull(err) {
		return err
	}
	return fmt.Errorf("%w\nFix: make the folder writable, or set %s to a writable one", err, native.EnvCache)
}
