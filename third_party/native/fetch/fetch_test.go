package fetch

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
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cyclegan/third_party/native"
)

func TestInstall(t *testing.T) {
	cache := isolate(t)
	w, file := madeUp(t)
	calls := withPip(t, file)
	var log bytes.Buffer
	dir, err := install(t.Context(), &log, w)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(cache, "madeup-1.0-some-machine"); dir != want {
		t.Errorf("the library is in %s, want %s", dir, want)
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
		t.Errorf("the cache holds\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if data, err := os.ReadFile(filepath.Join(dir, "lib", "libmade.so")); err != nil || len(data) != 8000 {
		t.Errorf("the link leads to %d bytes (%v)", len(data), err)
	}
	for _, text := range []string{"fetching Made-up 1.0", "unpacking Made-up 1.0", "Made-up 1.0 is in " + dir} {
		if !strings.Contains(log.String(), text) {
			t.Errorf("the log lacks %q:\n%s", text, log.String())
		}
	}

	log.Reset()
	if again, err := install(t.Context(), &log, w); again != dir || err != nil || log.Len() > 0 {
		t.Errorf("second install: %s, %v, log %q", again, err, log.String())
	}
	made, err := os.ReadFile(calls)
	if err != nil || bytes.Count(made, []byte("\n")) != 1 {
		t.Fatalf("pip downloads: %q (%v)", made, err)
	}
	for _, arg := range []string{"--require-hashes", "--no-deps", "--only-binary=:all:", "--platform some_tag", "--python-version 3.11", "--implementation cp", "--abi cp311"} {
		if !strings.Contains(string(made), arg) {
			t.Errorf("pip was run without %s: %s", arg, made)
		}
	}
}

// Goroutines stand for processes: each opens the lock file itself, as a process does.
func TestInstallConcurrently(t *testing.T) {
	isolate(t)
	w, file := madeUp(t)
	calls := withPip(t, file)
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if dir, err := install(t.Context(), io.Discard, w); err != nil || !complete(w) {
				t.Errorf("install: %s, %v", dir, err)
			}
		})
	}
	wg.Wait()
	if made, err := os.ReadFile(calls); err != nil || bytes.Count(made, []byte("\n")) != 1 {
		t.Errorf("pip downloads: %q (%v)", made, err)
	}
}

func TestInstallAfterKilled(t *testing.T) {
	cache := isolate(t)
	w, file := madeUp(t)
	withPip(t, file)
	final, _, err := w.Cached()
	if err != nil {
		t.Fatal(err)
	}
	touch(t, filepath.Join(final+".new-123", "unpacked", "lib", "half"))
	// A folder without the marker, for example an incomplete copy.
	touch(t, filepath.Join(final, "lib", "libmade.so.1"))
	dir, err := install(t.Context(), io.Discard, w)
	if err != nil || !complete(w) {
		t.Fatalf("install: %s, %v", dir, err)
	}
	for _, name := range tree(t, cache) {
		if strings.Contains(name, ".new-") {
			t.Errorf("%s still exists", name)
		}
	}
}

func TestInstallAgainWhenSomethingIsMissing(t *testing.T) {
	isolate(t)
	w, file := madeUp(t)
	withPip(t, file)
	dir, err := install(t.Context(), io.Discard, w)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "lib", "libmade.so.1")); err != nil {
		t.Fatal(err)
	}
	if complete(w) {
		t.Error("a folder without the library is reported as complete")
	}
	if _, err := install(t.Context(), io.Discard, w); err != nil || !complete(w) {
		t.Errorf("install does not restore the library: %v", err)
	}
}

func TestInstallFails(t *testing.T) {
	other := strings.Repeat("0", 64)
	tests := []struct {
		name  string
		env   [2]string
		wheel func(*native.Wheel)
		texts []string
	}{
		{name: "no network", env: [2]string{"TEST_SAYS", "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(" +
			"'<object at 0x7f>: Failed to establish a new connection: [Errno 111] Connection refused')': /simple/made-up/\n" +
			"ERROR: Could not find a version that satisfies the requirement made-up==1.0 (from versions: none)\nERROR: No matching distribution found for made-up==1.0"},
			texts: []string{"cannot reach the package index: [Errno 111] Connection refused", "connect to the network", "python3 -m pip download"}},
		{name: "no name resolution", env: [2]string{"TEST_SAYS", "WARNING: Retrying after connection broken by 'NameResolutionError(\"HTTPSConnection(host='h'): " +
			"Failed to resolve 'h' ([Errno -2] Name or service not known)\")': /simple/made-up/\nERROR: No matching distribution found for made-up==1.0"},
			texts: []string{"[Errno -2] Name or service not known", "connect to the network"}},
		{name: "certificate", env: [2]string{"TEST_SAYS", "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed'))"},
			texts: []string{"certificate", "config set global.cert"}},
		{name: "nothing found", env: [2]string{"TEST_SAYS", "ERROR: Could not find a version that satisfies the requirement made-up==1.0 (from versions: none)"},
			texts: []string{"finds no made-up==1.0 for some_tag", "pip config list"}},
		{name: "other versions", env: [2]string{"TEST_SAYS", "ERROR: Could not find a version that satisfies the requirement made-up==1.0 (from versions: 0.8, 0.9)"},
			texts: []string{"finds no made-up==1.0 for some_tag", "pip config list"}},
		{name: "wrong hash, by pip", env: [2]string{"TEST_SAYS", "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated"},
			texts: []string{"whose hash is not ", "python3 -m pip cache remove made-up"}},
		{name: "full disk, by pip", env: [2]string{"TEST_SAYS", "ERROR: Exception:\nOSError: [Errno 28] No space left on device"},
			texts: []string{"is full; nothing was installed", "free ", native.EnvCache}},
		{name: "anything else", env: [2]string{"TEST_SAYS", "WARNING: so and so\nERROR: the moon is in the wrong place\n"},
			texts: []string{"the moon is in the wrong place", "--platform some_tag", "made-up==1.0"}},
		{name: "no pip", env: [2]string{"TEST_NO_PIP", "1"}, texts: []string{"python3 has no working pip"}},
		{name: "wrong hash", wheel: func(w *native.Wheel) { w.SHA256 = other }, texts: []string{"the hash is ", other, "try again"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cache := isolate(t)
			w, file := madeUp(t)
			withPip(t, file)
			// Hide every other Python.
			t.Setenv("PATH", strings.Split(os.Getenv("PATH"), string(filepath.ListSeparator))[0])
			if test.env[0] != "" {
				t.Setenv(test.env[0], test.env[1])
			}
			if test.wheel != nil {
				test.wheel(&w)
			}
			_, err := install(t.Context(), io.Discard, w)
			wantError(t, err, test.texts...)
			nothingInstalled(t, cache)
		})
	}
}

func TestInstallWithoutPython(t *testing.T) {
	cache := isolate(t)
	w, _ := madeUp(t)
	t.Setenv("PATH", t.TempDir())
	_, err := install(t.Context(), io.Discard, w)
	wantError(t, err, "python3 is not installed")
	nothingInstalled(t, cache)
}

func TestInstallPartMissing(t *testing.T) {
	cache := isolate(t)
	w, file := madeUp(t)
	withPip(t, file)
	w.Parts = append(w.Parts, native.Part{From: "lib/libgone.so", To: "lib/libgone.so"})
	if _, err := install(t.Context(), io.Discard, w); err == nil || !strings.Contains(err.Error(), "lacks libgone.so") {
		t.Errorf("error: %v", err)
	}
	nothingInstalled(t, cache)
}

func TestInstallNoZip(t *testing.T) {
	cache := isolate(t)
	w, _ := madeUp(t)
	page := []byte("<html>log in to this network</html>")
	file := filepath.Join(t.TempDir(), "page.whl")
	if err := os.WriteFile(file, page, 0o644); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(page)
	w.SHA256 = hex.EncodeToString(sum[:])
	withPip(t, file)
	if _, err := install(t.Context(), io.Discard, w); err == nil || !strings.Contains(err.Error(), "page.whl: zip: not a valid zip file") {
		t.Errorf("error: %v", err)
	}
	nothingInstalled(t, cache)
}

// Some systems have a python3 without pip and a python with it.
func TestInstallSecondPython(t *testing.T) {
	isolate(t)
	w, file := madeUp(t)
	withPip(t, file)
	bare := t.TempDir()
	if err := os.WriteFile(filepath.Join(bare, "python3"), []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bare+string(filepath.ListSeparator)+tools(t, "python"))
	if _, err := install(t.Context(), io.Discard, w); err != nil {
		t.Error(err)
	}
}

func TestInstallInterrupted(t *testing.T) {
	cache := isolate(t)
	w, file := madeUp(t)
	withPip(t, file)
	t.Setenv("TEST_SAYS", "nothing")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := install(ctx, io.Discard, w); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error: %v", err)
	}
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("pip was not interrupted: %v", took)
	}
	nothingInstalled(t, cache)
}

func TestCacheNotWritable(t *testing.T) {
	isolate(t)
	w, _ := madeUp(t)
	file := filepath.Join(t.TempDir(), "file")
	touch(t, file)
	t.Setenv(native.EnvCache, filepath.Join(file, "cache"))
	_, err := install(t.Context(), io.Discard, w)
	wantError(t, err, "fetch Made-up 1.0", file, native.EnvCache)
}

func TestExplainFull(t *testing.T) {
	w, _ := madeUp(t)
	full := fmt.Errorf("unpack lib/libmade.so.1: %w", &fs.PathError{Op: "write", Path: "/c/lib/libmade.so.1", Err: syscall.ENOSPC})
	wantError(t, explainFull(w, full, "/c"), "the disk that holds /c is full", "free 0.0 MB")
	other := errors.New("other")
	if err := explainFull(w, other, "/c"); err != other {
		t.Errorf("another error becomes %v", err)
	}
}

// TestDiskFull unpacks onto a disk that is too small, where the system lets users mount one.
func TestDiskFull(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	mount := "mount -t tmpfs -o size=16k none '" + disk + "'"
	if err := exec.Command("unshare", "-rm", "sh", "-c", mount).Run(); err != nil {
		t.Skip("cannot mount a small disk here")
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
	isolate(t)
	t.Setenv(native.EnvCache, filepath.Join(os.Getenv("TEST_SMALL_DISK"), "cache"))
	w, file := madeUp(t)
	withPip(t, file)
	_, err := install(t.Context(), io.Discard, w)
	wantError(t, err, "is full; nothing was installed")
	nothingInstalled(t, os.Getenv(native.EnvCache))
}

// nothingInstalled checks that the cache holds no more than an empty lock file.
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

func TestSet(t *testing.T) {
	cache := isolate(t)
	for _, set := range []string{"", native.CPU, "gpu"} {
		wantError(t, Set(t.Context(), io.Discard, set), "unknown set", "cuda")
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the sets are built for Linux on x86-64")
	}
	isNVIDIA := func(w native.Wheel) bool { return strings.HasPrefix(w.Library, "nvidia-") }
	// NVIDIA's libraries come before what needs them.
	var order []string
	for _, w := range native.OfSet(native.CUDA) {
		order = append(order, w.Library)
		if isNVIDIA(w) {
			pretend(t, w)
		}
	}
	if at := slices.Index(order, native.TensorFlow); at < 11 || len(order) != 13 {
		t.Errorf("order: %q", order)
	}
	_, file := madeUp(t)
	withPip(t, file)
	wantError(t, Set(t.Context(), io.Discard, native.CUDA), "fetch TensorFlow 2.18.1 with cuda", "the hash is ")
	for _, w := range native.OfSet(native.CUDA) {
		if !isNVIDIA(w) {
			pretend(t, w)
		}
	}
	if err := Set(t.Context(), io.Discard, native.CUDA); err != nil {
		t.Error(err)
	}
	want := filepath.Join(cache, "nvidia-12.5-linux-amd64", "cuda_runtime")
	if dir, ok, err := native.OfSet(native.CUDA)[0].Cached(); dir != want || !ok || err != nil {
		t.Errorf("first library: %s, %v, %v; want %s", dir, ok, err, want)
	}
}

// A library that the environment names is used as it is, and a wrong one is not replaced by
// fetching.
func TestNamedLibraries(t *testing.T) {
	isolate(t)
	tf, ort := stubLibraries(t)
	t.Setenv("PATH", "")
	if dir, err := TensorFlow(t.Context(), io.Discard); dir != tf || err != nil {
		t.Errorf("TensorFlow: %s, %v", dir, err)
	}
	if path, err := ONNXRuntime(t.Context(), io.Discard); path != ort || err != nil {
		t.Errorf("ONNX Runtime: %s, %v", path, err)
	}
	t.Setenv(native.EnvFeatures, ort)
	if path, err := Features(t.Context(), io.Discard); path != ort || err != nil {
		t.Errorf("weights: %s, %v", path, err)
	}
	empty := t.TempDir()
	t.Setenv(native.EnvFeatures, empty)
	_, err := Features(t.Context(), io.Discard)
	wantError(t, err, native.EnvFeatures+"="+empty, "no such file")
	t.Setenv(native.EnvTensorFlow, empty)
	_, err = TensorFlow(t.Context(), io.Discard)
	wantError(t, err, native.EnvTensorFlow+"="+empty, "lacks include/tensorflow/c/c_api.h")
	t.Setenv(native.EnvONNXRuntime, empty)
	_, err = ONNXRuntime(t.Context(), io.Discard)
	wantError(t, err, native.EnvONNXRuntime+"="+empty, "lacks libonnxruntime")
}

// A wheel for every Python is requested without the tags of one version.
func TestPipArgs(t *testing.T) {
	args := strings.Join(pipArgs(native.Wheel{Tag: "some_tag", Python: "3"}), " ")
	if !strings.Contains(args, "--python-version 3") || strings.Contains(args, "--abi") || strings.Contains(args, "--implementation") {
		t.Errorf("pip arguments: %s", args)
	}
}

func TestLockWaits(t *testing.T) {
	file := filepath.Join(t.TempDir(), "deep", "file.lock")
	unlock, err := lock(t.Context(), os.Stderr, file, "")
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(1300*time.Millisecond, unlock)
	var log bytes.Buffer
	again, err := lock(t.Context(), &log, file, "waiting for the other")
	if err != nil || log.String() != "waiting for the other\n" {
		t.Errorf("lock: %v, log %q", err, log.String())
	}
	again()
}
