//go:build cgo

package session

import (
	"os"
	"runtime"
	"syscall"
	"testing"

	"cyclegan/third_party/native"
)

// A thread on which OpenVINO was started handles signals after OpenVINO was closed on another
// thread.
func TestOpenVINOSignals(t *testing.T) {
	ownChoice(t)
	if !native.Installed(native.OpenVINO) {
		t.Skip("needs go run ./third_party install -with openvino")
	}
	if !alone(t) {
		return
	}
	in, model := samples("conv.onnx")[0], fixture(t, "conv.onnx")
	for range 3 {
		opened, closed, done := make(chan *Session), make(chan bool), make(chan error)
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			s, err := New(model, &Options{Provider: OpenVINO})
			if err == nil {
				_, err = s.Run(t.Context(), in...)
			}
			if err != nil {
				close(opened)
				done <- err
				return
			}
			opened <- s
			<-closed
			done <- syscall.Tgkill(os.Getpid(), syscall.Gettid(), syscall.SIGURG) // as Go's scheduler does
		}()
		if s := <-opened; s != nil {
			runtime.LockOSThread()
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			shutdown(t)
			runtime.UnlockOSThread()
			closed <- true
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}
