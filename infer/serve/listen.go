package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Serve answers on a listener until ctx ends. Then it takes no further connections, and returns
// when all requests are answered, but after at most the time that one may take. A configuration of
// TLS is optional.
func (s *Server) Serve(ctx context.Context, l net.Listener, config *tls.Config) error {
	server := &http.Server{
		Handler:   s,
		TLSConfig: config,
		// Handlers extend these while files arrive and leave.
		ReadTimeout:    s.pace.grace,
		WriteTimeout:   s.opt.Timeout + 2*s.pace.grace,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 32 << 10,
		ErrorLog:       slog.NewLogLogger(s.opt.Log.Handler(), slog.LevelDebug),
	}
	drained := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		s.Drain()
		most, cancel := context.WithTimeout(context.Background(), s.opt.Timeout+s.pace.grace)
		defer cancel()
		err := server.Shutdown(most)
		if err != nil {
			err = errors.Join(errors.New("some requests did not end"), server.Close())
		}
		drained <- err
	})
	var err error
	if config != nil {
		err = server.ServeTLS(l, "", "")
	} else {
		err = server.Serve(l)
	}
	if stop() {
		return err // ctx has not ended: the listener failed
	}
	return <-drained
}
