//go:build tensorflow && !linux

package worker

import (
	"fmt"
	"net/netip"
)

// bindOnly accepts only all addresses, because TensorFlow's servers listen on every address of the
// machine.
func bindOnly(a netip.AddrPort) error {
	if a.Addr().IsUnspecified() {
		return nil
	}
	return fmt.Errorf("listen on %v only: not possible on this system, where TensorFlow's server listens on every address\nFix: give 0.0.0.0:%d if all addresses may be used", a.Addr(), a.Port())
}
