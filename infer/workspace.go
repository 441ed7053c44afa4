package infer

import (
	"context"
	"errors"
	"fmt"

	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
)

// runner is what a Model needs of a session.
type runner interface {
	About() *session.Description
	RunInto(ctx context.Context, outputs []session.Tensor, inputs ...session.Tensor) error
	Close() error
}

// A workspace is the memory of a run: the tensor that goes in, and those that come out. A later run uses it again.
type workspace struct {
	in      []float32
	outputs []session.Tensor
}

// workspace gives one whose input has room for n values, to be put back by release. What the input holds is any earlier run's.
func (m *Model) workspace(n int) *workspace {
	ws, ok := m.workspaces.Get().(*workspace)
	if !ok {
		ws = &workspace{}
	}
	if cap(ws.in) < n {
		ws.in = make([]float32, n)
	}
	ws.in = ws.in[:n]
	return ws
}

func (m *Model) release(ws *workspace) { m.workspaces.Put(ws) }

// run sends the input through a session: n pictures of W x H, and what the session takes beside them.
// The session's first output then holds the pictures; rest is what it gives beside them.
func (ws *workspace) run(ctx context.Context, s runner, info *Info, n, W, H int, more ...session.Tensor) (rest []session.Tensor, err error) {
	want := len(s.About().Outputs)
	if want == 0 || want > 1 && len(more) == 0 {
		return nil, fmt.Errorf("the model gives %d outputs, not 1", want)
	}
	if cap(ws.outputs) < want {
		ws.outputs = append(ws.outputs[:cap(ws.outputs)], make([]session.Tensor, want-cap(ws.outputs))...)
	}
	ws.outputs = ws.outputs[:want]
	inputs := append([]session.Tensor{{Shape: dims(info.Input, n, W, H), Data: ws.in}}, more...)
	if err := s.RunInto(ctx, ws.outputs, inputs...); err != nil {
		return nil, err
	}
	return ws.outputs[1:], checkOutput(ws.outputs[0], info.Output, n, W, H)
}

// pictures is what the last run made: as many values as n pictures of W x H have.
func (ws *workspace) pictures() []float32 { return ws.outputs[0].Data }

// dims is the shape of the tensor of n pictures.
func dims(s pixels.Spec, n, w, h int) []int64 {
	if s.Layout == pixels.NHWC {
		return []int64{int64(n), int64(h), int64(w), int64(s.Channels)}
	}
	return []int64{int64(n), int64(s.Channels), int64(h), int64(w)}
}

// checkOutput says what is wrong with a tensor that has to hold n pictures of W x H.
func checkOutput(t session.Tensor, s pixels.Spec, n, W, H int) error {
	if len(t.Shape) == 4 {
		w, h := int(t.Shape[3]), int(t.Shape[2])
		if s.Layout == pixels.NHWC {
			w, h = int(t.Shape[2]), int(t.Shape[1])
		}
		switch {
		case [4]int64(dims(s, n, w, h)) != [4]int64(t.Shape):
		case w != W || h != H:
			return fmt.Errorf("the model gave %dx%d for %dx%d: it changes the size, or its sides must be multiples that it does not tell (Options.SizeMultiple)", w, h, W, H)
		case len(t.Data) != n*s.Len(W, H):
			return errors.New("the model gave a tensor with fewer values than its shape has")
		default:
			return nil
		}
	}
	return fmt.Errorf("the model gave a tensor of shape %v, which is not %d %v pictures with %d channels", t.Shape, n, s.Layout, s.Channels)
}
