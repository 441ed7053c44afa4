package serve

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"cyclegan/infer/batch"
	"cyclegan/infer/pixels"
)

// A query is what a client asks for an image.
type query struct {
	model, direction string
	format           string // as pixels.SaveOptions has it, or "" for that of the image
	quality          int
	untouched        bool // no model
	strip            bool
}

// parseQuery reads a query from the parameters of an address. The problem lists every mistake.
func parseQuery(raw string) (q query, err error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, problemf(http.StatusBadRequest, "the parameters of the address are damaged")
	}
	var bad []string
	for name, all := range values {
		value := all[0]
		switch name {
		case "model":
			q.model = value
		case "direction":
			if q.direction = value; value != "" && value != "AtoB" && value != "BtoA" {
				bad = append(bad, fmt.Sprintf("direction %q is not AtoB or BtoA", value))
			}
		case "format":
			if q.format = strings.ToLower(value); value != "" && !pixels.Writable(value) {
				bad = append(bad, fmt.Sprintf("format %q cannot be written: use %s", value, strings.Join(writable(), ", ")))
			}
		case "quality":
			if q.quality, err = strconv.Atoi(value); err != nil || q.quality < 1 || q.quality > 100 {
				bad = append(bad, fmt.Sprintf("quality %q is not between 1 and 100", value))
			}
		case "strip":
			if q.strip, err = strconv.ParseBool(value); err != nil {
				bad = append(bad, fmt.Sprintf("strip %q is not true or false", value))
			}
		default:
			bad = append(bad, fmt.Sprintf("unknown parameter %q", name))
		}
		if len(all) > 1 {
			bad = append(bad, fmt.Sprintf("parameter %q occurs more than once", name))
		}
	}
	if len(bad) > 0 {
		return q, problemf(http.StatusBadRequest, "%s", strings.Join(bad, "; "))
	}
	return q, nil
}

// readable are the formats that clients may send.
var readable = []string{"jpeg", "png", "webp", "gif", "tiff", "bmp", "heic", "avif", "ppm"}

// writable returns the formats of results.
func writable() (formats []string) {
	for _, format := range readable {
		if pixels.Writable(format) {
			formats = append(formats, format)
		}
	}
	return formats
}

// contentType returns the media type of a format that can be written.
func contentType(format string) string { return "image/" + pixels.FormatOf("."+format) }

// translate answers POST /v1/translate.
func (s *Server) translate(w http.ResponseWriter, r *http.Request) {
	if err := s.translateImage(w, r); err != nil {
		s.fail(w, r, err)
	}
}

func (s *Server) translateImage(w http.ResponseWriter, r *http.Request) error {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	if _, err := s.models.find(q.model, q.direction); err != nil {
		return err
	}
	return s.answer(w, r, q)
}

// preview answers POST /v1/preview: with an image as it is, for browsers that cannot show its
// format.
func (s *Server) preview(w http.ResponseWriter, r *http.Request) {
	if err := s.answer(w, r, query{untouched: true, format: "jpeg"}); err != nil {
		s.fail(w, r, err)
	}
}

// answer answers with the image that a query asks for.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, q query) error {
	if s.gate.full() { // so do not wait for the file
		return errFull
	}
	f, err := s.readImage(w, r)
	if err != nil {
		return err
	}
	defer f.free()
	result, err := s.convert(r.Context(), q, f)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", contentType(result.format))
	h.Set("Content-Length", strconv.Itoa(len(f.data)))
	h.Set("Server-Timing", result.timing())
	if result.model != "" {
		h.Set("Model", result.model)
	}
	for _, note := range result.notes {
		h.Add("Note", note)
	}
	s.writeFile(w, f.data)
	return nil
}

// A conversion describes how an image was converted.
type conversion struct {
	model, format string
	stages        map[string]time.Duration
	notes         []string
}

// The stages of a conversion, in metrics and in the header Server-Timing.
const (
	stageQueue  = "queue"
	stageDecode = "decode"
	stageModel  = "model"
	stageEncode = "encode"
)

var stages = []string{stageQueue, stageDecode, stageModel, stageEncode}

// timing returns the header Server-Timing.
func (c *conversion) timing() string {
	var parts []string
	for _, stage := range stages {
		parts = append(parts, fmt.Sprintf("%s;dur=%.1f", stage, float64(c.stages[stage].Microseconds())/1000))
	}
	return strings.Join(parts, ", ")
}

// convert replaces an image file by its translation, as cmd/infer converts files. It waits for a
// place.
func (s *Server) convert(ctx context.Context, q query, f *file) (*conversion, error) {
	format, count, err := s.inspect(f.data)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.opt.Timeout, errTimeout)
	defer cancel()
	c := &conversion{format: cmp.Or(q.format, pixels.OutputFormat(format)), stages: map[string]time.Duration{}}
	began := time.Now()
	leave, err := s.gate.enter(ctx, count)
	if err != nil {
		return nil, err
	}
	defer leave()
	c.stages[stageQueue] = time.Since(began)
	var model batch.Translator = untouched{}
	if !q.untouched {
		n, opened, release, err := s.acquire(q.model, q.direction)
		if err != nil {
			return nil, err
		}
		defer release()
		c.model, model = n.id, opened
	}
	converter, err := batch.New(model, &batch.Options{Quality: q.quality, Strip: q.strip, Workers: 1, Limits: s.opt.Limits})
	if err != nil {
		return nil, err
	}
	out, result := converter.Convert(ctx, batch.Job{Input: "image", Output: "image." + c.format}, f.data)
	c.stages[stageDecode], c.stages[stageModel], c.stages[stageEncode] = result.Read, result.Run, result.Write
	if result.Err != nil {
		return nil, conversionError(ctx, result)
	}
	if !q.untouched {
		s.metrics.converted(c)
	}
	c.notes = result.Notes
	f.replace(out)
	return c, nil
}

// untouched is the model that leaves images as they are.
type untouched struct{}

func (untouched) Translate(_ context.Context, img image.Image) (image.Image, error) { return img, nil }

// inspect returns the format of a file and the number of its pixels, if it is an image within the
// limits.
func (s *Server) inspect(data []byte) (format string, count int64, err error) {
	info, err := pixels.Header(bytes.NewReader(data), s.opt.Limits)
	if err != nil {
		return "", 0, unreadable(err)
	}
	return info.Format, int64(info.Width) * int64(info.Height), nil
}

// acquire returns a model that is open, also if it is replaced meanwhile.
func (s *Server) acquire(name, direction string) (*network, translator, func(), error) {
	for {
		n, err := s.models.find(name, direction)
		if err != nil {
			return nil, nil, nil, err
		}
		model, release, err := s.models.acquire(n)
		if !errors.Is(err, errGone) {
			return n, model, release, err
		}
	}
}

// conversionError returns the error of a conversion: a problem if it is the image's fault.
func conversionError(ctx context.Context, r batch.Result) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if r.Run > 0 {
		return r.Err
	}
	cause := r.Err
	if inner := errors.Unwrap(cause); inner != nil {
		cause = inner // without the name of the file
	}
	return unreadable(cause)
}

// unreadable returns the problem with an image that cannot be read.
func unreadable(err error) *problem {
	status := http.StatusUnprocessableEntity
	switch {
	case errors.As(err, new(*pixels.UnsupportedError)):
		status = http.StatusUnsupportedMediaType
	case errors.As(err, new(*pixels.LimitError)):
		status = http.StatusRequestEntityTooLarge
	}
	return problemf(status, "%v", err)
}
