// Package worker lets other machines, or other processes of this one, compute a share of a run.
// [Serve] makes a process a worker, which serves TensorFlow's distributed runtime at an address;
// the process that trains drives the workers and checks on them with [Watched].
//
// TensorFlow's servers have no authentication and run any graph, which can also read and write
// files: whoever reaches the address has the rights of its user. Keep it on a private network.
package worker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
)

// Job is the name of the workers that train together in TensorFlow's cluster. A worker starts in a
// job of its own, because a server rejects its own name when it joins a cluster.
const (
	Job   = "worker"
	alone = "alone"
)

// Cluster returns the addresses of all workers in the form of a session's configuration.
func Cluster(addresses []string) *pb.ClusterDef {
	job := &pb.JobDef{Name: Job, Tasks: map[int32]string{}}
	for i, address := range addresses {
		job.Tasks[int32(i)] = address
	}
	return &pb.ClusterDef{Job: []*pb.JobDef{job}}
}

// resolve returns the IP address and port that a worker listens on.
func resolve(ctx context.Context, address string) (netip.AddrPort, error) {
	const example = "an address of this machine with a port, such as 10.0.0.2:7000, or 127.0.0.1:7000 for this machine only"
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || port == "" {
		return netip.AddrPort{}, fmt.Errorf("invalid address %q\nFix: give %s; 0.0.0.0:7000 is all addresses", address, example)
	}
	number, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil || number == 0 {
		return netip.AddrPort{}, fmt.Errorf("invalid port in %q\nFix: give %s", address, example)
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("resolve %q: %w", address, err)
	}
	return netip.AddrPortFrom(ips[0].Unmap(), uint16(number)), nil
}

// UnreachableError reports workers that do not answer.
type UnreachableError struct {
	Unreachable, Reachable []string // addresses
	errs                   []error  // one for each of Unreachable
}

func (e *UnreachableError) Error() string {
	if len(e.Unreachable) == 1 {
		return fmt.Sprintf("worker %s does not answer: %v", e.Unreachable[0], e.errs[0])
	}
	return fmt.Sprintf("workers %s do not answer: %v", strings.Join(e.Unreachable, ", "), errors.Join(e.errs...))
}

// refused reports whether the machines of all unreachable workers answer that nobody listens there.
func (e *UnreachableError) refused() bool {
	other := func(err error) bool { return !errors.Is(err, syscall.ECONNREFUSED) }
	return !slices.ContainsFunc(e.errs, other)
}

// dialTimeout limits the time to connect, because a machine that is down does not answer at all.
const dialTimeout = 5 * time.Second

// Check connects to all workers. The error is an *[UnreachableError].
func Check(addresses []string) error {
	errs := make([]error, len(addresses))
	var group sync.WaitGroup
	for i, address := range addresses {
		group.Go(func() {
			connection, err := net.DialTimeout("tcp", address, dialTimeout)
			if err == nil {
				err = connection.Close()
			}
			errs[i] = err
		})
	}
	group.Wait()
	e := &UnreachableError{}
	for i, err := range errs {
		if err == nil {
			e.Reachable = append(e.Reachable, addresses[i])
			continue
		}
		e.Unreachable = append(e.Unreachable, addresses[i])
		e.errs = append(e.errs, err)
	}
	if len(e.Unreachable) == 0 {
		return nil
	}
	return e
}

// Wait is Check for workers that may still be starting. It retries until the timeout, and reports
// once through say what it waits for.
func Wait(ctx context.Context, addresses []string, timeout time.Duration, say func(string)) error {
	reported := false
	for deadline := time.Now().Add(timeout); ; {
		err := Check(addresses)
		if err == nil || !time.Now().Before(deadline) {
			return err
		}
		if !reported {
			reported = true
			say(fmt.Sprintf("%v; waiting up to %v", err, timeout))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// ErrTimeout is the error of [Within] for a call that took too long.
var ErrTimeout = errors.New("no answer")

// Within waits for a call that may never return. After the limit it returns [ErrTimeout], wrapped;
// the call cannot be stopped and continues.
func Within(limit time.Duration, call func() error) error {
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		return fmt.Errorf("%w within %v", ErrTimeout, limit)
	}
}

// Watched gives up on a worker after this number of failed checks in a row. A machine that reports
// that the process has ended needs fewer than one that is silent.
const (
	checkEvery    = 2 * time.Second
	refusedChecks = 2
	silentChecks  = 5 // each takes dialTimeout longer
)

// Watched makes a call in which the workers take part. TensorFlow waits forever for a worker that
// is gone; Watched then returns an *[UnreachableError] and abandons the call, after a few seconds
// for a process and half a minute for a machine. It also returns one if the call fails while a
// worker does not answer.
func Watched(addresses []string, call func() error) error {
	return watched(addresses, call, checkEvery)
}

func watched(addresses []string, call func() error, every time.Duration) error {
	done := make(chan error, 1)
	go func() { done <- call() }()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for failed := 0; ; {
		select {
		case err := <-done:
			if err == nil {
				return nil
			}
			if unreachable := Check(addresses); unreachable != nil {
				return unreachable
			}
			return err
		case <-ticker.C:
			var unreachable *UnreachableError
			if !errors.As(Check(addresses), &unreachable) {
				failed = 0
				continue
			}
			failed++
			if failed >= silentChecks || failed >= refusedChecks && unreachable.refused() {
				return unreachable
			}
		}
	}
}
