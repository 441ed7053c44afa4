package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"cyclegan/infer/pixels"
)

// start lets a server serve on a free port. Stop ends it and returns what Serve returns.
func start(t *testing.T, s *Server) (address string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- s.Serve(ctx, l, nil) }()
	t.Cleanup(cancel)
	return l.Addr().String(), func() error {
		cancel()
		return <-result
	}
}

// post sends an image and returns the status of the answer.
func post(ctx context.Context, client *http.Client, address string, body io.Reader) (int, error) {
	r, err := http.NewRequestWithContext(ctx, "POST", "http://"+address+"/v1/translate", body)
	if err != nil {
		return 0, err
	}
	answer, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, err
}

// A full queue is refused at once, a client that leaves frees its place, a slow image is given up,
// and after the end of the context the requests under way are answered.
func TestQueue(t *testing.T) {
	f := &fake{hold: make(chan struct{})}
	s := testServer(t, &Options{Queue: 2, Timeout: 10 * time.Second}, f)
	s.gate = newGate(1000, 1, 2)
	address, stop := start(t, s)
	base := picture(t, "base.png")
	results := make(chan int, 10)
	send := func(ctx context.Context) {
		go func() {
			status, err := post(ctx, http.DefaultClient, address, bytes.NewReader(base))
			if err != nil {
				status = -1
			}
			results <- status
		}()
	}
	ctx, leave := context.WithCancel(context.Background())
	for i := range 3 {
		if i == 2 {
			send(ctx)
		} else {
			send(context.Background())
		}
		eventually(t, "images under way", func() bool { g := s.gate.state(); return g.running+g.waiting == i+1 })
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("POST", "/v1/translate", strings.NewReader("not even read")))
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("a full queue: status %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	leave()
	if status := <-results; status != -1 {
		t.Errorf("a client that has left gets status %d", status)
	}
	eventually(t, "its place is free", func() bool { return s.gate.state().waiting == 1 })
	send(context.Background())
	eventually(t, "the place is taken", func() bool { return s.gate.state().waiting == 2 })
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	eventually(t, "not ready", func() bool {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "/v2/health/ready", nil))
		return w.Code == http.StatusServiceUnavailable
	})
	close(f.hold)
	for range 3 {
		if status := <-results; status != 200 {
			t.Errorf("a request under way at the end: status %d", status)
		}
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	checkIdle(t, s)
}

func TestTimeout(t *testing.T) {
	s := testServer(t, &Options{Timeout: 50 * time.Millisecond}, &fake{hold: make(chan struct{})})
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("POST", "/v1/translate", bytes.NewReader(picture(t, "base.png"))))
	if w.Code != http.StatusGatewayTimeout {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	checkIdle(t, s)
}

// A model that fails is the server's fault, whose reason is for the log alone.
func TestModelFails(t *testing.T) {
	s := testServer(t, &Options{}, &fake{err: errors.New("/srv/secret.onnx is broken")})
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("POST", "/v1/translate", bytes.NewReader(picture(t, "base.png"))))
	if w.Code != 500 || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	checkIdle(t, s)
}

// The files under way are bounded together, whatever each of them claims.
func TestBuffer(t *testing.T) {
	s := testServer(t, &Options{Limits: pixels.Limits{MaxBytes: 1000}, Buffer: 1500}, &fake{hold: make(chan struct{})})
	address, stop := start(t, s)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /v1/translate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n%0900d", 0)
	eventually(t, "the file arrives", func() bool { return s.buffer.used.Load() == 900 })
	if status, err := post(t.Context(), http.DefaultClient, address, strings.NewReader(strings.Repeat("x", 700))); status != 429 || err != nil {
		t.Errorf("a file too many: status %d, %v", status, err)
	}
	conn.Close()
	eventually(t, "the bytes are free", func() bool { return s.buffer.used.Load() == 0 })
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// Clients of all kinds leave nothing behind: no goroutine, no place, and no byte. Slow ones are
// disconnected, and hold no place meanwhile.
func TestNothingLeaks(t *testing.T) {
	before := runtime.NumGoroutine()
	s := testServer(t, &Options{Limits: pixels.Limits{MaxBytes: 50_000}, Queue: 8, Poll: -1}, &fake{})
	s.pace.grace = 2 * time.Second
	address, stop := start(t, s)
	base := picture(t, "base.png")
	transport := &http.Transport{DisableKeepAlives: true} // the deadline of the test would end idle ones
	client := &http.Client{Transport: transport}
	slow := func(text string) (string, error) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return "", err
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		io.WriteString(conn, text)
		answer, err := io.ReadAll(conn)
		return string(answer), err
	}
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 0))
			for range 20 {
				want, got := 0, 0
				var err error
				switch random.IntN(6) {
				default:
					want = 200
					got, err = post(t.Context(), client, address, bytes.NewReader(base))
				case 1:
					want = 422
					got, err = post(t.Context(), client, address, bytes.NewReader(base[:random.IntN(20)+30]))
				case 2:
					want = 413
					got, err = post(t.Context(), client, address, io.LimitReader(zeros{}, 60_000))
				case 3:
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(2000))*time.Microsecond)
					post(ctx, client, address, bytes.NewReader(base))
					cancel()
				}
				// An oversized request may be cut off before the client has read the answer.
				if want != 0 && got != want && got != 429 && !(want == 413 && err != nil) {
					t.Errorf("status %d, %v; want %d", got, err, want)
				}
			}
			answer, err := slow("POST /v1/translate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\nslow")
			if err != nil || !strings.HasPrefix(answer, "HTTP/1.1 408") && !strings.HasPrefix(answer, "HTTP/1.1 429") {
				t.Errorf("a slow file: %q, %v", answer, err)
			}
			if answer, err := slow("POST /v1/tr"); err != nil || strings.HasPrefix(answer, "HTTP/1.1 2") {
				t.Errorf("a slow header: %q, %v", answer, err)
			}
		})
	}
	group.Wait()
	transport.CloseIdleConnections()
	if err := stop(); err != nil {
		t.Error(err)
	}
	checkIdle(t, s)
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
}

// A client that closes its side of the connection only does not take the error for an image.
func TestHalfClosed(t *testing.T) {
	s := testServer(t, &Options{}, &fake{hold: make(chan struct{})})
	address, stop := start(t, s)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	base := picture(t, "base.png")
	fmt.Fprintf(conn, "POST /v1/translate HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s", len(base), base)
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.0 499") {
		t.Errorf("%.400s, %v", answer, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// zeros is an endless file.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// A client that does not read its answer holds no place, and is disconnected.
func TestSlowReader(t *testing.T) {
	var file bytes.Buffer
	if err := pixels.Encode(&file, image.NewNRGBA(image.Rect(0, 0, 1500, 1500)), pixels.SaveOptions{Format: "jpg"}); err != nil {
		t.Fatal(err)
	}
	s := testServer(t, &Options{}, &fake{})
	s.pace = pace{2 * time.Second, 1 << 30}
	s.gate = newGate(1<<30, 1, 0)
	address, stop := start(t, s)
	big, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer big.Close()
	big.(*net.TCPConn).SetReadBuffer(4096)
	fmt.Fprintf(big, "POST /v1/translate?format=bmp HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", file.Len())
	if _, err := big.Write(file.Bytes()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the answer is being written", func() bool {
		return s.buffer.used.Load() > 0 && s.gate.state().running == 0
	})
	if status, err := post(t.Context(), http.DefaultClient, address, bytes.NewReader(picture(t, "base.png"))); status != 200 || err != nil {
		t.Errorf("while another client reads slowly: status %d, %v", status, err)
	}
	eventually(t, "the slow reader is disconnected", func() bool { return s.buffer.used.Load() == 0 })
	http.DefaultClient.CloseIdleConnections()
	if err := stop(); err != nil {
		t.Error(err)
	}
}
