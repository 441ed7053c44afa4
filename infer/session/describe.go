package session

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"cyclegan/infer/onnx"
)

// A Description is what an ONNX model says about itself. It needs no ONNX Runtime.
type Description struct {
	Inputs, Outputs []onnx.Port
	// Optional are inputs with a default value, which a run may leave out.
	Optional []onnx.Port
	// Metadata is the file's metadata_props.
	Metadata map[string]string
	// Producer is the program that wrote the file, with its version if known.
	Producer string
	// Opset is the version of ONNX's own operators, 0 if the file names none.
	Opset int64
	// External reports whether weights are in files of their own in the model's folder.
	External bool
}

// Describe returns what a model says about itself.
func Describe(m *onnx.Model) *Description {
	d := &Description{
		Outputs: m.Outputs, Opset: m.Opset, External: m.External(),
		Producer: strings.TrimSpace(m.Producer + " " + m.ProducerVersion), Metadata: map[string]string{},
	}
	for _, p := range m.Metadata {
		d.Metadata[p.Key] = p.Value
	}
	// Files from before IR version 4 list their weights among the inputs.
	initialized := map[string]bool{}
	for _, t := range m.Tensors {
		initialized[t.Name] = true
	}
	for _, p := range m.Inputs {
		if initialized[p.Name] {
			d.Optional = append(d.Optional, p)
		} else {
			d.Inputs = append(d.Inputs, p)
		}
	}
	return d
}

// Select returns the description with only the named inputs and outputs, in this order. Nil selects
// all required inputs, or all outputs. Leaving out a required input is an error.
func (d *Description) Select(inputs, outputs []string) (*Description, error) {
	s := *d
	var err error
	if inputs != nil {
		if s.Inputs, err = selectPorts("input", slices.Concat(d.Inputs, d.Optional), inputs); err != nil {
			return nil, err
		}
		for _, p := range d.Inputs {
			if !slices.Contains(inputs, p.Name) {
				return nil, fmt.Errorf("the model also needs its input %v", p)
			}
		}
		s.Optional = slices.DeleteFunc(slices.Clone(d.Optional), func(p onnx.Port) bool { return slices.Contains(inputs, p.Name) })
	}
	if outputs != nil {
		if s.Outputs, err = selectPorts("output", d.Outputs, outputs); err != nil {
			return nil, err
		}
	}
	return &s, nil
}

func selectPorts(kind string, ports []onnx.Port, names []string) ([]onnx.Port, error) {
	if len(names) == 0 {
		return nil, fmt.Errorf("no %s is chosen", kind)
	}
	var chosen []onnx.Port
	for i, name := range names {
		at := slices.IndexFunc(ports, func(p onnx.Port) bool { return p.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("the model has no %s %q: it has %s", kind, name, portList(ports))
		}
		if slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("%s %q is chosen twice", kind, name)
		}
		chosen = append(chosen, ports[at])
	}
	return chosen, nil
}

// removeConstants removes the constants from the inputs and returns their names in a fixed order.
func (d *Description) removeConstants(constants map[string]Tensor) ([]string, error) {
	names := slices.Sorted(maps.Keys(constants))
	for _, name := range names {
		at := slices.IndexFunc(d.Inputs, func(p onnx.Port) bool { return p.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("constant %q: the model has no such input: it has %s", name, portList(d.Inputs))
		}
		p := d.Inputs[at]
		if p.Type != onnx.Float32 {
			return nil, fmt.Errorf("constant %q: the input has type %v, and constants have float32", name, p.Type)
		}
		if err := constants[name].check(p); err != nil {
			return nil, fmt.Errorf("constant: %w", err)
		}
		d.Inputs = slices.Delete(slices.Clone(d.Inputs), at, at+1)
	}
	return names, nil
}

// castPrefix begins the name of a 16-bit output after its conversion to float32 in the model.
const castPrefix = "cyclegan.session/float32/"

// narrow reports whether onnxruntime_go cannot read an output's type.
func narrow(p onnx.Port) bool { return p.Type == onnx.Float16 || p.Type == onnx.BFloat16 }

// widened adds a conversion to float32 for each 16-bit output, and returns the output names to
// request. It returns m itself if there is none.
func widened(m *onnx.Model, outputs []onnx.Port) (wide *onnx.Model, names []string, err error) {
	names, wide = portNames(outputs), m
	for i, p := range outputs {
		if !narrow(p) {
			continue
		}
		if m.Opset < 6 {
			return nil, nil, fmt.Errorf("output %q has type %v and cannot be converted: the model uses opset %d, and the conversion needs 6", p.Name, p.Type, m.Opset)
		}
		if wide == m {
			wide = m.Clone()
		}
		names[i] = castPrefix + p.Name
		wide.Nodes = append(wide.Nodes, &onnx.Node{Op: "Cast", Name: names[i], Inputs: []string{p.Name}, Outputs: []string{names[i]},
			Attrs: []onnx.Attr{onnx.IntAttr("to", int64(onnx.Float32))}})
		wide.Outputs = append(wide.Outputs, onnx.Port{Name: names[i], Type: onnx.Float32})
	}
	return wide, names, nil
}

func portList(ports []onnx.Port) string {
	parts := make([]string, len(ports))
	for i, p := range ports {
		parts[i] = p.String()
	}
	return strings.Join(parts, ", ")
}

func portNames(ports []onnx.Port) []string {
	names := make([]string, len(ports))
	for i, p := range ports {
		names[i] = p.Name
	}
	return names
}
