package serve

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// image passes an image through a gate, which computes a million pixels per second, and returns how
// long it waited.
func (g *gate) image(t *testing.T, pixels int64) time.Duration {
	began := time.Now()
	leave, err := g.enter(context.Background(), pixels)
	if err != nil {
		t.Error(err)
		return 0
	}
	waited := time.Since(began)
	time.Sleep(time.Duration(pixels) * time.Microsecond)
	leave()
	return waited
}

// Small images do not wait for large ones that wait, and a stream of small ones does not keep a
// large one waiting.
func TestGateFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const small, large = 65_536, 20_000_000
		g := newGate(26_000_000, 4, 1000)
		var mu sync.Mutex
		worst := map[int64]time.Duration{}
		var group sync.WaitGroup
		send := func(pixels int64) {
			group.Go(func() {
				waited := g.image(t, pixels)
				mu.Lock()
				defer mu.Unlock()
				worst[pixels] = max(worst[pixels], waited)
			})
		}
		for range 3 { // more than there is room for
			send(large)
		}
		for range 600 { // a minute
			time.Sleep(100 * time.Millisecond)
			send(small)
		}
		group.Wait()
		// One of the large ones takes 20 s. The third one waits for two others, and for its turn.
		if worst[small] > time.Second || worst[large] > 45*time.Second {
			t.Errorf("a small image waited %v, a large one %v", worst[small], worst[large])
		}
		if g.state() != (gateState{}) {
			t.Errorf("the gate holds %+v", g.state())
		}
	})
}

func TestGateFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(400, 4, 2)
		hold, err := g.enter(context.Background(), 1e9) // everything but one place
		if err != nil {
			t.Fatal(err)
		}
		last, err := g.enter(context.Background(), 1)
		if err != nil {
			t.Fatal(err)
		}
		gone, leave := context.WithCancelCause(context.Background())
		results := make(chan error, 2)
		for range 2 {
			go func() {
				release, err := g.enter(gone, 1)
				if err == nil {
					release()
				}
				results <- err
			}()
		}
		synctest.Wait()
		if g.state().waiting != 2 || !g.full() {
			t.Errorf("the gate holds %+v", g.state())
		}
		if _, err := g.enter(context.Background(), 1); !errors.Is(err, errFull) {
			t.Errorf("a third one: %v", err)
		}
		if s := g.retryAfter(); s < 1 || s > 60 {
			t.Errorf("retry after %d s", s)
		}
		cause := errors.New("left")
		leave(cause)
		for range 2 {
			if err := <-results; !errors.Is(err, cause) {
				t.Errorf("one that left: %v", err)
			}
		}
		hold()
		last()
		if g.full() || g.state() != (gateState{}) {
			t.Errorf("the gate holds %+v", g.state())
		}
		if leave, err := g.enter(context.Background(), 1); err != nil {
			t.Error(err)
		} else {
			leave()
		}
	})
}

// Whatever comes, goes, and gives up, the capacity is never exceeded, and free in the end.
func TestGateInvariants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		g := newGate(1000, 5, 20)
		var group sync.WaitGroup
		for range 2000 {
			pixels, stay, patience := random.Int64N(2000), time.Duration(random.IntN(100)), time.Duration(random.IntN(300))
			group.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), patience*time.Millisecond)
				defer cancel()
				leave, err := g.enter(ctx, pixels)
				if s := g.state(); s.pixels > g.capacity || s.running > 5 || s.waiting > 20 {
					t.Errorf("the gate holds %+v", s)
				}
				if err != nil {
					return
				}
				time.Sleep(stay * time.Millisecond)
				leave()
			})
			time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
		}
		group.Wait()
		if g.state() != (gateState{}) {
			t.Errorf("the gate holds %+v", g.state())
		}
	})
}
