//go:build tensorflow

package tfgraph

/*
#include <stdlib.h>
#include "tensorflow/c/c_api.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"unsafe"

	tf "github.com/wamuir/graft/tensorflow"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"
)

// RunTraced is Run that also returns TensorFlow's record: when each operation
// ran, on which device and thread, and how much memory it took (step stats).
// Recording slows the run by a few percent. All fetches must be float32.
//
// graft's Session.Run has no run options, so this calls the C API itself, with
// the C objects that graft's values hold.
func (s *Session) RunTraced(p Part, feeds Feeds) ([]*tf.Tensor, *pb.RunMetadata, error) {
	r, err := s.resolve(p, feeds)
	if err != nil {
		return nil, nil, err
	}
	args := newRunArgs()
	defer args.free()
	for out, tensor := range r.feeds {
		args.feed(out, tensor)
	}
	for _, out := range r.fetches {
		args.fetches = append(args.fetches, args.output(out))
	}
	for _, target := range r.targets {
		args.targets = append(args.targets, (*C.TF_Operation)(args.handle(target)))
	}
	session := (*C.TF_Session)(args.handle(s.session))
	if args.err != nil {
		return nil, nil, args.err
	}
	fetched, metadata, err := args.run(session)
	// The C objects live as long as graft's.
	runtime.KeepAlive(s.session)
	runtime.KeepAlive(feeds)
	return fetched, metadata, err
}

// runArgs are a run's arguments for the C API.
type runArgs struct {
	feeds, fetches []C.TF_Output
	values         []*C.TF_Tensor
	targets        []*C.TF_Operation
	status         *C.TF_Status
	err            error // the first
}

func newRunArgs() *runArgs { return &runArgs{status: C.TF_NewStatus()} }

func (a *runArgs) free() { C.TF_DeleteStatus(a.status) }

func (a *runArgs) feed(out tf.Output, tensor *tf.Tensor) {
	a.feeds = append(a.feeds, a.output(out))
	a.values = append(a.values, (*C.TF_Tensor)(a.handle(tensor)))
}

func (a *runArgs) output(out tf.Output) C.TF_Output {
	return C.TF_Output{oper: (*C.TF_Operation)(a.handle(out.Op)), index: C.int(out.Index)}
}

// handle returns the C object behind one of graft's values, which keep it in a
// field named c.
func (a *runArgs) handle(of any) unsafe.Pointer {
	field := reflect.ValueOf(of).Elem().FieldByName("c")
	if !field.IsValid() || field.Kind() != reflect.Pointer || field.IsNil() {
		if a.err == nil {
			a.err = fmt.Errorf("run traced: graft's %T has no field with a C object; this graft version cannot record a step", of)
		}
		return nil
	}
	return field.UnsafePointer()
}

func (a *runArgs) run(session *C.TF_Session) ([]*tf.Tensor, *pb.RunMetadata, error) {
	options, err := proto.Marshal(&pb.RunOptions{TraceLevel: pb.RunOptions_FULL_TRACE})
	if err != nil {
		return nil, nil, fmt.Errorf("run traced: %w", err)
	}
	given := C.TF_NewBufferFromString(unsafe.Pointer(unsafe.SliceData(options)), C.size_t(len(options)))
	defer C.TF_DeleteBuffer(given)
	record := C.TF_NewBuffer()
	defer C.TF_DeleteBuffer(record)
	results := make([]*C.TF_Tensor, len(a.fetches))
	C.TF_SessionRun(session, given,
		unsafe.SliceData(a.feeds), unsafe.SliceData(a.values), C.int(len(a.feeds)),
		unsafe.SliceData(a.fetches), unsafe.SliceData(results), C.int(len(results)),
		unsafe.SliceData(a.targets), C.int(len(a.targets)),
		record, a.status)
	defer func() {
		for _, t := range results {
			if t != nil {
				C.TF_DeleteTensor(t)
			}
		}
	}()
	if C.TF_GetCode(a.status) != C.TF_OK {
		return nil, nil, errors.New(C.GoString(C.TF_Message(a.status)))
	}
	var fetched []*tf.Tensor
	for _, t := range results {
		copied, err := copyTensor(t)
		if err != nil {
			return nil, nil, fmt.Errorf("run traced: %w", err)
		}
		fetched = append(fetched, copied)
	}
	metadata := &pb.RunMetadata{}
	if err := proto.Unmarshal(unsafe.Slice((*byte)(record.data), int(record.length)), metadata); err != nil {
		return nil, nil, fmt.Errorf("run traced: read TensorFlow's record: %w", err)
	}
	return fetched, metadata, nil
}

// copyTensor copies a float32 tensor of the C API into one of graft's.
func copyTensor(t *C.TF_Tensor) (*tf.Tensor, error) {
	if kind := tf.DataType(C.TF_TensorType(t)); kind != tf.Float {
		return nil, fmt.Errorf("a fetched tensor has type %v; float32 is expected", kind)
	}
	shape := make([]int, int(C.TF_NumDims(t)))
	for i := range shape {
		shape[i] = int(C.TF_Dim(t, C.int(i)))
	}
	values := unsafe.Slice((*float32)(C.TF_TensorData(t)), int(C.TF_TensorElementCount(t)))
	return NewTensor(values, shape...)
}
