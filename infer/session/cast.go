package session

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// castTo is what an output of a 16-bit type is called after its conversion in the model.
const castTo = "cyclegan.session/float32/"

// narrow says that an output's type is one that the wrapper of ONNX Runtime cannot read.
func narrow(p Port) bool { return p.Type == "float16" || p.Type == "bfloat16" }

// widened adds to a model an operation for each of the outputs that has a 16-bit type, which converts it to float32,
// and gives the names to ask for. A protobuf message that follows another is merged into it, so that the file itself is not taken apart.
func widened(model []byte, d *Description) (wide []byte, names []string, err error) {
	names = portNames(d.Outputs)
	var graph []byte
	for i, p := range d.Outputs {
		if !narrow(p) {
			continue
		}
		if d.Opset < 6 {
			return nil, nil, fmt.Errorf("output %q holds %s, and the file names no version of ONNX's operators, or one below 6, so that it cannot be converted", p.Name, p.Type)
		}
		names[i] = castTo + p.Name
		graph = append(graph, castNode(p.Name, names[i])...)
		graph = append(graph, floatOutput(names[i])...)
	}
	if graph == nil {
		return model, names, nil
	}
	wide = make([]byte, 0, len(model)+len(graph)+16)
	wide = append(wide, model...)
	return field(wide, 7, graph), names, nil
}

// castNode is field 1 of a GraphProto: a NodeProto of the operation Cast to float32, which is element type 1.
func castNode(from, to string) []byte {
	node := field(nil, 1, []byte(from))
	node = field(node, 2, []byte(to))
	node = field(node, 3, []byte(to))
	node = field(node, 4, []byte("Cast"))
	attribute := field(nil, 1, []byte("to"))
	attribute = number(attribute, 3, 1)
	attribute = number(attribute, 20, 2) // an integer
	return field(nil, 1, field(node, 5, attribute))
}

// floatOutput is field 12 of a GraphProto: a ValueInfoProto of float32 and any shape.
func floatOutput(name string) []byte {
	tensor := field(nil, 1, number(nil, 1, 1))
	value := field(nil, 1, []byte(name))
	return field(nil, 12, field(value, 2, tensor))
}

func field(b []byte, num protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), content)
}

func number(b []byte, num protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
}
