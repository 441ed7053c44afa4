package native

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestInstall(t *testing.T) {
	cache := alone(t)
	w, file := madeUp(t)
	calls := withPip(t, file)
	var log bytes.Buffer
	dir, err := w.install(t.Context(), &log)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(cache, "madeup-1.0-some-machine"); dir != want {
		t.Errorf("the library is in %s, and should be in %s", dir, want)
	}
	got, want := tree(t, cache), []string{
		"madeup-1.0-some-machine.lock",
		"madeup-1.0-some-machine/LICENSE",
		"madeup-1.0-some-machine/complete",
		"madeup-1.0-some-machine/include/c/api.h",
		"madeup-1.0-some-machine/include/c/deep/more.h",
		"madeup-1.0-some-machine/lib/libmade.so",
		"madeup-1.0-some-machine/lib/libmade.so.1",
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the cache holds\n%s\nand should hold\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if data, err := os.ReadFile(filepath.Join(dir, "lib", "libmade.so")); err != nil || len(data) != 8000 {
		t.Errorf("the library's second name leads to %d bytes (%v)", len(data), err)
	}
	for _, words := range []string{"fetching Made-up 1.0", "unpacking Made-up 1.0", "Made-up 1.0 is in " + dir} {
		if !strings.Contains(log.String(), words) {
			t.Errorf("a person is not told %q:\n%s", words, log.String())
		}
	}

	log.Reset()
	if again, err := w.install(t.Context(), &log); again != dir || err != nil || log.Len() > 0 {
		t.Errorf("with the library there, install gives %s, %v, and says %q", again, err, log.String())
	}
	made, err := os.ReadFile(calls)
	if err != nil || bytes.Count(made, []byte("\n")) != 1 {
		t.Fatalf("pip was run %q (%v)", made, err)
	}
	for _, arg := range []string{"--require-hashes", "--no-deps", "--only-binary=:all:", "--platform some_tag", "--python-version 3.11", "--implementation cp", "--abi cp311"} {
		if !strings.Contains(string(made), arg) {
			t.Errorf("pip was run without %s: %s", arg, made)
		}
	}
}

// Processes are played by goroutines: each opens the lock's file by itself, as a process does.
func TestInstallSideBySide(t *testing.T) {
	alone(t)
	w, file := madeUp(t)
	calls := withPip(t, file)
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if dir, err := w.install(t.Context(), io.Discard); err != nil || !w.whole(dir) {
				t.Errorf("install: %s, %v", dir, err)
			}
		})
	}
	wg.Wait()
	if made, err := os.ReadFile(calls); err != nil || bytes.Count(made, []byte("\n")) != 1 {
		t.Errorf("pip was run %q (%v)", made, err)
	}
}

func TestInstallAfterKilled(t *testing.T) {
	cache := alone(t)
	w, file := madeUp(t)
	withPip(t, file)
	touch(t, filepath.Join(cache, w.folder()+".new-123", "unpacked", "lib", "half"))
	// a folder without the marker, as if somebody had copied half of it here
	touch(t, filepath.Join(cache, w.folder(), "lib", "libmade.so.1"))
	dir, err := w.install(t.Context(), io.Discard)
	if err != nil || !w.whole(dir) {
		t.Fatalf("install: %s, %v", dir, err)
	}
	for _, name := range tree(t, cache) {
		if strings.Contains(name, ".new-") {
			t.Errorf("%s is still there", name)
		}
	}
}

func TestInstallAgainWhenSomethingIsMissing(t *testing.T) {
	alone(t)
	w, file := madeUp(t)
	withPip(t, file)
	dir, err := w.install(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "lib", "libmade.so.1")); err != nil {
		t.Fatal(err)
	}
	if w.whole(dir) {
		t.Error("a folder without the library passes for whole")
	}
	if _, err := w.install(t.Context(), io.Discard); err != nil || !w.whole(dir) {
		t.Errorf("install does not bring the library back: %v", err)
	}
}

func TestInstallFails(t *testing.T) {
	other := strings.Repeat("0", 64)
	tests := []struct {
		name  string
		env   [2]string
		wheel func(*Wheel)
		words []string
	}{
		{name: "no network", env: [2]string{"TEST_SAYS", "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(" +
			"'<object at 0x7f>: Failed to establish a new connection: [Errno 111] Connection refused')': /simple/made-up/\n" +
			"ERROR: Could not find a version that satisfies the requirement made-up==1.0 (from versions: none)\nERROR: No matching distribution found for made-up==1.0"},
			words: []string{"does not reach the package index: [Errno 111] Connection refused", "connect to the network", "python3 -m pip download"}},
		{name: "no name resolution", env: [2]string{"TEST_SAYS", "WARNING: Retrying after connection broken by 'NameResolutionError(\"HTTPSConnection(host='h'): " +
			"Failed to resolve 'h' ([Errno -2] Name or service not known)\")': /simple/made-up/\nERROR: No matching distribution found for made-up==1.0"},
			words: []string{"[Errno -2] Name or service not known", "connect to the network"}},
		{name: "certificate", env: [2]string{"TEST_SAYS", "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed'))"},
			words: []string{"certificate", "config set global.cert"}},
		{name: "nothing found", env: [2]string{"TEST_SAYS", "ERROR: Could not find a version that satisfies the requirement made-up==1.0 (from versions: none)"},
			words: []string{"finds no version of made-up", "pip config list"}},
		{name: "other versions", env: [2]string{"TEST_SAYS", "ERROR: Could not find a version that satisfies the requirement made-up==1.0 (from versions: 0.8, 0.9)"},
			words: []string{"has no made-up==1.0 for some_tag", "pip config list"}},
		{name: "wrong hash, by pip", env: [2]string{"TEST_SAYS", "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated"},
			words: []string{"another hash", "python3 -m pip cache remove made-up"}},
		{name: "full disk, by pip", env: [2]string{"TEST_SAYS", "ERROR: Exception:\nOSError: [Errno 28] No space left on device"},
			words: []string{"is full; nothing was installed", "make ", EnvCache}},
		{name: "anything else", env: [2]string{"TEST_SAYS", "WARNING: so and so\nERROR: the moon is in the wrong place\n"},
			words: []string{"the moon is in the wrong place", "--platform some_tag", "made-up==1.0"}},
		{name: "no pip", env: [2]string{"TEST_NO_PIP", "1"}, words: []string{"python3 has no working pip"}},
		{name: "wrong hash", wheel: func(w *Wheel) { w.SHA256 = other }, words: []string{"the hash is ", other, "try again"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cache := alone(t)
			w, file := madeUp(t)
			withPip(t, file)
			// no other Python may help out
			t.Setenv("PATH", strings.Split(os.Getenv("PATH"), string(filepath.ListSeparator))[0])
			if test.env[0] != "" {
				t.Setenv(test.env[0], test.env[1])
			}
			if test.wheel != nil {
				test.wheel(&w)
			}
			_, err := w.install(t.Context(), io.Discard)
			wantError(t, err, test.words...)
			nothingInstalled(t, cache)
		})
	}
}

func TestInstallWithoutPython(t *testing.T) {
	cache := alone(t)
	w, _ := madeUp(t)
	t.Setenv("PATH", t.TempDir())
	_, err := w.install(t.Context(), io.Discard)
	wantError(t, err, "python3 is not installed")
	nothingInstalled(t, cache)
}

func TestInstallPartMissing(t *testing.T) {
	cache := alone(t)
	w, file := madeUp(t)
	withPip(t, file)
	w.parts = append(w.parts, part{"lib/libgone.so", "lib/libgone.so"})
	if _, err := w.install(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "lacks libgone.so") {
		t.Errorf("error: %v", err)
	}
	nothingInstalled(t, cache)
}

func TestInstallNoZip(t *testing.T) {
	cache := alone(t)
	w, _ := madeUp(t)
	page := []byte("<html>log in to this network</html>")
	file := filepath.Join(t.TempDir(), "page.whl")
	if err := os.WriteFile(file, page, 0o644); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(page)
	w.SHA256 = hex.EncodeToString(sum[:])
	withPip(t, file)
	if _, err := w.install(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "page.whl: zip: not a valid zip file") {
		t.Errorf("error: %v", err)
	}
	nothingInstalled(t, cache)
}

// Some systems have a bare python3 and a python with pip.
func TestInstallSecondPython(t *testing.T) {
	alone(t)
	w, file := madeUp(t)
	withPip(t, file)
	bare := t.TempDir()
	if err := os.WriteFile(filepath.Join(bare, "python3"), []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bare+string(filepath.ListSeparator)+tools(t, "python"))
	if _, err := w.install(t.Context(), io.Discard); err != nil {
		t.Error(err)
	}
}

func TestInstallInterrupted(t *testing.T) {
	cache := alone(t)
	w, file := madeUp(t)
	withPip(t, file)
	t.Setenv("TEST_SAYS", "nothing, for long")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := w.install(ctx, io.Discard); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error: %v", err)
	}
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("pip was not told to end: %v", took)
	}
	nothingInstalled(t, cache)
}

func TestCacheNotWritable(t *testing.T) {
	alone(t)
	w, _ := madeUp(t)
	file := filepath.Join(t.TempDir(), "file")
	touch(t, file)
	t.Setenv(EnvCache, filepath.Join(file, "cache"))
	_, err := w.install(t.Context(), io.Discard)
	wantError(t, err, "fetch Made-up 1.0", file, EnvCache)
}

func TestExplainFull(t *testing.T) {
	w, _ := madeUp(t)
	full := fmt.Errorf("unpack lib/libmade.so.1: %w", &fs.PathError{Op: "write", Path: "/c/lib/libmade.so.1", Err: syscall.ENOSPC})
	wantError(t, w.explainFull(full, "/c"), "the disk of /c is full", "make 0.0 MB of room")
	other := errors.New("other")
	if err := w.explainFull(other, "/c"); err != other {
		t.Errorf("another error becomes %v", err)
	}
}

// TestDiskFull unpacks onto a disk that is too small, where the system lets a person mount one.
func TestDiskFull(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	mount := "mount -t tmpfs -o size=16k none '" + disk + "'"
	if err := exec.Command("unshare", "-rm", "sh", "-c", mount).Run(); err != nil {
		t.Skip("no small disk can be mounted here")
	}
	if os.Getenv("TEST_SMALL_DISK") == "" {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("unshare", "-rm", "sh", "-c", mount+" && exec '"+self+"' -test.run=^TestDiskFull$ -test.v")
		cmd.Env = append(os.Environ(), "TEST_SMALL_DISK="+disk)
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestDiskFull") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	alone(t)
	t.Setenv(EnvCache, filepath.Join(os.Getenv("TEST_SMALL_DISK"), "cache"))
	w, file := madeUp(t)
	withPip(t, file)
	_, err := w.install(t.Context(), io.Discard)
	wantError(t, err, "is full; nothing was installed")
	nothingInstalled(t, os.Getenv(EnvCache))
}

// nothingInstalled checks that at most a lock's empty file is in the cache.
func nothingInstalled(t *testing.T, cache string) {
	t.Helper()
	for _, name := range tree(t, cache) {
		if !strings.HasSuffix(name, ".lock") {
			t.Errorf("%s is in the cache", name)
		}
	}
	entries, err := os.ReadDir(cache)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			t.Errorf("the folder %s is in the cache", e.Name())
		}
	}
}
