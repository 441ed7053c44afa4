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

// RunTraced is Run with TensorFlow's record of it: when each operation ran, on
// which device and thread, and what memory it took (step stats). Keeping the
// record slows the run by some per cent. All fetches must be float32.
//
// The C API takes run options that graft's Session.Run leaves out, so this
// calls it itself, with the C objects that graft's hold.
func (p *Part) RunTraced(session *tf.Session, feeds map[tf.Output]*tf.Tensor) ([]*tf.Tensor, *pb.RunMetadata, error) {
	args := newRunArgs()
	defer args.free()
	for out, tensor := range feeds {
		args.feed(out, tensor)
	}
	for _, out := range p.Fetches {
		args.fetches = append(args.fetches, args.output(out))
	}
	for _, target := range p.Targets {
		args.targets = append(args.targets, (*C.TF_Operation)(args.handle(target)))
	}
	c := (*C.TF_Session)(args.handle(session))
	if args.err != nil {
		return nil, nil, args.err
	}
	var fetched []*tf.Tensor
	metadata := &pb.RunMetadata{}
	run := func() error { return args.run(c, &fetched, metadata) }
	var err error
	if p.ran {
		err = run()
	} else {
		err = Quietly(run)
		p.ran = true
	}
	// The C objects live as long as those of graft.
	runtime.KeepAlive(session)
	runtime.KeepAlive(feeds)
	return fetched, metadata, err
}

// runArgs are a run's arguments as the C API takes them.
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

// handle is the C object in an object of graft's, which keeps it in a field c
// of its own.
func (a *runArgs) handle(of any) unsafe.Pointer {
	field := reflect.ValueOf(of).Elem().FieldByName("c")
	if !field.IsValid() || field.Kind() != reflect.Pointer || field.IsNil() {
		if a.err == nil {
			a.err = fmt.Errorf("run traced: graft's %T holds no C object any more; the step can only be run without a record", of)
		}
		return nil
	}
	return field.UnsafePointer()
}

func (a *runArgs) run(session *C.TF_Session, fetched *[]*tf.Tensor, metadata *pb.RunMetadata) error {
	options, err := proto.Marshal(&pb.RunOptions{TraceLevel: pb.RunOptions_FULL_TRACE})
	if err != nil {
		return fmt.Errorf("run traced: %w", err)
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
		return errors.New(C.GoString(C.TF_Message(a.status)))
	}
	for _, t := range results {
		copied, err := copyTensor(t)
		if err != nil {
			return fmt.Errorf("run traced: %w", err)
		}
		*fetched = append(*fetched, copied)
	}
	if err := proto.Unmarshal(unsafe.Slice((*byte)(record.data), int(record.length)), metadata); err != nil {
		return fmt.Errorf("run traced: read TensorFlow's record: %w", err)
	}
	return nil
}

// copyTensor makes a tensor of graft's out of a float32 one of the C API.
func copyTensor(t *C.TF_Tensor) (*tf.Tensor, error) {
	if kind := tf.DataType(C.TF_TensorType(t)); kind != tf.Float {
		return nil, fmt.Errorf("a fetched tensor is of type %v where float32 is expected", kind)
	}
	shape := make([]int, int(C.TF_NumDims(t)))
	for i := range shape {
		shape[i] = int(C.TF_Dim(t, C.int(i)))
	}
	values := unsafe.Slice((*float32)(C.TF_TensorData(t)), int(C.TF_TensorElementCount(t)))
	return NewTensor(values, shape...)
}
