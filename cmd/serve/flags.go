package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"cyclegan/cmd/internal/cli"
	"cyclegan/cmd/internal/modelcli"
	"cyclegan/infer/builtin"
	"cyclegan/infer/serve"
	"cyclegan/infer/session"
)

type config struct {
	options serve.Options
	listen  string
	tls     *tls.Config

	models          []string
	tokenFile       string
	noAuth          bool
	tlsCert, tlsKey string
	memory, maxMega float64
	quiet           bool
}

// envToken is the environment variable that may hold the token.
const envToken = "CYCLEGAN_TOKEN"

func flags(c *config) *cli.Flags {
	f := cli.NewFlags("serve", fmt.Sprintf(`Serve models over HTTP: a page to try them in a browser, and an API.

Usage:
  %[1]s [options]
  %[1]s -model PATH [options]

Without -model, it serves the built-in model, which turns summer to winter and winter to summer.
ONNX Runtime is downloaded when it is first needed. SIGTERM and Ctrl-C end the server after it has
answered the requests under way.

Exit status: 0 done, 1 failed, 2 wrong usage.`, cli.Program("serve")))
	f.Group("Models")
	add := func(s string) error {
		if s == "" {
			return errors.New("the path is empty")
		}
		c.models = append(c.models, s)
		return nil
	}
	f.Func("model", "serve the generator in the ONNX file, those in the folder and its subfolders, or those of the training run at `PATH`; may be repeated. Files may come, change, and go while the server runs (default: the built-in model)", add)
	f.Func("run", "serve the generators of the training run in `DIR`, such as checkpoints/NAME, as -model does", add)
	o := &c.options
	f.StringVar(&o.Infer.Provider, "provider", session.CPU, "run on the ONNX Runtime provider `NAME`: "+strings.Join(session.Providers(), ", "))
	f.IntVar(&o.Infer.Threads, "threads", 0, "compute an image with `N` threads (default: one per processor)")
	f.IntVar(&o.MaxOpen, "max_open", 4, "keep `N` unused generators in memory")
	f.Group("Access")
	f.StringVar(&c.listen, "listen", "127.0.0.1:8080", "listen on `ADDRESS`. An address that other machines reach needs -token, -token_file or -no_auth")
	f.StringVar(&o.Token, "token", "", "require the `TOKEN` of at least 16 characters from clients, as a bearer token or as the password that a browser asks for (default: "+envToken+" from the environment)")
	f.StringVar(&c.tokenFile, "token_file", "", "read the token from `FILE`, where other users of this machine do not see it")
	f.BoolVar(&c.noAuth, "no_auth", false, "let everyone who reaches the address use the server")
	f.StringVar(&c.tlsCert, "tls_cert", "", "serve HTTPS with the certificate in the PEM `FILE`")
	f.StringVar(&c.tlsKey, "tls_key", "", "the private key of -tls_cert, in the PEM `FILE`")
	f.Func("host", "accept requests for the host `NAME` besides localhost; for a proxy on this machine; may be repeated", func(s string) error {
		o.Hosts = append(o.Hosts, s)
		return nil
	})
	f.Func("allow_origin", "let web pages of the `ORIGIN`, such as https://example.org, use the API; may be repeated", func(s string) error {
		o.Origins = append(o.Origins, s)
		return nil
	})
	f.Group("Limits")
	f.Float64Var(&c.memory, "memory", 2048, "use at most `MB` megabytes for images under way, in addition to the models")
	f.Float64Var(&c.maxMega, "max_megapixels", 0, "reject images of more than `N` million pixels (default: what fits into three quarters of -memory)")
	f.Int64Var(&o.Limits.MaxBytes, "max_input_bytes", 64<<20, "reject files of more than `N` bytes")
	f.IntVar(&o.Queue, "queue", 64, "let `N` images wait, and refuse further ones")
	f.DurationVar(&o.Timeout, "timeout", time.Minute, "give up on an image after the `TIME` from its arrival")
	f.Group("Output")
	f.BoolVar(&c.quiet, "q", false, "log errors only, not every request")
	return f
}

// parse parses a command line. Its error lists every mistake.
func (c *config) parse(f *cli.Flags, args []string) error {
	if err := f.Parse(args); err != nil {
		return err
	}
	var bad []error
	if len(f.Args()) > 0 {
		bad = append(bad, fmt.Errorf("unexpected argument %q", f.Arg(0)))
	}
	o := &c.options
	bad = append(bad, c.readToken(f), c.readTLS(), c.checkListen())
	if c.memory <= 0 || c.maxMega < 0 || o.Limits.MaxBytes <= 0 || o.Timeout <= 0 || o.MaxOpen < 0 {
		bad = append(bad, errors.New("-memory, -max_input_bytes and -timeout must be above 0, -max_megapixels and -max_open at least 0"))
	}
	if o.Queue <= 0 {
		o.Queue = -1
	}
	o.Infer.Concurrency = 2 // from the first image on, as for long folders in cmd/infer
	o.Memory = int64(c.memory * 1e6)
	o.Limits.MaxPixels = int(c.maxMega * 1e6)
	level := slog.LevelInfo
	if c.quiet {
		level = slog.LevelError
	}
	o.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	for _, path := range c.models {
		source, err := c.source(path)
		o.Sources = append(o.Sources, source)
		bad = append(bad, err)
	}
	if len(c.models) == 0 {
		o.Sources = []serve.Source{builtIn()}
	}
	bad = append(bad, o.Validate())
	if err := errors.Join(bad...); err != nil {
		return cli.Usage(err)
	}
	for _, path := range c.models {
		if _, err := os.Stat(path); err != nil {
			return modelcli.Check(path)
		}
	}
	return nil
}

// source returns the source of a file, a folder, or a run.
func (c *config) source(path string) (serve.Source, error) {
	if isRun(path) {
		return newRunSource(path, c.options.Log)
	}
	return serve.Path(path), nil
}

// builtIn returns the source of the built-in model.
func builtIn() serve.Source {
	var both []serve.Generator
	for _, direction := range []string{"AtoB", "BtoA"} {
		data, err := builtin.Model(direction)
		if err != nil {
			panic(err) // there are these two
		}
		both = append(both, serve.Generator{Model: builtin.Name, Direction: direction, Data: data, Card: builtin.Card()})
	}
	return serve.Fixed(both...)
}

func (c *config) readToken(f *cli.Flags) error {
	switch {
	case c.options.Token != "" && c.tokenFile != "":
		return errors.New("-token and -token_file exclude each other")
	case c.tokenFile != "":
		text, err := os.ReadFile(c.tokenFile)
		if err != nil {
			return fmt.Errorf("-token_file: %w", err)
		}
		if c.options.Token = strings.TrimSpace(string(text)); c.options.Token == "" {
			return fmt.Errorf("-token_file: %q is empty", c.tokenFile)
		}
	case c.options.Token == "" && f.Explicit()["token"]:
		return errors.New("-token is empty")
	case c.options.Token == "" && !c.noAuth:
		c.options.Token = os.Getenv(envToken)
	}
	if c.noAuth && c.options.Token != "" {
		return errors.New("-no_auth and a token exclude each other")
	}
	return nil
}

func (c *config) readTLS() error {
	if c.tlsCert == "" && c.tlsKey == "" {
		return nil
	}
	if c.tlsCert == "" || c.tlsKey == "" {
		return errors.New("-tls_cert and -tls_key need each other")
	}
	pair, err := tls.LoadX509KeyPair(c.tlsCert, c.tlsKey)
	if err != nil {
		return fmt.Errorf("-tls_cert, -tls_key: %w", err)
	}
	c.tls = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	return nil
}

// checkListen reports an address that other machines reach without a token.
func (c *config) checkListen() error {
	host, _, err := net.SplitHostPort(c.listen)
	if err != nil {
		return fmt.Errorf("-listen %q is not an address such as 127.0.0.1:8080", c.listen)
	}
	ip, err := netip.ParseAddr(host)
	if host == "localhost" || err == nil && ip.IsLoopback() {
		return nil
	}
	if host != "" && err != nil {
		c.options.Hosts = append(c.options.Hosts, host)
	}
	if c.options.Token == "" && !c.noAuth {
		return fmt.Errorf("-listen %s lets other machines use the server without a token\nFix: add -token_file FILE, or -no_auth if everyone may", c.listen)
	}
	return nil
}

// address returns the address of the page.
func (c *config) address(l net.Listener) string {
	scheme := "http"
	if c.tls != nil {
		scheme = "https"
	}
	host, _, _ := net.SplitHostPort(c.listen) // a name stays, because a certificate may be for it
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return fmt.Sprintf("%s://%s", scheme, net.JoinHostPort(host, fmt.Sprint(l.Addr().(*net.TCPAddr).Port)))
}
