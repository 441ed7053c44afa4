package infer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"cyclegan/infer/onnx"
	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
)

// An engine runs images as tensors. A Model and its tiler share one.
type engine struct {
	info       Info
	in, out    pixels.Spec
	workspaces sync.Pool // of *workspace
	trial      trial
}

func newEngine(info Info) *engine {
	return &engine{info: info, in: info.Input.spec(), out: info.Output.spec()}
}

// A workspace is the memory of a run: the image input, and all outputs. Later runs reuse it.
type workspace struct {
	in      []float32
	outputs []session.Tensor
}

// workspace returns one whose input holds n arbitrary values. The caller puts it back.
func (e *engine) workspace(n int) *workspace {
	ws, ok := e.workspaces.Get().(*workspace)
	if !ok {
		ws = &workspace{}
	}
	if cap(ws.in) < n {
		ws.in = make([]float32, n)
	}
	ws.in = ws.in[:n]
	return ws
}

// images returns the image output of the last run.
func (ws *workspace) images() []float32 { return ws.outputs[0].Data }

// run passes the input of ws, n images of W x H, through a session, together with more inputs. The
// images are then in ws; rest are the other outputs.
func (e *engine) run(ctx context.Context, s runner, ws *workspace, n, W, H int, more ...session.Tensor) (rest []session.Tensor, err error) {
	want := len(s.About().Outputs)
	if want == 0 || want > 1 && len(more) == 0 {
		return nil, fmt.Errorf("the model has %d outputs, not 1", want)
	}
	if cap(ws.outputs) < want {
		ws.outputs = append(ws.outputs[:cap(ws.outputs)], make([]session.Tensor, want-cap(ws.outputs))...)
	}
	ws.outputs = ws.outputs[:want]
	inputs := append([]session.Tensor{{Shape: dims(e.in, n, W, H), Data: ws.in}}, more...)
	if err := s.RunInto(ctx, ws.outputs, inputs...); err != nil {
		return nil, e.failed(ctx, err, W, H)
	}
	if err := checkOutput(ws.outputs[0], e.out, n, W, H); err != nil {
		return nil, e.failed(ctx, err, W, H)
	}
	return ws.outputs[1:], e.checkFinite(ws.images())
}

// checkFinite returns an error for values that no image has.
func (e *engine) checkFinite(values []float32) error {
	i := slices.IndexFunc(values, func(v float32) bool { return v-v != 0 })
	if i < 0 {
		return nil
	}
	what := "NaN"
	if values[i] == values[i] {
		what = "infinite values"
	}
	half := onnx.Float16.String()
	if e.info.WeightType == half || e.info.Input.Type == half || e.info.Output.Type == half {
		return fmt.Errorf("the model returned %s: it computes in float16, whose numbers end at %d\nFix: use the model in float32 (cmd/export without -precision f16)", what, onnx.MaxFloat16)
	}
	return fmt.Errorf("the model returned %s\nFix: if it does so for every image, check the range of its input (Options.Range)", what)
}

// dims returns the shape of a tensor of n images.
func dims(s pixels.Spec, n, w, h int) []int64 {
	if s.Layout == pixels.NHWC {
		return []int64{int64(n), int64(h), int64(w), int64(s.Channels)}
	}
	return []int64{int64(n), int64(s.Channels), int64(h), int64(w)}
}

// checkOutput returns an error for a tensor that does not hold n images of W x H.
func checkOutput(t session.Tensor, s pixels.Spec, n, W, H int) error {
	if len(t.Shape) == 4 {
		w, h := int(t.Shape[3]), int(t.Shape[2])
		if s.Layout == pixels.NHWC {
			w, h = int(t.Shape[2]), int(t.Shape[1])
		}
		switch {
		case !slices.Equal(dims(s, n, w, h), t.Shape):
		case w != W || h != H:
			return fmt.Errorf("the model returned %dx%d for %dx%d: it changes the size, or takes other sizes only", w, h, W, H)
		case len(t.Data) != n*s.Len(W, H):
			return errors.New("the model returned a tensor with fewer values than its shape has")
		default:
			return nil
		}
	}
	return fmt.Errorf("the model returned a tensor of shape %v, not %d %v images with %d channels", t.Shape, n, s.Layout, s.Channels)
}

// runSize returns the size to which an image is padded.
func (e *engine) runSize(w, h int) (W, H int) {
	s := e.sizes()
	W = cmp.Or(e.info.Width, padded(w, s.multiple, s.least))
	H = cmp.Or(e.info.Height, padded(h, s.multiple, s.least))
	return W, H
}

// A batchAxis adapts a session whose tensors lack the batch axis, or always have several images on
// it, to tensors of one image, [1,...]. All images of a batch are the same, so that what the model
// computes from all of them depends on that image only.
type batchAxis struct {
	runner
	bareIn, bareOut bool // without the axis
	batch           int  // at least 1
}

func newBatchAxis(about *session.Description, i *Info) batchAxis {
	bare := func(name string) bool {
		return slices.ContainsFunc(slices.Concat(about.Inputs, about.Optional, about.Outputs), func(p onnx.Port) bool {
			return p.Name == name && len(p.Shape) == 3
		})
	}
	return batchAxis{batch: max(1, i.Batch), bareIn: bare(i.Input.Name), bareOut: bare(i.Output.Name)}
}

// wrap returns run itself if its tensors need no change.
func (a batchAxis) wrap(run runner) runner {
	if a.batch == 1 && !a.bareIn && !a.bareOut {
		return run
	}
	a.runner = run
	return &a
}

// RunInto takes and returns one image, [1,...].
func (a *batchAxis) RunInto(ctx context.Context, outputs []session.Tensor, inputs ...session.Tensor) error {
	in := inputs[0]
	if a.bareIn {
		in.Shape = in.Shape[1:]
	} else if a.batch > 1 {
		in = session.Tensor{Shape: slices.Concat([]int64{int64(a.batch)}, in.Shape[1:]), Data: slices.Repeat(in.Data, a.batch)}
	}
	if err := a.runner.RunInto(ctx, outputs, slices.Concat([]session.Tensor{in}, inputs[1:])...); err != nil || len(outputs) == 0 {
		return err
	}
	out := &outputs[0]
	switch {
	case a.bareOut:
		out.Shape = slices.Concat([]int64{1}, out.Shape)
	case a.batch > 1:
		if len(out.Shape) == 0 || out.Shape[0] != int64(a.batch) {
			return fmt.Errorf("the model returned a tensor of shape %v for %d images", out.Shape, a.batch)
		}
		out.Shape = slices.Concat([]int64{1}, out.Shape[1:])
		out.Data = out.Data[:len(out.Data)/a.batch]
	}
	return nil
}
