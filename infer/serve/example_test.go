package serve_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"cyclegan/infer/builtin"
	"cyclegan/infer/serve"
)

// A program serves the built-in model under /images/, next to a page of its own.
func Example() {
	var both []serve.Generator
	for _, direction := range []string{"AtoB", "BtoA"} {
		data, err := builtin.Model(direction)
		if err != nil {
			log.Fatal(err)
		}
		both = append(both, serve.Generator{Model: builtin.Name, Direction: direction, Data: data, Card: builtin.Card()})
	}
	images, err := serve.New(&serve.Options{Sources: []serve.Source{serve.Fixed(both...)}, Log: slog.Default()})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/images/", http.StripPrefix("/images", images))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "hello") })
	server := &http.Server{Addr: "127.0.0.1:8080", Handler: mux, ReadHeaderTimeout: 10 * time.Second}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err = <-failed:
	case <-ctx.Done():
		images.Drain()
		err = server.Shutdown(context.Background()) // requests under way finish
	}
	if err := errors.Join(err, images.Close()); err != nil {
		log.Fatal(err)
	}
}
