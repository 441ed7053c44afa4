package session

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// A Description is what an ONNX file says about itself. Reading it needs no ONNX Runtime.
type Description struct {
	Inputs, Outputs []Port
	// Optional are inputs that the file gives values for, so that a run may leave them out.
	Optional []Port
	// Metadata is the file's metadata_props.
	Metadata map[string]string
	// Producer names the program that wrote the file, with its version where it gave one.
	Producer string
	// Opset is the version of ONNX's own operators, 0 where the file names none.
	Opset int64
	// External says that weights lie in files of their own beside the model, which can then only be opened by its path.
	External bool
}

// A Port is one input or output of a model.
type Port struct {
	Name string
	// Type is the element type, "float32", "uint8", "int64" and so on, or "sequence", "map", "optional" for what is no tensor.
	Type string
	// Shape has -1 for a dimension that may change from run to run. Nil where the file does not give a shape; empty for a scalar.
	Shape []int64
	// Axes names the changing dimensions ("N", "height"), beside Shape; empty names for the others.
	Axes []string
}

// ShapeString writes the shape with the names of its changing dimensions: [N,3,height,width].
func (p Port) ShapeString() string {
	if p.Shape == nil {
		return "any shape"
	}
	return shapeString(p.Shape, p.Axes)
}

func (p Port) String() string { return fmt.Sprintf("%q %s %s", p.Name, p.Type, p.ShapeString()) }

// accepts says whether a tensor of that shape fits the port.
func (p Port) accepts(shape []int64) bool {
	if p.Shape == nil {
		return true
	}
	return slices.EqualFunc(p.Shape, shape, func(want, have int64) bool { return want < 0 || want == have })
}

func shapeString(shape []int64, axes []string) string {
	parts := make([]string, len(shape))
	for i, d := range shape {
		switch {
		case d >= 0:
			parts[i] = strconv.FormatInt(d, 10)
		case i < len(axes) && axes[i] != "":
			parts[i] = axes[i]
		default:
			parts[i] = "?"
		}
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// elementTypes are the names of ONNX's TensorProto.DataType numbers.
var elementTypes = map[uint64]string{
	1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
	10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
}

// Describe reads the inputs, outputs and metadata of an ONNX model. The weights are skipped, so it is fast for large models too.
func Describe(model []byte) (*Description, error) {
	if len(model) >= 8 && bytes.Equal(model[4:8], []byte("ORTM")) {
		return nil, errors.New("this is a model in ONNX Runtime's own ORT format: give the .onnx file that it was made from")
	}
	d := &Description{Metadata: map[string]string{}}
	var version string
	var graphs int
	initialized := map[string]bool{}
	err := fields(model, func(num protowire.Number, v uint64, b []byte) error {
		switch num {
		case 2:
			d.Producer = string(b)
		case 3:
			version = string(b)
		case 7:
			graphs++
			return d.graph(b, initialized)
		case 8:
			return d.opset(b)
		case 14:
			return d.property(b)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("this is not an ONNX model: %w", err)
	}
	if graphs != 1 || len(d.Outputs) == 0 {
		return nil, errors.New("this is not an ONNX model: it holds no network")
	}
	// Files of before IR version 4 list their weights among the inputs.
	for _, p := range d.Inputs {
		if initialized[p.Name] {
			d.Optional = append(d.Optional, p)
		}
	}
	d.Inputs = slices.DeleteFunc(d.Inputs, func(p Port) bool { return initialized[p.Name] })
	d.Producer = strings.TrimSpace(d.Producer + " " + version)
	return d, nil
}

// Select gives the description with the inputs and outputs of these names alone, in this order. Nil means all that a run needs, and all that it gives.
// It is an error to leave out an input that the file gives no value for.
func (d *Description) Select(inputs, outputs []string) (*Description, error) {
	s := *d
	var err error
	if inputs != nil {
		if s.Inputs, err = choosePorts("input", slices.Concat(d.Inputs, d.Optional), inputs); err != nil {
			return nil, err
		}
		for _, p := range d.Inputs {
			if !slices.Contains(inputs, p.Name) {
				return nil, fmt.Errorf("the model also needs its input %v", p)
			}
		}
		s.Optional = slices.DeleteFunc(slices.Clone(d.Optional), func(p Port) bool { return slices.Contains(inputs, p.Name) })
	}
	if outputs != nil {
		if s.Outputs, err = choosePorts("output", d.Outputs, outputs); err != nil {
			return nil, err
		}
	}
	return &s, nil
}

// choosePorts finds ports, inputs or outputs by kind, by their names.
func choosePorts(kind string, ports []Port, wanted []string) ([]Port, error) {
	if len(wanted) == 0 {
		return nil, fmt.Errorf("no %s is chosen", kind)
	}
	var chosen []Port
	for i, name := range wanted {
		at := slices.IndexFunc(ports, func(p Port) bool { return p.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("the model has no %s %q: it has %s", kind, name, portList(ports))
		}
		if slices.Contains(wanted[:i], name) {
			return nil, fmt.Errorf("%s %q is chosen twice", kind, name)
		}
		chosen = append(chosen, ports[at])
	}
	return chosen, nil
}

// portList writes ports one after the other.
func portList(ports []Port) string {
	parts := make([]string, len(ports))
	for i, p := range ports {
		parts[i] = p.String()
	}
	return strings.Join(parts, ", ")
}

func portNames(ports []Port) []string {
	names := make([]string, len(ports))
	for i, p := range ports {
		names[i] = p.Name
	}
	return names
}

// graph reads a GraphProto.
func (d *Description) graph(msg []byte, initialized map[string]bool) error {
	return fields(msg, func(num protowire.Number, v uint64, b []byte) error {
		switch num {
		case 5:
			return d.initializer(b, initialized)
		case 11, 12:
			p, err := port(b)
			if err != nil {
				return err
			}
			if num == 11 {
				d.Inputs = append(d.Inputs, p)
			} else {
				d.Outputs = append(d.Outputs, p)
			}
		}
		return nil
	})
}

// initializer reads the name of a weight (a TensorProto) and where its values lie.
func (d *Description) initializer(msg []byte, initialized map[string]bool) error {
	return fields(msg, func(num protowire.Number, v uint64, b []byte) error {
		switch num {
		case 8:
			initialized[string(b)] = true
		case 14:
			d.External = d.External || v == 1
		}
		return nil
	})
}

// opset reads an OperatorSetIdProto; the empty domain is ONNX's own.
func (d *Description) opset(msg []byte) error {
	var domain string
	var version int64
	err := fields(msg, func(num protowire.Number, v uint64, b []byte) error {
		switch num {
		case 1:
			domain = string(b)
		case 2:
			version = int64(v)
		}
		return nil
	})
	if domain == "" || domain == "ai.onnx" {
		d.Opset = version
	}
	return err
}

// property reads a StringStringEntryProto.
func (d *Description) property(msg []byte) error {
	var key, value string
	err := fields(msg, func(num protowire.Number, v uint64, b []byte) error {
		switch num {
		case 1:
			key = string(b)
		case 2:
			value = string(b)
		}
		return nil
	})
	d.Metadata[key] = value
	return err
}

// port reads a ValueInfoProto.
func port(msg []byte) (Port, error) {
	p := Port{Type: "unknown"}
	err := fields(msg, func(num protowire.Number, v uint64, b []byte) error {
		switch num {
		case 1:
			p.Name = string(b)
		case 2:
			return p.typ(b)
		}
		return nil
	})
	return p, err
}

// typ reads a TypeProto.
func (p *Port) typ(msg []byte) error {
	return fields(msg, func(num protowire.Number, v uint64, b []byte) error {
		switch num {
		case 1:
			return p.tensor(b)
		case 4:
			p.Type = "sequence"
		case 5:
			p.Type = "map"
		case 8:
			p.Type = "sparse tensor"
		case 9:
			p.Type = "optional"
		}
		return nil
	})
}

// tensor reads a TypeProto.Tensor.
func (p *Port) tensor(msg []byte) error {
	return fields(msg, func(num protowire.Number, v uint64, b []byte) error {
		switch num {
		case 1:
			if p.Type = elementTypes[v]; p.Type == "" {
				p.Type = fmt.Sprintf("element type %d", v)
			}
		case 2:
			p.Shape, p.Axes = []int64{}, []string{}
			return fields(b, func(num protowire.Number, v uint64, b []byte) error {
				if num != 1 {
					return nil
				}
				return p.dimension(b)
			})
		}
		return nil
	})
}

// dimension reads a TensorShapeProto.Dimension and adds it to the shape.
func (p *Port) dimension(msg []byte) error {
	size, name := int64(-1), ""
	err := fields(msg, func(num protowire.Number, v uint64, b []byte) error {
		switch num {
		case 1:
			size = int64(v)
		case 2:
			name = string(b)
		}
		return nil
	})
	p.Shape, p.Axes = append(p.Shape, max(size, -1)), append(p.Axes, name)
	return err
}

// fields calls do for every field of a protobuf message, with its number as v where it is a varint and its bytes as b where it has a length.
func fields(msg []byte, do func(num protowire.Number, v uint64, b []byte) error) error {
	for len(msg) > 0 {
		num, typ, n := protowire.ConsumeTag(msg)
		if n < 0 {
			return protowire.ParseError(n)
		}
		msg = msg[n:]
		var v uint64
		var b []byte
		switch typ {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(msg)
		case protowire.BytesType:
			b, n = protowire.ConsumeBytes(msg)
		default:
			n = protowire.ConsumeFieldValue(num, typ, msg)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		msg = msg[n:]
		if err := do(num, v, b); err != nil {
			return err
		}
	}
	return nil
}
