package serve

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/legacy"

	"cyclegan/infer"
	"cyclegan/infer/onnx"
	"cyclegan/infer/pixels"
	"cyclegan/infer/session"
)

// openapi.yaml describes all addresses and no others, and what the handlers answer in every case.
func TestOpenAPI(t *testing.T) {
	for _, media := range []string{"image/*", "image/png", "image/jpeg", "application/yaml", "text/html", "application/x-www-form-urlencoded", "multipart/form-data"} {
		openapi3filter.RegisterBodyDecoder(media, openapi3filter.FileBodyDecoder)
	}
	doc, err := openapi3.NewLoader().LoadFromData([]byte(openAPI))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Fatal(err)
	}
	s := testServer(t, &Options{Limits: pixels.Limits{MaxBytes: 100_000}}, &fake{info: infer.Info{
		DomainFrom: "summer", DomainTo: "winter", Architecture: "pyramid", TrainWidth: 128, TrainHeight: 128, Width: 64, Height: 64, Step: 8,
		Writer: "test", Runtime: "1", Provider: "cpu", Input: infer.Port{Name: "input"}, Output: infer.Port{Name: "output"},
	}})
	s.models.tensors = func(Generator, *infer.Options) (tensorModel, error) { return negation{}, nil }
	var described, served []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	for pattern := range s.routes() {
		served = append(served, strings.TrimSuffix(pattern, "{$}"))
	}
	slices.Sort(described)
	slices.Sort(served)
	if !slices.Equal(described, served) {
		t.Fatalf("described are\n%s\nserved are\n%s", strings.Join(described, "\n"), strings.Join(served, "\n"))
	}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	base := picture(t, "base.png")
	image := `"` + base64.StdEncoding.EncodeToString(base) + `"`
	tensor := `{"inputs":[{"name":"input","datatype":"FP32","shape":[1,2],"data":[[1,-2.5]]}]%s}`
	withBinary := `{"inputs":[{"name":"input","datatype":"FP32","shape":[2],"parameters":{"binary_data_size":8}}]}`
	reached := map[string]bool{}
	for _, c := range []struct {
		method, path, contentType, header string
		body                              []byte
		status                            int
		bad                               bool // the request itself is not as described
	}{
		{"GET", "/", "", "", nil, 200, false},
		{"GET", "/openapi.yaml", "", "", nil, 200, false},
		{"GET", "/metrics", "", "", nil, 200, false},
		{"GET", "/v1/models", "", "", nil, 200, false},
		{"GET", "/v1/models/nothing/report", "", "", nil, 404, false},
		{"GET", "/v1/models/seasons/report", "", "", nil, 404, false},
		{"POST", "/v1/translate?model=seasons&direction=BtoA&format=jpeg&quality=9", "image/png", "", base, 200, false},
		{"POST", "/v1/translate", "application/octet-stream", "", base, 200, false},
		{"POST", "/v1/translate", "application/x-www-form-urlencoded", "", base, 200, false},
		{"POST", "/v1/preview", "image/tiff", "", picture(t, "lzw.tiff"), 200, false},
		{"POST", "/v1/preview", "image/png", "", []byte("hello"), 415, false},
		{"POST", "/v1/translate?quality=0", "image/png", "", base, 400, true},
		{"POST", "/v1/translate?direction=up", "image/png", "", base, 400, true},
		{"POST", "/v1/translate?model=x", "image/png", "", base, 404, false},
		{"POST", "/v1/translate", "image/png", "", make([]byte, 100_001), 413, false},
		{"POST", "/v1/translate", "image/png", "", []byte("hello"), 415, false},
		{"POST", "/v1/translate", "image/png", "", base[:100], 422, false},
		{"GET", "/v2", "", "", nil, 200, false},
		{"GET", "/v2/health/live", "", "", nil, 200, false},
		{"GET", "/v2/health/ready", "", "", nil, 200, false},
		{"GET", "/v2/models/seasons-AtoB", "", "", nil, 200, false},
		{"GET", "/v2/models/seasons", "", "", nil, 404, false},
		{"GET", "/v2/models/seasons-AtoB/versions/1", "", "", nil, 200, false},
		{"GET", "/v2/models/seasons-AtoB/versions/2", "", "", nil, 404, true},
		{"GET", "/v2/models/seasons-AtoB/ready", "", "", nil, 200, false},
		{"GET", "/v2/models/seasons-AtoB/versions/1/ready", "", "", nil, 200, false},
		{"POST", "/v2/models/seasons-AtoB/infer", "application/json", "", fmt.Appendf(nil, tensor, ""), 200, false},
		{"POST", "/v2/models/seasons-AtoB/versions/1/infer", "application/json", "", fmt.Appendf(nil, tensor, `,"id":"7"`), 200, false},
		{"POST", "/v2/models/seasons-AtoB/infer", "application/json", "", fmt.Appendf(nil, tensor, `,"parameters":{"binary_data_output":true}`), 200, false},
		{"POST", "/v2/models/seasons-AtoB/infer", "application/octet-stream", fmt.Sprint(len(withBinary)), binaryFloats([]byte(withBinary), 1, 2), 200, false},
		{"POST", "/v2/models/seasons-BtoA/infer", "application/json", "", fmt.Appendf(nil, `{"inputs":[{"name":"input","datatype":"BYTES","shape":[1],"data":[%s]}]}`, image), 200, false},
		{"POST", "/v2/models/seasons-BtoA/infer", "application/json", "", []byte(`{"inputs":[]}`), 400, true},
		{"POST", "/v2/models/seasons-BtoA/infer", "application/json", "", make([]byte, 100_001), 413, true},
	} {
		t.Run(fmt.Sprint(c.method, " ", c.path, " ", c.status), func(t *testing.T) {
			r := httptest.NewRequest(c.method, c.path, bytes.NewReader(c.body))
			if c.body != nil {
				r.Header.Set("Content-Type", c.contentType)
			}
			if c.header != "" {
				r.Header.Set(headerLength, c.header)
			}
			route, params, err := router.FindRoute(r)
			if err != nil {
				t.Fatal(err)
			}
			reached[route.Method+" "+route.Path] = true
			input := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route,
				Options: &openapi3filter.Options{IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
			if err := openapi3filter.ValidateRequest(context.Background(), input); (err != nil) != c.bad {
				t.Errorf("request: %v", err)
			}
			r.Body = io.NopCloser(bytes.NewReader(c.body))
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != c.status {
				t.Errorf("status %d, want %d: %.300s", w.Code, c.status, w.Body)
			}
			answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: w.Code, Header: w.Header(), Options: input.Options}
			if err := openapi3filter.ValidateResponse(context.Background(), answer.SetBodyBytes(w.Body.Bytes())); err != nil {
				t.Errorf("answer: %v", err)
			}
		})
	}
	if len(reached) != len(described) {
		t.Errorf("%d of %d operations are tested", len(reached), len(described))
	}
	checkIdle(t, s)
}

// A negation is a network that negates a tensor.
type negation struct{}

func (negation) About() *session.Description {
	return &session.Description{Inputs: []onnx.Port{{Name: "input"}}, Outputs: []onnx.Port{{Name: "output"}}}
}

func (negation) Run(_ context.Context, inputs ...session.Tensor) ([]session.Tensor, error) {
	out := session.Tensor{Shape: inputs[0].Shape}
	for _, v := range inputs[0].Data {
		out.Data = append(out.Data, -v)
	}
	return []session.Tensor{out}, nil
}

func (negation) Close() error { return nil }

// binaryFloats appends numbers to a body.
func binaryFloats(body []byte, values ...float32) []byte {
	body, err := binary.Append(slices.Clone(body), binary.LittleEndian, values)
	if err != nil {
		panic(err)
	}
	return body
}
