package session

import (
	"fmt"
	"slices"
	"strings"

	"cyclegan/infer/onnx"
)

// A Description is what an ONNX file says about itself. Reading it needs no ONNX Runtime.
type Description struct {
	Inputs, Outputs []onnx.Port
	// Optional are inputs that the file gives values for, so that a run may leave them out.
	Optional []onnx.Port
	// Metadata is the file's metadata_props.
	Metadata map[string]string
	// Producer names the program that wrote the file, with its version if the file has it.
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
		s.Optional = slices.DeleteFunc(slices.Clone(d.Optional), func(p onnx.Port) bool { return slices.Contains(inputs, p.Name) })
	}
	if outputs != nil {
		if s.Outputs, err = choosePorts("output", d.Outputs, outputs); err != nil {
			return nil, err
		}
	}
	return &s, nil
}

// choosePorts finds ports, inputs or outputs by kind, by their names.
func choosePorts(kind string, ports []onnx.Port, wanted []string) ([]onnx.Port, error) {
	if len(wanted) == 0 {
		return nil, fmt.Errorf("no %s is chosen", kind)
	}
	var chosen []onnx.Port
	for i, name := range wanted {
		at := slices.IndexFunc(ports, func(p onnx.Port) bool { return p.Name == name })
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
