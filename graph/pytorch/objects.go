package pytorch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"

	"cyclegan/infer/onnx"
)

// The global names that a state dict may use, besides the storages. Checkpoints hold options in a
// Namespace, and sizes.
const (
	namespace        = "argparse.Namespace"
	torchSize        = "torch.Size"
	orderedDict      = "collections.OrderedDict"
	rebuildTensor    = "torch._utils._rebuild_tensor"
	rebuildTensorV2  = "torch._utils._rebuild_tensor_v2"
	rebuildParameter = "torch._utils._rebuild_parameter"
)

func (u *unpickler) global(code byte) error {
	var module, name string
	if code == opGlobal {
		var err error
		if module, err = u.line(); err != nil {
			return err
		}
		if name, err = u.line(); err != nil {
			return err
		}
	} else {
		values, err := u.popN(2)
		if err != nil {
			return err
		}
		var ok1, ok2 bool
		module, ok1 = values[0].(string)
		name, ok2 = values[1].(string)
		if !ok1 || !ok2 {
			return fmt.Errorf("the pickle names a global by a %s and a %s", kindOf(values[0]), kindOf(values[1]))
		}
	}
	g := global(module + "." + name)
	switch g {
	case orderedDict, rebuildTensor, rebuildTensorV2, rebuildParameter, namespace, torchSize:
	default:
		if _, ok := elementTypes[g]; !ok {
			return fmt.Errorf("the pickle uses %q, which no state dict needs; no code was run\n"+
				"Fix: if the file holds a whole model, save net.state_dict() in PyTorch", g)
		}
	}
	u.push(g)
	return nil
}

// make executes the operations that call a function in Python.
func (u *unpickler) make(code byte) error {
	if code == opBinPersID {
		top, err := u.pop()
		if err != nil {
			return err
		}
		id, ok := top.(tuple)
		if !ok || u.persistent == nil {
			return fmt.Errorf("the pickle has an external reference that is a %s", kindOf(top))
		}
		object, err := u.persistent(id)
		u.push(object)
		return err
	}
	values, err := u.popN(2)
	if err != nil {
		return err
	}
	if code == opBuild {
		// The attributes of an OrderedDict hold the modules' versions, which are not needed.
		if _, ok := values[0].(*dict); !ok {
			return fmt.Errorf("the pickle sets attributes of a %s", kindOf(values[0]))
		}
		u.push(values[0])
		return nil
	}
	g, ok1 := values[0].(global)
	args, ok2 := values[1].(tuple)
	if !ok1 || !ok2 {
		return fmt.Errorf("the pickle calls a %s with a %s", kindOf(values[0]), kindOf(values[1]))
	}
	object, err := call(g, args)
	u.push(object)
	return err
}

// call creates the value that a global stands for.
func call(g global, args tuple) (any, error) {
	switch {
	case g == torchSize && len(args) == 1:
		return args[0], nil
	case g == orderedDict && len(args) == 0, g == namespace && len(args) == 0:
		return &dict{}, nil
	case g == orderedDict && len(args) == 1:
		return dictOf(args[0])
	case g == rebuildTensor && len(args) == 4, g == rebuildTensorV2 && len(args) >= 6:
		return newView(args)
	case g == rebuildParameter && len(args) >= 1:
		if v, ok := args[0].(*view); ok {
			return v, nil
		}
	}
	return nil, fmt.Errorf("the pickle calls %s with %d arguments", g, len(args))
}

// dictOf creates a dict from a list of pairs, as Python 2 pickles an OrderedDict.
func dictOf(arg any) (any, error) {
	pairs, ok := arg.(*list)
	if !ok {
		return nil, fmt.Errorf("the pickle creates a dict from a %s", kindOf(arg))
	}
	d := &dict{}
	for _, p := range pairs.items {
		var pair []any
		switch p := p.(type) {
		case *list:
			pair = p.items
		case tuple:
			pair = p
		}
		if len(pair) != 2 {
			return nil, fmt.Errorf("the pickle creates a dict from a list with a %s", kindOf(p))
		}
		d.keys, d.values = append(d.keys, pair[0]), append(d.values, pair[1])
	}
	return d, nil
}

// An elementType is a type of tensor elements. Only floating-point types are read.
type elementType struct {
	name string
	size int64
	// float decodes the little-endian number at the start of b. It is nil for types that are not
	// floating-point.
	float func(b []byte) float32
}

var (
	float32Type = elementType{"float32", 4, func(b []byte) float32 {
		return math.Float32frombits(binary.LittleEndian.Uint32(b))
	}}
	float64Type = elementType{"float64", 8, func(b []byte) float32 {
		return float32(math.Float64frombits(binary.LittleEndian.Uint64(b)))
	}}
	float16Type = elementType{"float16", 2, func(b []byte) float32 {
		return onnx.DecodeFloat16(binary.LittleEndian.Uint16(b))
	}}
	bfloat16Type = elementType{"bfloat16", 2, func(b []byte) float32 {
		return onnx.DecodeBFloat16(binary.LittleEndian.Uint16(b))
	}}
	int64Type = elementType{name: "int64", size: 8}
	int32Type = elementType{name: "int32", size: 4}
	int16Type = elementType{name: "int16", size: 2}
	int8Type  = elementType{name: "int8", size: 1}
	uint8Type = elementType{name: "uint8", size: 1}
	boolType  = elementType{name: "bool", size: 1}
)

// elementTypes maps the storage classes that a pickle may name to their element types.
var elementTypes = map[global]elementType{
	"torch.FloatStorage":    float32Type,
	"torch.DoubleStorage":   float64Type,
	"torch.HalfStorage":     float16Type,
	"torch.BFloat16Storage": bfloat16Type,
	"torch.LongStorage":     int64Type,
	"torch.IntStorage":      int32Type,
	"torch.ShortStorage":    int16Type,
	"torch.CharStorage":     int8Type,
	"torch.ByteStorage":     uint8Type,
	"torch.BoolStorage":     boolType,
}

// readValues reads count elements. The caller has checked that the file is long enough.
func (t elementType) readValues(r io.Reader, count int64) ([]float32, error) {
	if t.float == nil {
		_, err := io.CopyN(io.Discard, r, count*t.size)
		return nil, cutShort(err)
	}
	values := make([]float32, count)
	buffer := make([]byte, min(count*t.size, 1<<16))
	for done := int64(0); done < count; {
		n := min(count-done, int64(len(buffer))/t.size)
		if _, err := io.ReadFull(r, buffer[:n*t.size]); err != nil {
			return nil, cutShort(err)
		}
		for i := range n {
			values[done+i] = t.float(buffer[i*t.size:])
		}
		done += n
	}
	return values, nil
}

// A storage is the memory of one or more tensors.
type storage struct {
	kind   elementType
	count  int64
	values []float32 // nil before reading, and always for a kind that is not floating-point
}

// A view is a tensor as a pickle describes it: a part of a storage.
type view struct {
	storage       *storage
	offset        int64
	shape, stride []int64
}

// A window is a part of a storage that has its own name in the legacy format.
type window struct {
	storage       *storage
	offset, count int64
}

// newView checks the arguments of torch._utils._rebuild_tensor: storage, offset, shape, strides.
// The result can be read without another check, and has no more elements than the storage.
func newView(args tuple) (*view, error) {
	var w window
	switch s := args[0].(type) {
	case *storage:
		w = window{s, 0, s.count}
	case window:
		w = s
	default:
		return nil, fmt.Errorf("the pickle creates a tensor from a %s", kindOf(args[0]))
	}
	offset, ok := args[1].(int64)
	shape, ok2 := integers(args[2])
	stride, ok3 := integers(args[3])
	if !ok || !ok2 || !ok3 || len(shape) != len(stride) {
		return nil, fmt.Errorf("the pickle creates a tensor from a %s, a %s and a %s",
			kindOf(args[1]), kindOf(args[2]), kindOf(args[3]))
	}
	if _, err := elementsOf(shape, w.count); err != nil {
		return nil, err
	}
	outside := fmt.Errorf("a tensor of shape %v and strides %v at %d exceeds its storage of %d values",
		shape, stride, offset, w.count)
	if offset < 0 || offset >= w.count {
		return nil, outside
	}
	last := offset
	for i, d := range shape {
		high, reach := bits.Mul64(uint64(d-1), uint64(stride[i]))
		if stride[i] < 0 || high != 0 || reach >= uint64(w.count-last) {
			return nil, outside
		}
		last += int64(reach)
	}
	return &view{w.storage, w.offset + offset, shape, stride}, nil
}

// elementsOf returns the number of elements of a shape, which must be between 1 and limit.
func elementsOf(shape []int64, limit int64) (int64, error) {
	if len(shape) > 8 {
		return 0, fmt.Errorf("a tensor has %d dimensions", len(shape))
	}
	elements := int64(1)
	for _, d := range shape {
		if d < 1 || d > limit/elements {
			return 0, fmt.Errorf("a tensor of shape %v does not fit in %d stored values", shape, limit)
		}
		elements *= d
	}
	return elements, nil
}

func integers(v any) ([]int64, bool) {
	var values []any
	switch v := v.(type) {
	case tuple:
		values = v
	case *list:
		values = v.items
	default:
		return nil, false
	}
	list := make([]int64, len(values))
	for i, v := range values {
		n, ok := v.(int64)
		if !ok {
			return nil, false
		}
		list[i] = n
	}
	return list, true
}

// tensor returns the elements in row-major order. It does not copy them if the storage has this
// order.
func (v *view) tensor() (Tensor, error) {
	t := Tensor{Shape: make([]int, len(v.shape)), Type: v.storage.kind.name}
	elements, inOrder := int64(1), true
	for i := len(v.shape) - 1; i >= 0; i-- {
		t.Shape[i] = int(v.shape[i])
		inOrder = inOrder && (v.shape[i] == 1 || v.stride[i] == elements)
		elements *= v.shape[i]
	}
	from := v.storage.values
	switch {
	case v.storage.kind.float == nil:
		return t, nil
	case from == nil:
		return t, errors.New("the file has no values for this tensor")
	case inOrder:
		t.Values = from[v.offset:][:elements:elements]
		return t, nil
	}
	t.Values = make([]float32, 0, elements)
	place := make([]int64, len(v.shape))
	for at := v.offset; ; {
		t.Values = append(t.Values, from[at])
		axis := len(place) - 1
		for ; axis >= 0; axis-- {
			place[axis]++
			at += v.stride[axis]
			if place[axis] < v.shape[axis] {
				break
			}
			at -= v.shape[axis] * v.stride[axis]
			place[axis] = 0
		}
		if axis < 0 {
			return t, nil
		}
	}
}
