//go:build tensorflow && !linux

package worker

import (
	"fmt"
	"net/netip"
)

// bindOnly refuses what can't be kept: TensorFlow's servers listen on every
// address of the machine.
func bindOnly(a netip.AddrPort) error {
	if a.Addr().IsUnspecified() {
		return nil
	}
	return fmt.Errorf("on this system TensorFlow's server would listen on every address of the machine, not on %v alone; give 0.0.0.0:%d if that is meant", a.Addr(), a.Port())
}
