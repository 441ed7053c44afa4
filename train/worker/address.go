package worker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// resolve gives the IP address and port that a worker is to listen on.
func resolve(ctx context.Context, address string) (netip.AddrPort, error) {
	const example = "such as 10.0.0.2:7000, or 127.0.0.1:7000 for this machine alone"
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || port == "" {
		return netip.AddrPort{}, fmt.Errorf("%q is no address to listen on; give one of this machine's and a port, %s (0.0.0.0:7000 is all of them)", address, example)
	}
	number, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil || number == 0 {
		return netip.AddrPort{}, fmt.Errorf("%q has no port that others could know; give one from 1 to 65535, %s", address, example)
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is no address of this machine: %w", address, err)
	}
	return netip.AddrPortFrom(ips[0].Unmap(), uint16(number)), nil
}

// dialTime is how long a worker may take to take up a connection. A machine
// that is gone answers nothing at all.
const dialTime = 5 * time.Second

// Check finds out whether all workers take up connections; the error is a
// *[LostError].
func Check(addresses []string) error {
	errs := make([]error, len(addresses))
	done := make(chan struct{})
	for i, address := range addresses {
		go func() {
			connection, err := net.DialTimeout("tcp", address, dialTime)
			if err == nil {
				err = connection.Close()
			}
			errs[i] = err
			done <- struct{}{}
		}()
	}
	for range addresses {
		<-done
	}
	lost := &LostError{}
	for i, err := range errs {
		if err != nil {
			lost.Lost = append(lost.Lost, addresses[i])
			lost.errs = append(lost.errs, err)
		} else {
			lost.Left = append(lost.Left, addresses[i])
		}
	}
	if len(lost.Lost) == 0 {
		return nil
	}
	return lost
}

// A LostError says which workers do not answer, and which still do.
type LostError struct {
	Lost, Left []string
	errs       []error // for each of Lost
}

func (e *LostError) Error() string {
	if len(e.Lost) == 1 {
		return fmt.Sprintf("worker %s does not answer: %v", e.Lost[0], e.errs[0])
	}
	return fmt.Sprintf("%s do not answer: %v", Count(len(e.Lost)), errors.Join(e.errs...))
}

// gone says whether the machines of all that are lost answer that nobody
// listens there any more.
func (e *LostError) gone() bool {
	for _, err := range e.errs {
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return false
		}
	}
	return true
}

// Count says a number of workers in words.
func Count(n int) string {
	if n == 1 {
		return "1 worker"
	}
	return fmt.Sprintf("%d workers", n)
}

// Wait is Check for workers that may be starting: it tries for so long, and
// tells once who it waits for.
func Wait(ctx context.Context, addresses []string, patience time.Duration, say func(string)) error {
	told := false
	for deadline := time.Now().Add(patience); ; {
		err := Check(addresses)
		if err == nil || !time.Now().Before(deadline) {
			return err
		}
		if !told {
			told = true
			say(fmt.Sprintf("%v; waiting up to %v for it", err, patience))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}
