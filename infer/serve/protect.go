package serve

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// protect lets only those requests through that the options allow, and adds the headers that tell
// browsers what an answer must not do.
func (s *Server) protect(next http.Handler) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	for _, origin := range s.opt.Origins {
		if err := crossOrigin.AddTrustedOrigin(origin); err != nil {
			panic(err) // Validate has checked it
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if name := hostName(r); !s.hostAllowed(r, name) {
			writeProblem(w, r, problemf(http.StatusMisdirectedRequest, "this server has no name %q\nFix: use localhost, or start the server with -host %s", name, name))
			return
		}
		if s.allowOrigin(w, r) {
			return
		}
		if err := crossOrigin.Check(r); err != nil {
			writeProblem(w, r, problemf(http.StatusForbidden, "pages of other origins may not use this server"))
			return
		}
		if !isPublic(r.URL.Path) && !s.authorized(r) {
			h.Add("WWW-Authenticate", `Basic realm="cyclegan: the password is the token", charset="UTF-8"`)
			h.Add("WWW-Authenticate", `Bearer realm="cyclegan"`)
			writeProblem(w, r, problemf(http.StatusUnauthorized, "the token is missing or wrong"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isPublic reports whether an address needs no token: what load balancers ask, and the page, which
// asks its user for the token.
func isPublic(path string) bool {
	return path == "/" || path == "/v2/health/live" || path == "/v2/health/ready"
}

// authorized reports whether a request has the token. Hashes are compared, so that the time tells
// neither the content nor the length.
func (s *Server) authorized(r *http.Request) bool {
	if s.opt.Token == "" {
		return true
	}
	_, token, ok := r.BasicAuth()
	if !ok {
		scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return false
		}
		token = strings.TrimSpace(value)
	}
	got, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(s.opt.Token))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

// hostName returns the host that a request names, without its port.
func hostName(r *http.Request) string {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.Trim(host, "[]")
}

// hostAllowed reports whether a request that comes from this machine names a host of the server. A
// page of another site can make a browser send requests here, under a name that it has pointed to
// this machine.
func (s *Server) hostAllowed(r *http.Request, host string) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok || s.opt.Token != "" {
		return true
	}
	if at, err := netip.ParseAddrPort(local.String()); err != nil || !at.Addr().Unmap().IsLoopback() {
		return true
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Unmap().IsLoopback() {
		return true
	}
	return host == "" || strings.EqualFold(host, "localhost") || // only programs, of HTTP/1.0, name none
		slices.ContainsFunc(s.opt.Hosts, func(h string) bool { return strings.EqualFold(h, host) })
}

// allowOrigin tells a browser which pages of other origins may use the API. It reports whether that
// was all that the browser asked.
func (s *Server) allowOrigin(w http.ResponseWriter, r *http.Request) (answered bool) {
	origin := r.Header.Get("Origin")
	if len(s.opt.Origins) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	if !slices.Contains(s.opt.Origins, origin) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "Model, Note, Retry-After, Server-Timing, Inference-Header-Content-Length")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Inference-Header-Content-Length")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
