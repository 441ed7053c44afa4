package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cyclegan/cmd/internal/clitest"
	"cyclegan/infer/builtin"
	"cyclegan/infer/serve"
)

// A server announces its address and answers, another one on its port says so, and the end of the
// context ends it without an error.
func TestServe(t *testing.T) {
	if clitest.RuntimeMissing(t) != nil {
		t.Skip("needs ONNX Runtime")
	}
	cfg := &config{}
	if err := cfg.parse(flags(cfg), []string{"-listen", "127.0.0.1:0", "-q"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	out, in := io.Pipe()
	result := make(chan error, 1)
	go func() { result <- cfg.serve(ctx, in, io.Discard) }()
	line := make([]byte, 200)
	n, err := out.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	address := regexp.MustCompile(`http://\S+`).FindString(string(line[:n]))
	image, err := os.ReadFile(filepath.Join("..", "..", "testdata", "pictures", "base.png"))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post(address+"/v1/translate?model="+builtin.Name+"&direction=BtoA", "image/png", bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 200 || answer.Header.Get("Model") != "summer2winter-BtoA" {
		t.Errorf("status %d, model %q", answer.StatusCode, answer.Header.Get("Model"))
	}
	second := &config{listen: strings.TrimPrefix(address, "http://")}
	if err := second.serve(ctx, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "in use by another program\nFix:") {
		t.Errorf("a second server on the port: %v", err)
	}
	cancel()
	if err := <-result; err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", strings.TrimPrefix(address, "http://")); err == nil {
		c.Close()
		t.Error("the port is still open")
	}
}

// The address of the page has the name of -listen, and requests may use it.
func TestAddress(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for listen, want := range map[string]string{
		"127.0.0.1:0": "127.0.0.1", "localhost:0": "localhost", "[::1]:0": "[::1]", "images.example.org:0": "images.example.org",
		":0": "localhost", "0.0.0.0:0": "localhost", "[::]:0": "localhost",
	} {
		cfg := &config{}
		if err := cfg.parse(flags(cfg), []string{"-listen", listen, "-no_auth"}); err != nil {
			t.Errorf("%s: %v", listen, err)
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		if got := cfg.address(l); got != "http://"+want+":"+port {
			t.Errorf("%s: %s, want the host %s", listen, got, want)
		}
		if isName := want == "images.example.org"; isName != slices.Contains(cfg.options.Hosts, want) {
			t.Errorf("%s: hosts %q", listen, cfg.options.Hosts)
		}
	}
}

// The models of a folder that is no run, and those that are built in.
func TestSources(t *testing.T) {
	both, err := builtIn().Find()
	if err != nil || len(both) != 2 || both[1].Direction != "BtoA" || both[0].Card == "" {
		t.Errorf("built in: %d generators, %v", len(both), err)
	}
	if isRun(t.TempDir()) {
		t.Error("an empty folder is a run")
	}
	var _ serve.Source = &runSource{}
}
