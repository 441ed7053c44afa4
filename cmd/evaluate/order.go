package main

import (
	"context"
	"runtime"
)

// inOrder does something for each item on all processors, and uses the results one after the other in the order of the items.
// No more results wait than there are processors. It ends with the first error of use, or with ctx's.
func inOrder[T, R any](ctx context.Context, items []T, do func(T) R, use func(R) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue := make(chan chan R, max(1, runtime.GOMAXPROCS(0)-1))
	go func() {
		defer close(queue)
		for _, item := range items {
			result := make(chan R, 1)
			select {
			case queue <- result:
			case <-ctx.Done():
				return
			}
			go func() { result <- do(item) }()
		}
	}()
	for result := range queue {
		r := <-result
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := use(r); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
