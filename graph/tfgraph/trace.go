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

// RunTraced is Run that also returns TensorFlow's record: when each operation ran, on which device
// and thread, and how much memory it took (step stats). Recording slows the run by a few percent.
// All fetches must be float32.
//
// graft's Session.Run has no run options, so this calls the C API itself, with the C objects that
// graft's values hold.
func (s *Session) RunTraced(p Part, feeds Feeds) ([]*tf.Tensor, *pb.RunMetadata, error) {
	r, err := s.resolve(p, feeds)
	if err != nil {
		return nil, nil, err
	}
	var h handles
	session := (*C.TF_Session)(h.of(s.session))
	var given, fetches []C.TF_Output
	var values []*C.TF_Tensor
	var targets []*C.TF_Operation
	for out, tensor := range r.feeds {
		given, values = append(given, h.output(out)), append(values, (*C.TF_Tensor)(h.of(tensor)))
	}
	for _, out := range r.fetches {
		fetches = append(fetches, h.output(out))
	}
	for _, target := range r.targets {
		targets = append(targets, (*C.TF_Operation)(h.of(target)))
	}
	text, err := proto.Marshal(&pb.RunOptions{TraceLevel: pb.RunOptions_FULL_TRACE})
	if err := errors.Join(h.err, err); err != nil {
		return nil, nil, fmt.Errorf("run traced: %w", err)
	}
	options := C.TF_NewBufferFromString(unsafe.Pointer(unsafe.SliceData(text)), C.size_t(len(text)))
	defer C.TF_DeleteBuffer(options)
	record := C.TF_NewBuffer()
	defer C.TF_DeleteBuffer(record)
	status := C.TF_NewStatus()
	defer C.TF_DeleteStatus(status)
	results := make([]*C.TF_Tensor, len(fetches))
	C.TF_SessionRun(session, options,
		unsafe.SliceData(given), unsafe.SliceData(values), C.int(len(given)),
		unsafe.SliceData(fetches), unsafe.SliceData(results), C.int(len(results)),
		unsafe.SliceData(targets), C.int(len(targets)), record, status)
	// The C objects live as long as graft's.
	runtime.KeepAlive(s.session)
	runtime.KeepAlive(feeds)
	if C.TF_GetCode(status) != C.TF_OK {
		return nil, nil, errors.New(C.GoString(C.TF_Message(status)))
	}
	fetched := make([]*tf.Tensor, len(results))
	var errs []error
	for i, t := range results {
		fetched[i], err = copyTensor(t)
		C.TF_DeleteTensor(t)
		errs = append(errs, err)
	}
	metadata := &pb.RunMetadata{}
	errs = append(errs, proto.Unmarshal(unsafe.Slice((*byte)(record.data), int(record.length)), metadata))
	if err := errors.Join(errs...); err != nil {
		return nil, nil, fmt.Errorf("run traced: %w", err)
	}
	return fetched, metadata, nil
}

// handles finds the C objects behind graft's values, which keep them in a field named c. err is the
// last failure.
type handles struct{ err error }

func (h *handles) of(value any) unsafe.Pointer {
	field := reflect.ValueOf(value).Elem().FieldByName("c")
	if !field.IsValid() || field.Kind() != reflect.Pointer || field.IsNil() {
		h.err = fmt.Errorf("graft's %T has no field with a C object; this graft version cannot record a step", value)
		return nil
	}
	return field.UnsafePointer()
}

func (h *handles) output(out tf.Output) C.TF_Output {
	return C.TF_Output{oper: (*C.TF_Operation)(h.of(out.Op)), index: C.int(out.Index)}
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
