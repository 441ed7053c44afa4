package infer

import (
	"context"
	"fmt"
	"slices"

	"cyclegan/infer/onnx"
	"cyclegan/infer/session"
)

// frame is a session of a model whose tensors are not those of one picture with an axis of pictures, [1,...]: they lack that axis,
// or there are always several pictures on it. Then each is the one that is given, so that what the model takes over all of them is that one's.
type frame struct {
	run             runner
	bareIn, bareOut bool // without the axis
	batch           int  // pictures, at least 1
}

// framed gives run itself for a model that needs no frame.
func framed(run runner, about *session.Description, i Info) runner {
	bare := func(ports []onnx.Port, name string) bool {
		return slices.ContainsFunc(ports, func(p onnx.Port) bool { return p.Name == name && len(p.Shape) == 3 })
	}
	f := frame{run: run, batch: max(1, i.Batch),
		bareIn: bare(slices.Concat(about.Inputs, about.Optional), i.InputPort.Name), bareOut: bare(about.Outputs, i.OutputPort.Name)}
	if f.batch == 1 && !f.bareIn && !f.bareOut {
		return run
	}
	return f
}

// About tells the model's ports as they are.
func (f frame) About() *session.Description { return f.run.About() }

// RunInto takes and gives one picture, [1,...].
func (f frame) RunInto(ctx context.Context, outputs []session.Tensor, inputs ...session.Tensor) error {
	in := inputs[0]
	if f.bareIn {
		in.Shape = in.Shape[1:]
	} else if f.batch > 1 {
		in = session.Tensor{Shape: slices.Concat([]int64{int64(f.batch)}, in.Shape[1:]), Data: slices.Repeat(in.Data, f.batch)}
	}
	if err := f.run.RunInto(ctx, outputs, slices.Concat([]session.Tensor{in}, inputs[1:])...); err != nil || len(outputs) == 0 {
		return err
	}
	out := &outputs[0]
	switch {
	case f.bareOut:
		out.Shape = slices.Concat([]int64{1}, out.Shape)
	case f.batch > 1:
		if len(out.Shape) == 0 || out.Shape[0] != int64(f.batch) {
			return fmt.Errorf("the model gave a tensor of shape %v for %d pictures", out.Shape, f.batch)
		}
		out.Shape = slices.Concat([]int64{1}, out.Shape[1:])
		out.Data = out.Data[:len(out.Data)/f.batch]
	}
	return nil
}

// Close closes the session.
func (f frame) Close() error { return f.run.Close() }
