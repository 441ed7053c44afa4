package serve

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// Data types of the protocol.
const (
	fp32      = "FP32"
	bytesType = "BYTES"
)

// headerLength is the header of the binary extension: the length of the JSON before the binary
// data.
const headerLength = "Inference-Header-Content-Length"

// mostFiles is the number of images in a request.
const mostFiles = 64

type v2Request struct {
	ID         string       `json:"id"`
	Parameters v2Parameters `json:"parameters"`
	Inputs     []v2Input    `json:"inputs"`
	Outputs    []struct {
		Name       string `json:"name"`
		Parameters struct {
			BinaryData *bool `json:"binary_data"`
		} `json:"parameters"`
	} `json:"outputs"`
}

// v2Parameters are those of a request: what the protocol has, and the parameters of /v1/translate.
type v2Parameters struct {
	BinaryDataOutput bool   `json:"binary_data_output"`
	Format           string `json:"format"`
	Quality          *int   `json:"quality"`
	Strip            bool   `json:"strip"`
}

type v2Input struct {
	Name       string  `json:"name"`
	Datatype   string  `json:"datatype"`
	Shape      []int64 `json:"shape"`
	Parameters struct {
		BinaryDataSize *int64 `json:"binary_data_size"`
	} `json:"parameters"`
	Data json.RawMessage `json:"data"`

	values []float32 // of FP32
	files  [][]byte  // of BYTES
}

func badRequest(format string, args ...any) error {
	return problemf(http.StatusBadRequest, format, args...)
}

// parseV2 parses the body of a request for inference. Length is the header of the binary extension.
// The inputs share memory with the body.
func parseV2(body []byte, length string) (*v2Request, error) {
	text, binaryData := body, []byte(nil)
	if length != "" {
		n, err := strconv.Atoi(length)
		if err != nil || n < 0 || n > len(body) {
			return nil, badRequest("%s %q is not a length within the %d bytes of the body", headerLength, length, len(body))
		}
		text, binaryData = body[:n], body[n:]
	}
	var request v2Request
	if err := json.Unmarshal(text, &request); err != nil {
		return nil, badRequest("the request is not JSON of the protocol: %v", err)
	}
	if len(request.Inputs) == 0 {
		return nil, badRequest("the request has no inputs")
	}
	for i := range request.Inputs {
		in := &request.Inputs[i]
		count, err := in.count()
		if err != nil {
			return nil, err
		}
		if size := in.Parameters.BinaryDataSize; size != nil {
			if *size < 0 || *size > int64(len(binaryData)) {
				return nil, badRequest("input %q has a binary_data_size of %d, but %d bytes are left", in.Name, *size, len(binaryData))
			}
			err = in.readBinary(binaryData[:*size], count)
			binaryData = binaryData[*size:]
		} else {
			err = in.readJSON(count)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(binaryData) > 0 {
		return nil, badRequest("%d bytes follow the last input", len(binaryData))
	}
	return &request, nil
}

// count returns the number of elements of an input.
func (in *v2Input) count() (int64, error) {
	n := int64(1)
	for _, side := range in.Shape {
		if side < 1 || n > math.MaxInt32/side {
			return 0, badRequest("input %q has the shape %v", in.Name, in.Shape)
		}
		n *= side
	}
	switch {
	case in.Datatype != fp32 && in.Datatype != bytesType:
		return 0, badRequest("input %q has the datatype %q, not %s or %s", in.Name, in.Datatype, fp32, bytesType)
	case in.Datatype == bytesType && n > mostFiles:
		return 0, badRequest("input %q has %d images, more than %d", in.Name, n, mostFiles)
	}
	return n, nil
}

func (in *v2Input) readBinary(data []byte, count int64) error {
	if in.Datatype == fp32 {
		if int64(len(data)) != 4*count {
			return badRequest("input %q of the shape %v has %d bytes, not %d", in.Name, in.Shape, len(data), 4*count)
		}
		in.values = make([]float32, count)
		for i := range in.values {
			in.values[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
		return nil
	}
	for len(data) >= 4 {
		n := int64(binary.LittleEndian.Uint32(data))
		if n > int64(len(data)-4) {
			break
		}
		in.files = append(in.files, data[4:4+n])
		data = data[4+n:]
	}
	if len(data) > 0 || int64(len(in.files)) != count {
		return badRequest("input %q does not hold %d byte strings, each after its length in 4 bytes", in.Name, count)
	}
	return nil
}

func (in *v2Input) readJSON(count int64) error {
	if in.Datatype == bytesType {
		var files []string
		if err := json.Unmarshal(in.Data, &files); err != nil || int64(len(files)) != count {
			return badRequest("input %q is not a list of %d strings in base64", in.Name, count)
		}
		for _, text := range files {
			data, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return badRequest("input %q is not base64: %v", in.Name, err)
			}
			in.files = append(in.files, data)
		}
		return nil
	}
	// Numbers may be nested in the form of the shape. Without the inner brackets they are one list.
	text := bytes.TrimSpace(in.Data)
	if len(text) < 2 || text[0] != '[' || text[len(text)-1] != ']' {
		return badRequest("input %q has no data", in.Name)
	}
	flat := make([]byte, 1, len(text))
	flat[0] = '['
	for _, c := range text {
		if c != '[' && c != ']' {
			flat = append(flat, c)
		}
	}
	flat = append(flat, ']')
	if err := json.Unmarshal(flat, &in.values); err != nil || int64(len(in.values)) != count || bytes.Contains(flat, []byte("null")) {
		return badRequest("input %q of the shape %v is not a list of %d numbers", in.Name, in.Shape, count)
	}
	return nil
}

// query returns the parameters for images.
func (r *v2Request) query() (query, error) {
	values := url.Values{}
	if r.Parameters.Format != "" {
		values.Set("format", r.Parameters.Format)
	}
	if r.Parameters.Quality != nil {
		values.Set("quality", strconv.Itoa(*r.Parameters.Quality))
	}
	values.Set("strip", strconv.FormatBool(r.Parameters.Strip))
	return parseQuery(values.Encode())
}

type (
	v2Answer struct {
		Model   string     `json:"model_name"`
		Version string     `json:"model_version"`
		ID      string     `json:"id,omitempty"`
		Outputs []v2Output `json:"outputs"`
	}
	v2Output struct {
		Name       string          `json:"name"`
		Datatype   string          `json:"datatype"`
		Shape      []int64         `json:"shape"`
		Parameters *v2Size         `json:"parameters,omitempty"`
		Data       json.RawMessage `json:"data,omitempty"`

		values []float32
		files  [][]byte
	}
	v2Size struct {
		BinaryDataSize int `json:"binary_data_size"`
	}
)

func (a *v2Answer) add(out v2Output) { a.Outputs = append(a.Outputs, out) }

// encode returns the body of the answer with the outputs that the request names, or all. Header is
// the length of the JSON in it.
func (a *v2Answer) encode(request *v2Request) (header int, body []byte, err error) {
	chosen := make([]v2Output, 0, len(a.Outputs))
	var asBinary []bool
	if len(request.Outputs) == 0 {
		chosen = a.Outputs
		asBinary = slices.Repeat([]bool{request.Parameters.BinaryDataOutput}, len(chosen))
	}
	for _, want := range request.Outputs {
		i := slices.IndexFunc(a.Outputs, func(o v2Output) bool { return o.Name == want.Name })
		if i < 0 {
			return 0, nil, badRequest("the model has no output %q", want.Name)
		}
		chosen = append(chosen, a.Outputs[i])
		isBinary := request.Parameters.BinaryDataOutput
		if b := want.Parameters.BinaryData; b != nil {
			isBinary = *b
		}
		asBinary = append(asBinary, isBinary)
	}
	var binaryData []byte
	for i := range chosen {
		o := &chosen[i]
		if !asBinary[i] {
			if err := o.writeJSON(); err != nil {
				return 0, nil, err
			}
			continue
		}
		before := len(binaryData)
		binaryData = o.appendBinary(binaryData)
		o.Parameters = &v2Size{len(binaryData) - before}
	}
	a.Outputs = chosen
	text, err := json.Marshal(a)
	if err != nil {
		return 0, nil, err
	}
	return len(text), append(text, binaryData...), nil
}

func (o *v2Output) appendBinary(data []byte) []byte {
	data = slices.Grow(data, 4*len(o.values))
	for _, v := range o.values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	for _, file := range o.files {
		data = binary.LittleEndian.AppendUint32(data, uint32(len(file)))
		data = append(data, file...)
	}
	return data
}

func (o *v2Output) writeJSON() (err error) {
	if o.Datatype == bytesType {
		o.Data, err = json.Marshal(o.files) // base64
		return err
	}
	if slices.ContainsFunc(o.values, func(v float32) bool { return v-v != 0 }) {
		return problemf(http.StatusUnprocessableEntity, "the model returned NaN or infinite values, which JSON cannot hold\nFix: ask for binary data")
	}
	o.Data, err = json.Marshal(o.values)
	return err
}
