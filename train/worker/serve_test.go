//go:build tensorflow

package worker

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const serveVariable = "CYCLEGAN_TEST_WORKER"

func TestMain(m *testing.M) {
	if address := os.Getenv(serveVariable); address != "" {
		at, err := Serve(context.Background(), address, Options{Threads: 1, GPUs: "-1"})
		fmt.Println(at, strings.ReplaceAll(fmt.Sprint(err), "\n", " ")) // the test reads one line
		if err == nil {
			bufio.NewReader(os.Stdin).ReadByte() // until the test ends
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A worker listens on its address only, although TensorFlow asks for every address of the machine.
func TestServeListensOnOneAddress(t *testing.T) {
	l := listen(t)
	port := strings.TrimPrefix(l.Addr().String(), "127.0.0.1:")
	l.Close()
	start := func(host string) string {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), serveVariable+"="+host+":"+port)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { in.Close(); cmd.Wait() })
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return line
	}
	if out := start("127.0.0.1"); out != "127.0.0.1:"+port+" <nil>\n" {
		t.Fatalf("output %q", out)
	}
	connects := func(host string) bool {
		c, err := net.DialTimeout("tcp", net.JoinHostPort(host, port), dialTimeout)
		if err == nil {
			c.Close()
		}
		return err == nil
	}
	if !connects("127.0.0.1") {
		t.Error("it does not listen on its address")
	}
	others := []string{"127.0.0.2", "::1"}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLoopback() && !ip.IP.IsLinkLocalUnicast() {
			others = append(others, ip.IP.String())
		}
	}
	for _, host := range others {
		if connects(host) {
			t.Errorf("it also listens on %s", host)
		}
	}
	if out := start("127.0.0.1"); !strings.Contains(out, "no other worker uses") {
		t.Errorf("output of a second worker on the same address: %q", out)
	}
	// The same port of another address is free.
	if out := start("127.0.0.2"); out != "127.0.0.2:"+port+" <nil>\n" || !connects("127.0.0.2") {
		t.Errorf("output on 127.0.0.2: %q", out)
	}
}
