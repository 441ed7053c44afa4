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
		"":                "invalid address",
		"7000":            "invalid address",
		":7000":           "invalid address",
		"127.0.0.1:":      "invalid address",
		"127.0.0.1:0":     "invalid port",
		"127.0.0.1:70000": "invalid port",
		"no.invalid:7000": "resolve \"no.invalid:7000\"",
	} {
		if got, err := resolve(t.Context(), address); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want %q", address, got, err, want)
		}
	}
}

// listen stands in for a worker that accepts connections.
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
		t.Errorf("both reachable: %v", err)
	}
	two.Close()
	var e *UnreachableError
	if err := Check(both); !errors.As(err, &e) || len(e.Unreachable) != 1 || e.Unreachable[0] != both[1] || len(e.Reachable) != 1 || e.Reachable[0] != both[0] {
		t.Errorf("one of two reachable: %v, %+v", err, e)
	}
	if !strings.Contains(e.Error(), "worker "+both[1]+" does not answer: ") || !strings.Contains(e.Error(), "refused") {
		t.Errorf("%v", e)
	}
	one.Close()
	if err := Check(both); err == nil || !strings.Contains(err.Error(), "workers "+both[0]+", "+both[1]+" do not answer") {
		t.Errorf("none reachable: %v", err)
	}
}

// Wait reports once what it waits for. It ends when the workers answer, after the timeout, and with
// its context.
func TestWait(t *testing.T) {
	l := listen(t)
	address := []string{l.Addr().String()}
	l.Close()
	lines := make(chan string, 10)
	say := func(text string) { lines <- text }
	if err := Wait(t.Context(), address, 0, say); err == nil || len(lines) != 0 {
		t.Errorf("without a timeout: %v, reports: %d", err, len(lines))
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-lines
		cancel()
	}()
	if err := Wait(ctx, address, time.Hour, say); !errors.Is(err, context.Canceled) {
		t.Errorf("context canceled: %v", err)
	}
	go func() {
		<-lines
		if l, err := net.Listen("tcp", address[0]); err == nil {
			t.Cleanup(func() { l.Close() })
		}
	}()
	if err := Wait(t.Context(), address, time.Hour, say); err != nil {
		t.Errorf("worker started meanwhile: %v", err)
	}
}

func TestWatched(t *testing.T) {
	l := listen(t)
	address := []string{l.Addr().String()}
	failed := errors.New("Unavailable: Socket closed")
	every := 5 * time.Millisecond
	if err := watched(address, func() error { return nil }, every); err != nil {
		t.Errorf("successful call: %v", err)
	}
	if err := watched(address, func() error { return failed }, every); !errors.Is(err, failed) {
		t.Errorf("failing call, all reachable: %v", err)
	}
	slow := func() error { time.Sleep(20 * every); return nil }
	if err := watched(address, slow, every); err != nil {
		t.Errorf("long call, all reachable: %v", err)
	}
	l.Close()
	var e *UnreachableError
	err := watched(address, func() error { return failed }, every)
	if !errors.As(err, &e) {
		t.Errorf("failing call, one unreachable: %v", err)
	}
	forever := make(chan struct{})
	defer close(forever)
	err = watched(address, func() error { <-forever; return nil }, every)
	if !errors.As(err, &e) || !e.refused() {
		t.Errorf("hanging call, one unreachable: %v", err)
	}
	if err := Within(every, func() error { <-forever; return nil }); !errors.Is(err, ErrTimeout) {
		t.Errorf("hanging call with a limit: %v", err)
	}
	if err := Within(time.Hour, func() error { return failed }); !errors.Is(err, failed) {
		t.Errorf("failing call with a limit: %v", err)
	}
}

func TestCluster(t *testing.T) {
	def := Cluster([]string{"a:1", "b:2"})
	if len(def.Job) != 1 || def.Job[0].Name != Job || def.Job[0].Tasks[0] != "a:1" || def.Job[0].Tasks[1] != "b:2" {
		t.Errorf("%v", def)
	}
}
