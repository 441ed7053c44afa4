package dataset

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// The batches of a run do not depend on the number of threads, and a resumed run gets the same
// batches as an uninterrupted one.
func TestPrefetchThreadsAndResume(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 5, 20, 20, "trainA", "trainB")
	o := small(root)
	o.NumThreads = 0
	whole := run(t, open(t, o), 0, 30)
	for _, threads := range []int{0, 1, 2, 7} {
		o.NumThreads = threads
		d := open(t, o)
		sameRuns(t, "threads", run(t, d, 0, 30), whole)
		for _, step := range []int{1, 3, 11, 29} {
			sameRuns(t, "resumed", run(t, open(t, o), step, 30-step), whole[step:])
		}
		sameRuns(t, "the same dataset again", run(t, d, 7, 23), whole[7:])
	}
}

func TestPrefetchEqualsBatch(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 5, 20, 20, "trainA", "trainB")
	d := open(t, small(root))
	for step, want := range run(t, d, 0, 8) {
		b, err := d.Batch(d.At(step))
		if err != nil {
			t.Fatal(err)
		}
		if content(b) != want {
			t.Errorf("step %d: Batch and Prefetch differ", step)
		}
	}
}

func TestPrefetchStops(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 5, 20, 20, "trainA", "trainB")
	for _, threads := range []int{0, 3} {
		o := small(root)
		o.NumThreads = threads
		d := open(t, o)
		before := runtime.NumGoroutine()
		ctx, cancel := context.WithCancel(context.Background())
		p := d.Prefetch(ctx, 0)
		if _, err := p.Next(); err != nil {
			t.Fatal(err)
		}
		cancel()
		for range 2 {
			if _, err := p.Next(); !errors.Is(err, context.Canceled) {
				t.Errorf("after cancel: %v", err)
			}
		}
		p.Close()
		p.Close()
		q := d.Prefetch(context.Background(), 3)
		q.Close()
		if _, err := q.Next(); err == nil {
			t.Error("Next after Close returns a batch")
		}
		for range 100 {
			if runtime.NumGoroutine() <= before {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if n := runtime.NumGoroutine(); n > before {
			t.Errorf("%d goroutines before, %d after Close", before, n)
		}
	}
}

// An error takes the place of its batch, and all later calls return it.
func TestPrefetchError(t *testing.T) {
	root := t.TempDir()
	whole := pngBytes(t, picture(3, 20, 20))
	for _, f := range []string{"trainA/a.png", "trainB/c.png"} {
		write(t, filepath.Join(root, f), whole[:len(whole)/2])
	}
	p := open(t, small(root)).Prefetch(context.Background(), 0)
	defer p.Close()
	_, first := p.Next()
	_, second := p.Next()
	if !errors.Is(first, errNothingReadable) || first != second {
		t.Errorf("%v, then %v", first, second)
	}
}
