//go:build tensorflow

package worker

/*
#include <stdlib.h>
#include "tensorflow/c/c_api.h"
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"net"
	"unsafe"

	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"
)

// Options belong to the worker; the process that trains cannot change them.
type Options struct {
	Threads int // CPU threads, at least 1
	// GPUs are the numbers of the devices to use, such as "0,1". "-1" is none, "" the first one if
	// there is any.
	GPUs string
}

// Serve starts a worker that listens on this address only, and returns the address in numeric form.
// The worker serves until the process ends, because TensorFlow's servers cannot be stopped. A
// process can serve once.
func Serve(ctx context.Context, address string, o Options) (string, error) {
	at, err := resolve(ctx, address)
	if err != nil {
		return "", err
	}
	// TensorFlow's server would silently share the port with another one.
	l, err := net.Listen("tcp", at.String())
	if err != nil {
		return "", fmt.Errorf("listen: %w\nFix: give an address of this machine that no other worker uses", err)
	}
	if err := errors.Join(l.Close(), bindOnly(at)); err != nil {
		return "", err
	}
	config := &pb.ConfigProto{
		IntraOpParallelismThreads: int32(o.Threads),
		InterOpParallelismThreads: int32(o.Threads),
		AllowSoftPlacement:        true,
		GpuOptions:                &pb.GPUOptions{AllowGrowth: true, VisibleDeviceList: o.GPUs},
	}
	switch o.GPUs {
	case "":
		config.GpuOptions.VisibleDeviceList = "0"
	case "-1":
		config.GpuOptions.VisibleDeviceList = ""
		config.DeviceCount = map[string]int32{"GPU": 0}
	}
	def, err := proto.Marshal(&pb.ServerDef{
		Protocol: "grpc", JobName: alone,
		Cluster:              &pb.ClusterDef{Job: []*pb.JobDef{{Name: alone, Tasks: map[int32]string{0: at.String()}}}},
		DefaultSessionConfig: config,
	})
	if err != nil {
		return "", fmt.Errorf("start TensorFlow's server: %w", err)
	}
	return at.String(), start(def)
}

func start(def []byte) error {
	status := C.TF_NewStatus()
	defer C.TF_DeleteStatus(status)
	failed := func() error {
		if C.TF_GetCode(status) == C.TF_OK {
			return nil
		}
		return errors.New("start TensorFlow's server: " + C.GoString(C.TF_Message(status)))
	}
	server := C.TF_NewServer(unsafe.Pointer(unsafe.SliceData(def)), C.size_t(len(def)), status)
	if err := failed(); err != nil {
		return err
	}
	C.TF_ServerStart(server, status)
	return failed()
}
