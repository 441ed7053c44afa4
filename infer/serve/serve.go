// Package serve offers models over HTTP: an API, a page for people, and metrics. Its central type
// is [Server], an http.Handler:
//
//	server, err := serve.New(&serve.Options{Sources: []serve.Source{serve.Path("models")}})
//	if err != nil {
//		return err
//	}
//	defer server.Close()
//	mux.Handle("/", server)
//
// Under a prefix, [http.StripPrefix] wraps it. A program that serves nothing else calls
// [Server.Serve], which also sets the time limits of connections and lets requests finish when its
// context ends. openapi.yaml describes the API.
package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"cyclegan/infer"
	"cyclegan/infer/pixels"
)

// Options configure a Server. The zero value of a field stands for its default.
type Options struct {
	// Sources find the models. Required.
	Sources []Source
	// Poll is the time between two looks at the sources. Default 1 s; negative: they are read once.
	Poll time.Duration
	// MaxOpen is the number of generators that stay in memory while nobody uses them. Default 4.
	MaxOpen int
	// Infer configures how models run.
	Infer infer.Options

	// Token is what clients must send, as "Authorization: Bearer TOKEN" or as the password of basic
	// authentication. At least 16 bytes. Default: none is needed.
	Token string
	// Hosts are the host names by which clients may address a server that needs no token, besides
	// localhost. They are checked on connections from this machine, because a page in a browser can
	// point its own host name to the server (DNS rebinding).
	Hosts []string
	// Origins are the origins of web pages, such as "https://example.org", that may use the API.
	// Default: only the server's own page may.
	Origins []string

	// Limits bound the images. Defaults: 64 MiB, and three quarters of what fits into Memory.
	Limits pixels.Limits
	// Memory bounds in bytes what images take while they are decoded, translated, and encoded, in
	// addition to the models. Default 2 GiB.
	Memory int64
	// Buffer bounds in bytes the files that clients are sending and receiving, all together.
	// Default 256 MiB, or twice Limits.MaxBytes if that is more.
	Buffer int64
	// Queue is the number of images that may wait. Default 64; negative: none.
	Queue int
	// Timeout is the time from the arrival of an image until its result. Default 1 minute.
	Timeout time.Duration

	// Log gets a record of every request, and of models that come and go. Default: none.
	Log *slog.Logger
}

const (
	// bytesPerPixel is the memory for an image on its way, without the model.
	bytesPerPixel = 40
	leastToken    = 16
	leastMemory   = 64 << 20
)

// Validate reports every invalid option with its value.
func (o *Options) Validate() error {
	var bad []error
	report := func(format string, args ...any) { bad = append(bad, fmt.Errorf(format, args...)) }
	if o == nil || len(o.Sources) == 0 {
		report("no source of models")
	}
	if o == nil {
		return errors.Join(bad...)
	}
	if slices.Contains(o.Sources, nil) {
		report("a source of models is nil")
	}
	if o.MaxOpen < 0 {
		report("the number of open models %d is negative", o.MaxOpen)
	}
	bad = append(bad, o.Infer.Validate())
	if o.Token != "" && len(o.Token) < leastToken {
		report("the token has %d bytes, fewer than %d", len(o.Token), leastToken)
	}
	for _, host := range o.Hosts {
		if _, err := netip.ParseAddr(host); host == "" || strings.ContainsAny(host, ":/[]") && err != nil {
			report("host %q is not a name without scheme and port, such as images.example.org", host)
		}
	}
	for _, origin := range o.Origins {
		if u, err := url.Parse(origin); err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != origin {
			report("origin %q is not a scheme and a host, such as https://example.org", origin)
		}
	}
	if o.Limits.MaxPixels < 0 || o.Limits.MaxBytes < 0 {
		report("the limit of %d pixels or %d bytes is negative", o.Limits.MaxPixels, o.Limits.MaxBytes)
	}
	if o.Memory != 0 && o.Memory < leastMemory {
		report("memory %d is below %d bytes", o.Memory, int64(leastMemory))
	}
	if o.Buffer < 0 || o.Timeout < 0 {
		report("the buffer of %d bytes or the timeout %v is negative", o.Buffer, o.Timeout)
	}
	d := o.withDefaults()
	if most := d.Memory / bytesPerPixel; int64(d.Limits.MaxPixels) > most {
		report("images of %d pixels do not fit into %d bytes of memory, but %d pixels do", d.Limits.MaxPixels, d.Memory, most)
	}
	if d.Limits.MaxBytes > d.Buffer {
		report("files of %d bytes do not fit into a buffer of %d bytes", d.Limits.MaxBytes, d.Buffer)
	}
	return errors.Join(bad...)
}

// withDefaults returns the options with zero fields replaced by their defaults.
func (o Options) withDefaults() Options {
	o.Poll = cmp.Or(o.Poll, time.Second)
	o.MaxOpen = cmp.Or(o.MaxOpen, 4)
	o.Memory = cmp.Or(o.Memory, 2<<30)
	o.Queue = max(cmp.Or(o.Queue, 64), 0)
	o.Timeout = cmp.Or(o.Timeout, time.Minute)
	o.Limits.MaxBytes = cmp.Or(o.Limits.MaxBytes, 64<<20)
	o.Buffer = cmp.Or(o.Buffer, max(256<<20, 2*o.Limits.MaxBytes))
	o.Limits.MaxPixels = cmp.Or(o.Limits.MaxPixels, int(o.Memory/bytesPerPixel*3/4))
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// A Server is the handler of the page and the API. It is safe for concurrent use.
type Server struct {
	opt      Options // with defaults
	handler  http.Handler
	models   *catalog
	gate     *gate
	buffer   *budget
	metrics  *metrics
	tensors  *semaphore.Weighted // held by a run of tensors
	pace     pace
	draining atomic.Bool
	stop     context.CancelFunc
	watching sync.WaitGroup
}

// New reads the sources and returns a Server, which the caller closes. If ONNX Runtime is missing,
// the error is a *session.NotFoundError.
func New(opt *Options) (*Server, error) { return newServer(opt, openGenerator) }

func newServer(opt *Options, open opener) (*Server, error) {
	if err := opt.Validate(); err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	o := opt.withDefaults()
	s := &Server{opt: o, pace: defaultPace, buffer: &budget{most: o.Buffer}, tensors: semaphore.NewWeighted(1)}
	// Half of the places compute while the other half is pre- or post-processed.
	s.gate = newGate(o.Memory/bytesPerPixel, 2*max(2, runtime.GOMAXPROCS(0)), o.Queue)
	s.metrics = newMetrics(s)
	s.models = newCatalog(&o, open, s.metrics)
	s.handler = s.newHandler()
	if err := s.models.refresh(); err != nil {
		return nil, errors.Join(fmt.Errorf("serve: %w", err), s.models.close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	if o.Poll > 0 {
		s.watching.Go(func() { s.models.watch(ctx, o.Poll) })
	}
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Close frees the models. Requests under way finish; later ones fail. It may be called more than
// once.
func (s *Server) Close() error {
	s.draining.Store(true)
	s.stop()
	s.watching.Wait()
	return s.models.close()
}

// Drain tells load balancers, by /v2/health/ready, to send no further requests.
func (s *Server) Drain() { s.draining.Store(true) }

// routes returns the handlers by address. openapi.yaml describes each.
func (s *Server) routes() map[string]http.HandlerFunc {
	routes := map[string]http.HandlerFunc{
		"GET /{$}":                      s.page,
		"GET /openapi.yaml":             serveFile("application/yaml", openAPI),
		"GET /metrics":                  s.metrics.handler().ServeHTTP,
		"GET /v1/models":                s.list,
		"GET /v1/models/{model}/report": s.report,
		"POST /v1/translate":            s.translate,
		"POST /v1/preview":              s.preview,
		"GET /v2":                       s.v2Server,
		"GET /v2/health/live":           s.v2Live,
		"GET /v2/health/ready":          s.v2ServerReady,
	}
	for _, model := range []string{"/v2/models/{model}", "/v2/models/{model}/versions/{version}"} {
		routes["GET "+model] = s.v2Model(s.v2Metadata)
		routes["GET "+model+"/ready"] = s.v2Model(s.v2Ready)
		routes["POST "+model+"/infer"] = s.v2Model(s.v2Infer)
	}
	return routes
}

// newHandler returns the handler of all addresses.
func (s *Server) newHandler() http.Handler {
	mux := http.NewServeMux()
	for pattern, handle := range s.routes() {
		mux.HandleFunc(pattern, handle)
	}
	return s.observe(s.protect(withProblems(mux)))
}

func serveFile(contentType, content string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		io.WriteString(w, content)
	}
}
