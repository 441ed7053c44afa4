package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"cyclegan/infer/onnx"
	"cyclegan/infer/session"
)

// This file answers the Open Inference Protocol, version 2, over HTTP, which KServe, Triton, and
// others speak. A model of the protocol is one generator, such as summer2winter-AtoB, and has the
// version 1.

const v2Version = "1"

func (s *Server) v2Server(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"name": "cyclegan", "version": v2Version, "extensions": []string{"binary_tensor_data"}})
}

func (s *Server) v2Live(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, map[string]bool{"live": true})
}

func (s *Server) v2ServerReady(w http.ResponseWriter, r *http.Request) {
	ready, status := !s.draining.Load() && len(s.models.networks()) > 0, http.StatusOK
	if !ready {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, map[string]bool{"ready": ready})
}

// v2Model returns the handler of an address that names a generator.
func (s *Server) v2Model(answer func(http.ResponseWriter, *http.Request, *network) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n, err := s.v2Find(r)
		if err == nil {
			err = answer(w, r, n)
		}
		if err != nil {
			s.fail(w, r, err)
		}
	}
}

// v2Find returns the generator that the address names.
func (s *Server) v2Find(r *http.Request) (*network, error) {
	n, err := s.models.lookup(r.PathValue("model"))
	if err != nil {
		return nil, err
	}
	if v := r.PathValue("version"); v != "" && v != v2Version {
		return nil, problemf(http.StatusNotFound, "model %q has no version %q, only %s", n.id, v, v2Version)
	}
	return n, nil
}

func (s *Server) v2Ready(w http.ResponseWriter, r *http.Request, n *network) error {
	writeJSON(w, http.StatusOK, map[string]any{"name": n.id, "ready": true})
	return nil
}

type (
	v2ModelEntry struct {
		Name     string   `json:"name"`
		Versions []string `json:"versions"`
		Platform string   `json:"platform"`
		Inputs   []v2Port `json:"inputs"`
		Outputs  []v2Port `json:"outputs"`
	}
	v2Port struct {
		Name     string  `json:"name"`
		Datatype string  `json:"datatype"`
		Shape    []int64 `json:"shape"`
	}
)

// v2Ports describes inputs or outputs. All are FP32, because a session converts to and from other
// types.
func v2Ports(ports []onnx.Port) (list []v2Port) {
	for _, p := range ports {
		list = append(list, v2Port{p.Name, fp32, append([]int64{}, p.Shape...)}) // nil would be null
	}
	return list
}

func (s *Server) v2Metadata(w http.ResponseWriter, r *http.Request, n *network) error {
	tensors, release, err := s.acquireTensors(n)
	if err != nil {
		return err
	}
	defer release()
	about := tensors.About()
	writeJSON(w, http.StatusOK, v2ModelEntry{n.id, []string{v2Version}, "onnxruntime_onnx", v2Ports(about.Inputs), v2Ports(about.Outputs)})
	return nil
}

func (s *Server) v2Infer(w http.ResponseWriter, r *http.Request, n *network) error {
	if s.gate.full() {
		return errFull
	}
	if r.ContentLength > s.opt.Limits.MaxBytes {
		return tooLarge(s.opt.Limits.MaxBytes)
	}
	f, err := s.readBody(w, r, s.opt.Limits.MaxBytes)
	if err != nil {
		return err
	}
	defer f.free()
	request, err := parseV2(f.data, r.Header.Get(headerLength))
	if err != nil {
		return err
	}
	answer := &v2Answer{Model: n.id, Version: v2Version, ID: request.ID}
	if request.Inputs[0].Datatype == bytesType {
		err = s.v2Images(r.Context(), n, request, answer)
	} else {
		err = s.v2Tensors(r.Context(), n, request, answer)
	}
	if err != nil {
		return err
	}
	header, body, err := answer.encode(request)
	if err != nil {
		return err
	}
	f.replace(body)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if header < len(body) {
		h.Set("Content-Type", "application/octet-stream")
		h.Set(headerLength, strconv.Itoa(header))
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	s.writeFile(w, body)
	return nil
}

// acquireTensors returns the network of a generator, or of its successor if it has been replaced.
func (s *Server) acquireTensors(n *network) (tensorModel, func(), error) {
	for {
		tensors, release, err := s.models.acquireTensors(n)
		if !errors.Is(err, errGone) {
			return tensors, release, err
		}
		if n, err = s.models.lookup(n.id); err != nil {
			return nil, nil, err
		}
	}
}

// tensorCost is the memory per pixel of a tensor, which is not cut into tiles, in that of an image.
const tensorCost = 28

// v2Tensors runs tensors through the network as it is, without what package infer does with images.
func (s *Server) v2Tensors(ctx context.Context, n *network, request *v2Request, answer *v2Answer) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.opt.Timeout, errTimeout)
	defer cancel()
	var size int64
	for _, in := range request.Inputs {
		size += int64(len(in.values))
	}
	weight := size / 3 * tensorCost
	if weight > s.gate.capacity {
		return problemf(http.StatusRequestEntityTooLarge, "tensors of %d values have more than the limit of %d", size, s.gate.capacity*3/tensorCost)
	}
	leave, err := s.gate.enter(ctx, weight)
	if err != nil {
		return err
	}
	defer leave()
	tensors, release, err := s.acquireTensors(n)
	if err != nil {
		return err
	}
	defer release()
	about := tensors.About()
	inputs, err := matchInputs(about.Inputs, request.Inputs)
	if err != nil {
		return err
	}
	// One run after another, because each uses all processors.
	if err := s.tensors.Acquire(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	results, err := tensors.Run(ctx, inputs...)
	s.tensors.Release(1)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		s.opt.Log.Error("model failed", "model", n.id, "error", err)
		return problemf(http.StatusUnprocessableEntity, "the model cannot compute tensors of these shapes")
	}
	for i, t := range results {
		answer.add(v2Output{Name: about.Outputs[i].Name, Datatype: fp32, Shape: t.Shape, values: t.Data})
	}
	return nil
}

// matchInputs returns the tensors in the order of the model's inputs.
func matchInputs(ports []onnx.Port, given []v2Input) ([]session.Tensor, error) {
	tensors := make([]session.Tensor, len(ports))
	for _, in := range given {
		i := slices.IndexFunc(ports, func(p onnx.Port) bool { return p.Name == in.Name })
		switch {
		case i < 0:
			return nil, problemf(http.StatusBadRequest, "the model has no input %q", in.Name)
		case tensors[i].Shape != nil:
			return nil, problemf(http.StatusBadRequest, "input %q occurs twice", in.Name)
		case in.Datatype != fp32:
			return nil, problemf(http.StatusBadRequest, "input %q has the datatype %q, not %s or %s", in.Name, in.Datatype, fp32, bytesType)
		case !ports[i].Accepts(in.Shape):
			return nil, problemf(http.StatusBadRequest, "input %q has the shape %v, not %s", in.Name, in.Shape, ports[i].ShapeString())
		}
		tensors[i] = session.Tensor{Shape: in.Shape, Data: in.values}
	}
	for i, t := range tensors {
		if t.Shape == nil {
			return nil, problemf(http.StatusBadRequest, "input %q is missing", ports[i].Name)
		}
	}
	return tensors, nil
}

// v2Images translates encoded images, as POST /v1/translate does.
func (s *Server) v2Images(ctx context.Context, n *network, request *v2Request, answer *v2Answer) error {
	in := request.Inputs[0]
	if len(request.Inputs) > 1 || in.Name != n.info.Input.Name {
		return problemf(http.StatusBadRequest, "images are the only input, %q", n.info.Input.Name)
	}
	q, err := request.query()
	if err != nil {
		return err
	}
	q.model, q.direction = n.Model, n.direction
	out := v2Output{Name: n.info.Output.Name, Datatype: bytesType, Shape: in.Shape}
	for i, data := range in.files {
		f := &file{data: data, budget: s.buffer} // a part of the body, which has its place in the budget
		defer f.free()
		if _, err := s.convert(ctx, q, f); err != nil {
			if len(in.files) > 1 {
				p := *s.asProblem(err)
				p.Detail = fmt.Sprintf("image %d: %s", i+1, p.Detail)
				err = &p
			}
			return err
		}
		out.files = append(out.files, f.data)
	}
	answer.add(out)
	return nil
}
