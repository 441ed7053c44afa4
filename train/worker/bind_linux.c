//go:build tensorflow

// TensorFlow's server asks gRPC for 0.0.0.0, whatever address its ServerDef
// names, and gRPC binds every address of the machine, of both families. This
// function replaces libc's bind for the libraries of this program: for the
// port of the server it replaces "every address" by the requested one. Go
// itself makes the system call without libc.
#define _GNU_SOURCE
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// The address of the server, IPv4 as ::ffff:a.b.c.d, and its port, 0 if there is none.
static struct in6_addr wanted;
static uint16_t wanted_port;

void cyclegan_bind_only(const unsigned char address[16], uint16_t port) {
	memcpy(&wanted, address, 16);
	wanted_port = port;
}

int bind(int fd, const struct sockaddr *address, socklen_t length) {
	if (wanted_port != 0 && address->sa_family == AF_INET6 && length >= sizeof(struct sockaddr_in6)) {
		struct sockaddr_in6 a;
		memcpy(&a, address, sizeof a);
		if (ntohs(a.sin6_port) == wanted_port && IN6_IS_ADDR_UNSPECIFIED(&a.sin6_addr)) {
			a.sin6_addr = wanted;
			return syscall(SYS_bind, fd, &a, sizeof a);
		}
	}
	if (wanted_port != 0 && address->sa_family == AF_INET && length >= sizeof(struct sockaddr_in) && IN6_IS_ADDR_V4MAPPED(&wanted)) {
		struct sockaddr_in a;
		memcpy(&a, address, sizeof a);
		if (ntohs(a.sin_port) == wanted_port && a.sin_addr.s_addr == htonl(INADDR_ANY)) {
			memcpy(&a.sin_addr, &wanted.s6_addr[12], 4);
			return syscall(SYS_bind, fd, &a, sizeof a);
		}
	}
	return syscall(SYS_bind, fd, address, length);
}
