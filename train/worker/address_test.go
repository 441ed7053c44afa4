package worker

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

func TestResolve(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:7000": "127.0.0.1:7000",
		"0.0.0.0:1":      "0.0.0.0:1",
		"[::1]:65535":    "[::1]:65535",
		"127.0.0.1:http": "127.0.0.1:80",
	} {
		if got, err := resolve(t.Context(), address); err != nil || got.String() != want {
			t.Errorf("%s: %v, %v; want %s", address, got, err, want)
		}
	}
	for address, want := range map[string]string{
		"":                "is no address to listen on",
		"7000":            "is no address to listen on",
		":7000":           "is no address to listen on",
		"127.0.0.1:":      "is no address to listen on",
		"127.0.0.1:0":     "has no port that others could know",
		"127.0.0.1:70000": "has no port that others could know",
		"no.invalid:7000": "is no address of this machine",
	} {
		if got, err := resolve(t.Context(), address); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want %q", address, got, err, want)
		}
	}
}

// listen is a worker as far as a connection tells.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestCheck(t *testing.T) {
	one, two := listen(t), listen(t)
	both := []string{one.Addr().String(), two.Addr().String()}
	if err := Check(both); err != nil {
		t.Errorf("two that listen: %v", err)
	}
	two.Close()
	var lost *LostError
	if err := Check(both); !errors.As(err, &lost) || len(lost.Lost) != 1 || lost.Lost[0] != both[1] || len(lost.Left) != 1 || lost.Left[0] != both[0] {
		t.Errorf("one of two: %v, %+v", err, lost)
	}
	if !strings.Contains(lost.Error(), "worker "+both[1]+" does not answer: ") || !strings.Contains(lost.Error(), "refused") {
		t.Errorf("%v", lost)
	}
	one.Close()
	if err := Check(both); err == nil || !strings.Contains(err.Error(), "2 workers do not answer") {
		t.Errorf("none of two: %v", err)
	}
}

// Waiting tells once whom it waits for, ends when they are there, when patience
// does, and when it is told to.
func TestWait(t *testing.T) {
	l := listen(t)
	address := []string{l.Addr().String()}
	l.Close()
	said := make(chan string, 10)
	say := func(text string) { said <- text }
	if err := Wait(t.Context(), address, 0, say); err == nil || len(said) != 0 {
		t.Errorf("without patience: %v, said %d", err, len(said))
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-said
		cancel()
	}()
	if err := Wait(ctx, address, time.Hour, say); !errors.Is(err, context.Canceled) {
		t.Errorf("told to end: %v", err)
	}
	go func() {
		<-said
		if l, err := net.Listen("tcp", address[0]); err == nil {
			t.Cleanup(func() { l.Close() })
		}
	}()
	if err := Wait(t.Context(), address, time.Hour, say); err != nil {
		t.Errorf("the worker came: %v", err)
	}
}

func TestWatched(t *testing.T) {
	l := listen(t)
	address := []string{l.Addr().String()}
	failed := errors.New("Unavailable: Socket closed")
	every := 5 * time.Millisecond
	if err := watched(address, func() error { return nil }, every); err != nil {
		t.Errorf("a call that works: %v", err)
	}
	if err := watched(address, func() error { return failed }, every); !errors.Is(err, failed) {
		t.Errorf("an error while all answer: %v", err)
	}
	slow := func() error { time.Sleep(20 * every); return nil }
	if err := watched(address, slow, every); err != nil {
		t.Errorf("a long call while all answer: %v", err)
	}
	l.Close()
	var lost *LostError
	err := watched(address, func() error { return failed }, every)
	if !errors.As(err, &lost) {
		t.Errorf("an error while one does not answer: %v", err)
	}
	forever := make(chan struct{})
	defer close(forever)
	err = watched(address, func() error { <-forever; return nil }, every)
	if !errors.As(err, &lost) || !lost.gone() {
		t.Errorf("a call that hangs: %v", err)
	}
	if err := Within(every, func() error { <-forever; return nil }); !errors.Is(err, ErrTimeout) {
		t.Errorf("a call that hangs: %v", err)
	}
	if err := Within(time.Hour, func() error { return failed }); !errors.Is(err, failed) {
		t.Errorf("a call that fails: %v", err)
	}
}

func TestCluster(t *testing.T) {
	def := Cluster([]string{"a:1", "b:2"})
	if len(def.Job) != 1 || def.Job[0].Name != Job || def.Job[0].Tasks[0] != "a:1" || def.Job[0].Tasks[1] != "b:2" {
		t.Errorf("%v", def)
	}
	if Count(1) != "1 worker" || Count(3) != "3 workers" {
		t.Errorf("%s, %s", Count(1), Count(3))
	}
}
