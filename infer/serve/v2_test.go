package serve

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cyclegan/infer"
	"cyclegan/infer/internal/imagetest"
	"cyclegan/infer/pixels"
)

func v2TestServer(t testing.TB) *Server {
	s := testServer(t, &Options{Memory: 64 << 20, Limits: pixels.Limits{MaxPixels: 1 << 20}},
		&fake{info: infer.Info{Input: infer.Port{Name: "input"}, Output: infer.Port{Name: "output"}}})
	s.models.tensors = func(Generator, *infer.Options) (tensorModel, error) { return negation{}, nil }
	return s
}

func TestV2Tensors(t *testing.T) {
	s := v2TestServer(t)
	json1 := `{"id":"7","inputs":[{"name":"input","datatype":"FP32","shape":[1,3],"data":[1,[2.5],-3e-2]}]}`
	head := `{"inputs":[{"name":"input","datatype":"FP32","shape":[3],"parameters":{"binary_data_size":12}}],"outputs":[{"name":"output"%s}]}`
	mixed := fmt.Sprintf(head, "")
	binaryOut := fmt.Sprintf(head, `,"parameters":{"binary_data":true}`)
	want := []float32{-1, -2.5, 3e-2}
	for _, c := range []struct{ name, text, length string }{
		{"JSON", json1, ""},
		{"binary in", string(binaryFloats([]byte(mixed), 1, 2.5, -3e-2)), strconv.Itoa(len(mixed))},
		{"binary in and out", string(binaryFloats([]byte(binaryOut), 1, 2.5, -3e-2)), strconv.Itoa(len(binaryOut))},
	} {
		r := httptest.NewRequest("POST", "/v2/models/seasons-AtoB/infer", strings.NewReader(c.text))
		if c.length != "" {
			r.Header.Set(headerLength, c.length)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != 200 {
			t.Errorf("%s: status %d: %s", c.name, w.Code, w.Body)
			continue
		}
		text, rest := w.Body.Bytes(), []byte(nil)
		if n, err := strconv.Atoi(w.Header().Get(headerLength)); err == nil {
			text, rest = text[:n], text[n:]
		}
		var answer struct {
			Model   string `json:"model_name"`
			Outputs []struct {
				Shape []int64
				Data  []float32
			}
		}
		if err := json.Unmarshal(text, &answer); err != nil {
			t.Fatal(err)
		}
		got := answer.Outputs[0].Data
		if rest != nil {
			got = make([]float32, 3)
			if _, err := binary.Decode(rest, binary.LittleEndian, got); err != nil {
				t.Fatal(err)
			}
		}
		if answer.Model != "seasons-AtoB" || !slices.Equal(got, want) {
			t.Errorf("%s: %s answers %v, want %v", c.name, answer.Model, got, want)
		}
	}
	checkIdle(t, s)
}

func TestV2Images(t *testing.T) {
	s := v2TestServer(t)
	base := picture(t, "base.png")
	head := fmt.Sprintf(`{"parameters":{"format":"bmp","binary_data_output":true},"inputs":[{"name":"input","datatype":"BYTES","shape":[2],"parameters":{"binary_data_size":%d}}]}`, 2*(4+len(base)))
	body := []byte(head)
	for range 2 {
		body = binary.LittleEndian.AppendUint32(body, uint32(len(base)))
		body = append(body, base...)
	}
	r := httptest.NewRequest("POST", "/v2/models/seasons-AtoB/infer", bytes.NewReader(body))
	r.Header.Set(headerLength, strconv.Itoa(len(head)))
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	n, err := strconv.Atoi(w.Header().Get(headerLength))
	if err != nil {
		t.Fatal(err)
	}
	rest := w.Body.Bytes()[n:]
	original, err := pixels.Decode(base, pixels.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		size := binary.LittleEndian.Uint32(rest)
		got, err := pixels.Decode(rest[4:4+size], pixels.Limits{})
		if err != nil || got.Format != "bmp" {
			t.Fatal(err)
		}
		if err := imagetest.Equal(got.Image, imagetest.Negative(original.Image), 0); err != nil {
			t.Error(err)
		}
		rest = rest[4+size:]
	}
	if len(rest) != 0 {
		t.Errorf("%d bytes are left", len(rest))
	}
	checkIdle(t, s)
}

func TestV2Errors(t *testing.T) {
	s := v2TestServer(t)
	in := func(rest string) string { return `{"inputs":[{"name":"input",` + rest + `}]}` }
	for _, c := range []struct {
		body, length string
		status       int
		want         string
	}{
		{"{", "", 400, "not JSON"},
		{`{"inputs":{}}`, "", 400, "not JSON"},
		{`{}`, "", 400, "no inputs"},
		{in(`"datatype":"FP32","shape":[1],"data":[1]`), "999", 400, "not a length within"},
		{in(`"datatype":"FP32","shape":[1],"data":[1]`), "-1", 400, "not a length within"},
		{in(`"datatype":"FP32","shape":[2],"data":[1]`), "", 400, "not a list of 2 numbers"},
		{in(`"datatype":"FP32","shape":[1],"data":["x"]`), "", 400, "not a list of 1 numbers"},
		{in(`"datatype":"FP32","shape":[1],"data":[null]`), "", 400, "not a list of 1 numbers"},
		{in(`"datatype":"FP32","shape":[1],"data":[1e99]`), "", 400, "not a list of 1 numbers"},
		{in(`"datatype":"FP32","shape":[1]`), "", 400, "has no data"},
		{in(`"datatype":"FP32","shape":[0]`), "", 400, "shape [0]"},
		{in(`"datatype":"FP32","shape":[4294967296,4294967296]`), "", 400, "shape"},
		{in(`"datatype":"INT8","shape":[1],"data":[1]`), "", 400, `datatype "INT8"`},
		{in(`"datatype":"FP32","shape":[1],"parameters":{"binary_data_size":4}`), "", 400, "0 bytes are left"},
		{in(`"datatype":"FP32","shape":[1],"data":[1]`) + "rest", strconv.Itoa(len(in(`"datatype":"FP32","shape":[1],"data":[1]`))), 400, "4 bytes follow"},
		{in(`"datatype":"BYTES","shape":[65],"data":[]`), "", 400, "65 images"},
		{in(`"datatype":"BYTES","shape":[1],"data":["?"]`), "", 400, "not base64"},
		{in(`"datatype":"BYTES","shape":[1],"data":["aGVsbG8="]`), "", 415, "not a JPEG"},
		{in(`"datatype":"BYTES","shape":[2],"data":["aGVsbG8=","aGVsbG8="]`), "", 415, "image 1: not a JPEG"},
		{`{"parameters":{"format":"doc"},` + in(`"datatype":"BYTES","shape":[1],"data":["aGVsbG8="]`)[1:], "", 400, `format "doc"`},
		{`{"outputs":[{"name":"x"}],` + in(`"datatype":"FP32","shape":[1],"data":[1]`)[1:], "", 400, `no output "x"`},
		{strings.Replace(in(`"datatype":"FP32","shape":[1],"data":[1]`), "input\"", "other\"", 1), "", 400, `no input "other"`},
		{in(`"datatype":"FP32","shape":[600000],"data":[` + strings.Repeat("0,", 599_999) + "0]"), "", 413, "more than the limit"},
	} {
		r := httptest.NewRequest("POST", "/v2/models/seasons-AtoB/infer", strings.NewReader(c.body))
		if c.length != "" {
			r.Header.Set(headerLength, c.length)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		var p problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != c.status || !strings.Contains(p.Detail, c.want) || p.V2 != p.Detail {
			t.Errorf("%.100s: status %d, want %d with %q: %.200s", c.body, w.Code, c.status, c.want, w.Body)
		}
	}
	checkIdle(t, s)
}

// An output that JSON cannot hold is a problem, and binary data holds it.
func TestV2NaN(t *testing.T) {
	a := &v2Answer{Outputs: []v2Output{{Name: "output", Datatype: fp32, Shape: []int64{1}, values: []float32{float32(math.NaN())}}}}
	if _, _, err := a.encode(&v2Request{}); !errors.As(err, new(*problem)) {
		t.Errorf("NaN in JSON: %v", err)
	}
	if _, body, err := a.encode(&v2Request{Parameters: v2Parameters{BinaryDataOutput: true}}); err != nil || !bytes.HasSuffix(body, []byte{0xc0, 0x7f}) {
		t.Errorf("NaN in binary data: %q, %v", body, err)
	}
}

// Whatever a client sends, the server answers: with a result, or a problem that is the client's
// fault.
func FuzzV2(f *testing.F) {
	s := v2TestServer(f)
	head := `{"inputs":[{"name":"input","datatype":"FP32","shape":[2],"parameters":{"binary_data_size":8}}]}`
	f.Add(binaryFloats([]byte(head), 1, 2), strconv.Itoa(len(head)))
	f.Add([]byte(`{"inputs":[{"name":"input","datatype":"FP32","shape":[1,1],"data":[[1]]}],"parameters":{"binary_data_output":true}}`), "")
	f.Add([]byte(`{"inputs":[{"name":"input","datatype":"BYTES","shape":[1],"data":["iVBORw0KGgo="]}],"outputs":[{"name":"output"}]}`), "")
	f.Fuzz(func(t *testing.T, body []byte, length string) {
		r := httptest.NewRequest("POST", "/v2/models/seasons-AtoB/infer", bytes.NewReader(body))
		r.Header[headerLength] = []string{length}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 || w.Code == 200 && w.Body.Len() == 0 {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
		checkIdle(t, s)
	})
}

func FuzzTranslate(f *testing.F) {
	s := testServer(f, &Options{Memory: 64 << 20, Limits: pixels.Limits{MaxPixels: 1 << 16}}, &fake{})
	f.Add(picture(f, "base.png"), "image/png", "format=jpg&quality=3")
	f.Add([]byte("--x\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a\"\r\n\r\nBM\r\n--x--\r\n"), "multipart/form-data; boundary=x", "")
	f.Add(picture(f, "orientation_6.jpg"), "", "direction=BtoA")
	f.Fuzz(func(t *testing.T, body []byte, contentType, query string) {
		r := httptest.NewRequest("POST", "/v1/translate", bytes.NewReader(body))
		r.Header["Content-Type"] = []string{contentType}
		r.URL.RawQuery = query
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 || w.Code == 200 && w.Body.Len() == 0 {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
		checkIdle(t, s)
	})
}
