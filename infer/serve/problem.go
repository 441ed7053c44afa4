package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// A problem is an error that the client may see: problem details of RFC 9457. Other errors are
// logged, and the client sees that the server has failed.
type problem struct {
	Title      string `json:"title"`
	Status     int    `json:"status"`
	Detail     string `json:"detail"`
	V2         string `json:"error,omitempty"` // the detail, for clients of /v2
	retryAfter int    // seconds
}

func (p *problem) Error() string { return p.Detail }

// problemf returns a problem with a status and a detail, which must not name files of the server.
func problemf(status int, format string, args ...any) *problem {
	return &problem{Title: http.StatusText(status), Status: status, Detail: fmt.Sprintf(format, args...)}
}

// statusClientGone is nginx's status for clients that leave before the answer. Logs and metrics have
// it, and a client that has closed its side of the connection only.
const statusClientGone = 499

var (
	errTimeout = errors.New("the image took too long")
	errBuffer  = errors.New("the buffer of files is full")
)

// asProblem returns what the client may see of an error.
func (s *Server) asProblem(err error) *problem {
	var p *problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, errFull), errors.Is(err, errBuffer):
		p = problemf(http.StatusTooManyRequests, "the server is busy: %v; try again later", err)
		p.retryAfter = s.gate.retryAfter()
	case errors.Is(err, errTimeout):
		p = problemf(http.StatusGatewayTimeout, "the image was not done within %v", s.opt.Timeout)
	case errors.Is(err, errGone):
		p = problemf(http.StatusServiceUnavailable, "%v", err)
	case errors.Is(err, context.Canceled):
		p = problemf(statusClientGone, "the client closed the connection before the answer")
		p.Title = "Client Closed Request"
	default:
		p = problemf(http.StatusInternalServerError, "the server failed; its log has the reason")
	}
	return p
}

// fail answers with an error.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := s.asProblem(err)
	if p.Status == http.StatusInternalServerError {
		s.opt.Log.Error("request failed", "path", r.URL.Path, "error", err)
	}
	writeProblem(w, r, p)
}

func writeProblem(w http.ResponseWriter, r *http.Request, p *problem) {
	if strings.HasPrefix(r.URL.Path, "/v2") {
		p.V2 = p.Detail
	}
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and numbers
	}
	h := w.Header()
	for _, name := range []string{"Content-Encoding", "Content-Disposition", "Server-Timing"} {
		h.Del(name)
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	w.WriteHeader(p.Status)
	w.Write(body)
}

// withProblems replaces the plain text with which mux answers for unknown addresses and methods.
func withProblems(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		answer := &discarded{header: w.Header()}
		handler.ServeHTTP(answer, r)
		detail := fmt.Sprintf("no page %s here", r.URL.Path)
		if answer.status == http.StatusMethodNotAllowed {
			detail = fmt.Sprintf("%s %s is not possible, only %s", r.Method, r.URL.Path, w.Header().Get("Allow"))
		}
		writeProblem(w, r, problemf(answer.status, "%s", detail))
	})
}

// discarded is a ResponseWriter that keeps the header and the status.
type discarded struct {
	header http.Header
	status int
}

func (d *discarded) Header() http.Header         { return d.header }
func (d *discarded) WriteHeader(status int)      { d.status = status }
func (d *discarded) Write(b []byte) (int, error) { return len(b), nil }
