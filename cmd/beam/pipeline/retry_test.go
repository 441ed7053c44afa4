package pipeline

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/memfs"

	"cyclegan/infer/batch"
)

// bundle runs jobs through the DoFn as a worker does, and gives the dead letters.
func bundle(ctx context.Context, f *convertFn, jobs []batch.Job) (letters []Letter, err error) {
	emit := func(l Letter) { letters = append(letters, l) }
	f.StartBundle(ctx, emit)
	for _, j := range jobs {
		if err := f.ProcessElement(ctx, Job(j), emit); err != nil {
			return letters, err
		}
	}
	return letters, f.FinishBundle(ctx, emit)
}

func TestBundleRepeated(t *testing.T) {
	model := invert(t)
	in, out := pictures(t), filepath.Join(t.TempDir(), "out")
	o := Options{Model: model, Inputs: []string{in}, Output: out, DeadLetters: DefaultDeadLetters(out)}
	plan, err := Plan(t.Context(), &o, false)
	if err != nil {
		t.Fatal(err)
	}
	var first map[string][]byte
	for attempt := range 3 {
		letters, err := bundle(t.Context(), &convertFn{Options: o}, plan.Jobs)
		if err != nil || len(letters) < 10 {
			t.Fatalf("attempt %d: %d dead letters, %v", attempt, len(letters), err)
		}
		if attempt == 0 {
			first = readTree(t, out)
			if want, _ := expected(t, model, []string{in}, "", nil); len(first) != len(want) {
				t.Fatalf("%d results, want %d", len(first), len(want))
			}
			continue
		}
		equal(t, readTree(t, out), first)
	}
}

// failing is a file system that breaks off a write now and then.
type failing struct {
	filesystem.Interface
	writes, period int64
}

var errStore = errors.New("the store is away")

func (f *failing) OpenWrite(ctx context.Context, name string) (io.WriteCloser, error) {
	w, err := f.Interface.OpenWrite(ctx, name)
	if err == nil && atomic.AddInt64(&f.writes, 1)%f.period == 0 {
		return brokenOff{w}, nil
	}
	return w, err
}

type brokenOff struct{ io.WriteCloser }

func (b brokenOff) Write(p []byte) (int, error) {
	n, err := b.WriteCloser.Write(p[:len(p)/2])
	return n, errors.Join(err, errStore)
}

// TestBundleFails lets a store fail under a bundle, which then fails as a whole and, repeated, ends
// as if nothing had been.
func TestBundleFails(t *testing.T) {
	model := invert(t)
	systemOf("memfs://x") // opened
	store := &failing{Interface: memfs.New(t.Context()), period: 40}
	systems.open["memfs"] = store
	t.Cleanup(func() { systems.open["memfs"] = store.Interface })

	const root = "memfs://fails/out"
	o := Options{Model: model, Inputs: []string{fixture(t, "pictures")}, Output: root, DeadLetters: "memfs://fails/failed.jsonl"}
	plan, err := Plan(t.Context(), &o, false)
	if err != nil {
		t.Fatal(err)
	}
	f := &convertFn{Options: o}
	if _, err := bundle(t.Context(), f, plan.Jobs); !errors.Is(err, errStore) {
		t.Fatalf("the bundle ends with %v", err)
	}
	want, failures := expected(t, model, o.Inputs, "", nil)
	for name, content := range stored(t, root) {
		if !bytes.Equal(content, want[name]) {
			t.Errorf("%s holds %d bytes of %d while the bundle has failed", name, len(content), len(want[name]))
		}
	}
	store.period = 1 << 40
	letters, err := bundle(t.Context(), f, plan.Jobs)
	if err != nil || len(letters) != len(failures) {
		t.Errorf("repeated: dead letters %v, %v", letters, err)
	}
	equal(t, stored(t, root), want)
}

// stored gives the files of a flat folder of memfs.
func stored(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	system, err := systemOf(folder)
	if err != nil {
		t.Fatal(err)
	}
	found, err := system.List(t.Context(), folder+"/*")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, path := range found {
		if files[strings.TrimPrefix(path, folder+"/")], err = read(t.Context(), path, 1<<30); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestWriteIsAtomic(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "sub", "a.png")
	if err := write(t.Context(), path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	local, err := systemOf(path)
	if err != nil {
		t.Fatal(err)
	}
	systems.open[""] = &failing{Interface: local, period: 1}
	t.Cleanup(func() { systems.open[""] = local })
	if err := write(t.Context(), path, []byte("the new content")); !errors.Is(err, errStore) {
		t.Errorf("a write that is broken off ends with %v", err)
	}
	systems.open[""] = local
	if err := os.MkdirAll(filepath.Join(folder, "taken", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := write(t.Context(), filepath.Join(folder, "taken"), []byte("new")); err == nil {
		t.Error("a file has taken the name of a folder")
	}
	equal(t, readTree(t, folder), map[string][]byte{"sub/a.png": []byte("old")})
}
