//go:build tensorflow

package worker

/*
#include <stdint.h>
void cyclegan_bind_only(const unsigned char address[16], uint16_t port);
*/
import "C"

import (
	"net/netip"
	"unsafe"
)

// bindOnly restricts a server that asks for all addresses of the machine to this one.
func bindOnly(a netip.AddrPort) error {
	address := a.Addr().As16()
	C.cyclegan_bind_only((*C.uchar)(unsafe.Pointer(&address[0])), C.uint16_t(a.Port()))
	return nil
}
