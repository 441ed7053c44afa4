package native

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path"
	"syscall"
)

// Start makes this process the program of the package at pkg, as in Start("./cmd/train"), built with TensorFlow. It does not return.
//
// It is what a program that needs TensorFlow does where it is built without [Tag], so that it starts with a plain "go run":
// fetch what is missing, let the go command build what has changed, and become the result, with the same arguments,
// folder and standard files. On Unix the process stays the same one, so that signals and the exit status need no help.
func Start(pkg string) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status, err := start(ctx, pkg)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case interrupted:
		fmt.Fprintf(os.Stderr, "%s: interrupted; nothing has been started\n", path.Base(pkg))
		os.Exit(130)
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v\n", path.Base(pkg), err)
		os.Exit(1)
	}
	os.Exit(status)
}

func start(ctx context.Context, pkg string) (status int, err error) {
	root, err := checkout(pkg)
	if err != nil {
		return 0, err
	}
	return startIn(ctx, root, pkg)
}

// startIn is start for the checkout at root.
func startIn(ctx context.Context, root, pkg string) (status int, err error) {
	toBuild, toRun, err := environ(ctx, os.Stderr)
	if err != nil {
		return 0, err
	}
	cache, err := CacheDir()
	if err != nil {
		return 0, err
	}
	p := newProgram(cache, root, pkg)
	// held until this process has become the program, lest another build takes its file away
	unlock, err := lock(ctx, os.Stderr, p.path+".lock", "waiting for another process that is building "+pkg)
	if err != nil {
		return 0, p.failed(err)
	}
	defer unlock()
	if err := p.build(ctx, overlay(os.Environ(), append(toBuild, toRun...))); err != nil {
		return 0, err
	}
	return become(p.path, os.Args, overlay(os.Environ(), toRun))
}
