package serve

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what Prometheus reads at /metrics.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	stages   *prometheus.HistogramVec
	loads    *prometheus.CounterVec
}

func newMetrics(s *Server) *metrics {
	buckets := prometheus.ExponentialBuckets(0.001, 2, 17) // to 65 s
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cyclegan_requests_total", Help: "Requests by route and HTTP status; 499: the client left before the answer.",
		}, []string{"route", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cyclegan_request_seconds", Help: "Time from the header of a request to the end of its answer.", Buckets: buckets,
		}, []string{"route"}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cyclegan_stage_seconds", Help: "Time of images in each stage: queue, decode, model, encode.", Buckets: buckets,
		}, []string{"stage"}),
		loads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cyclegan_model_loads_total", Help: "Generators that were opened, by result: ok or failed.",
		}, []string{"result"}),
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	m.registry.MustRegister(m.requests, m.seconds, m.stages, m.loads,
		gauge("cyclegan_images_in_progress", "Images that have a place.", func() float64 { return float64(s.gate.state().running) }),
		gauge("cyclegan_pixels_in_progress", "Pixels of the images that have a place; small images count as more.", func() float64 { return float64(s.gate.state().pixels) }),
		gauge("cyclegan_queue_length", "Images that wait for a place.", func() float64 { return float64(s.gate.state().waiting) }),
		gauge("cyclegan_buffered_bytes", "Bytes of files that clients are sending or receiving.", func() float64 { return float64(s.buffer.used.Load()) }),
		gauge("cyclegan_models", "Generators that are served.", func() float64 { return float64(len(s.models.networks())) }),
		gauge("cyclegan_models_open", "Generators in memory.", func() float64 { return float64(s.models.count()) }),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	for _, result := range []string{"ok", "failed"} {
		m.loads.WithLabelValues(result) // so that they are there from the start
	}
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *metrics) loaded(err error) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	m.loads.WithLabelValues(result).Inc()
}

func (m *metrics) converted(c *conversion) {
	for _, stage := range stages {
		m.stages.WithLabelValues(stage).Observe(c.stages[stage].Seconds())
	}
}

// An observed is a ResponseWriter that keeps the status and the size of an answer.
type observed struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }

func (o *observed) WriteHeader(status int) {
	if o.status == 0 {
		o.status = status
	}
	o.ResponseWriter.WriteHeader(status)
}

func (o *observed) Write(b []byte) (int, error) {
	if o.status == 0 {
		o.status = http.StatusOK
	}
	n, err := o.ResponseWriter.Write(b)
	o.bytes += int64(n)
	return n, err
}

// observe counts and logs requests, and answers for handlers that panic.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		o := &observed{ResponseWriter: w}
		defer func() {
			if v := recover(); v != nil {
				s.opt.Log.Error("a handler panicked", "path", r.URL.Path, "panic", v, "stack", string(debug.Stack()))
				if o.status != 0 {
					panic(http.ErrAbortHandler) // the answer has begun, so cut it off
				}
				writeProblem(o, r, s.asProblem(nil))
			}
		}()
		defer func() {
			route := "other"
			if _, path, ok := strings.Cut(r.Pattern, " "); ok {
				route = strings.TrimSuffix(path, "{$}")
			}
			took := time.Since(began)
			s.metrics.requests.WithLabelValues(route, strconv.Itoa(o.status)).Inc()
			s.metrics.seconds.WithLabelValues(route).Observe(took.Seconds())
			level := slog.LevelInfo
			if strings.HasPrefix(route, "/v2/health") || route == "/metrics" {
				level = slog.LevelDebug
			}
			s.opt.Log.LogAttrs(context.Background(), level, "request", slog.String("method", r.Method), slog.String("path", r.URL.Path),
				slog.Int("status", o.status), slog.Int64("bytes", o.bytes), slog.Duration("took", took), slog.String("client", r.RemoteAddr))
		}()
		next.ServeHTTP(o, r)
	})
}
