package serve

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// A budget bounds bytes in memory.
type budget struct {
	most int64
	used atomic.Int64
}

// take reserves n more bytes, and reports whether the budget has them.
func (b *budget) take(n int64) bool {
	if b.used.Add(n) > b.most {
		b.used.Add(-n)
		return false
	}
	return true
}

// A pace is how slow a client may be: it has grace, and a second for every rate bytes. A slower one
// is disconnected.
type pace struct {
	grace time.Duration
	rate  int64
}

var defaultPace = pace{15 * time.Second, 32 << 10}

func (p pace) deadline(began time.Time, n int64) time.Time {
	return began.Add(p.grace + time.Duration(n/p.rate)*time.Second)
}

// A file is what a client sends or gets. It holds its part of the budget until free is called.
type file struct {
	data   []byte
	held   int64
	budget *budget
}

func (f *file) free() {
	f.data = nil
	f.budget.used.Add(-f.held)
	f.held = 0
}

// replace gives the file other content. The budget may be exceeded by what is an answer already.
func (f *file) replace(data []byte) {
	f.budget.used.Add(int64(len(data)) - f.held)
	f.data, f.held = data, int64(len(data))
}

// readBody reads the body of a request, at most limit bytes, as fast as clients must send.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request, limit int64) (*file, error) {
	f, err := s.readFrom(w, r, r.Body, limit)
	return f, s.endBody(w, err)
}

// endBody lifts the deadline after a body has been read. After an error it stays, because net/http
// reads on.
func (s *Server) endBody(w http.ResponseWriter, err error) error {
	if err == nil {
		http.NewResponseController(w).SetReadDeadline(time.Time{})
	}
	return err
}

func (s *Server) readFrom(w http.ResponseWriter, r *http.Request, from io.Reader, limit int64) (_ *file, err error) {
	f := &file{budget: s.buffer}
	control := http.NewResponseController(w)
	began := time.Now()
	defer func() {
		if err != nil {
			f.free()
		}
	}()
	var data bytes.Buffer
	chunk := make([]byte, 64<<10)
	for {
		control.SetReadDeadline(s.pace.deadline(began, f.held))
		n, err := from.Read(chunk)
		if int64(data.Len()+n) > limit {
			return nil, tooLarge(limit)
		}
		if !s.buffer.take(int64(n)) {
			return nil, errBuffer
		}
		f.held += int64(n)
		data.Write(chunk[:n])
		switch {
		case err == io.EOF:
			f.data = data.Bytes()
			return f, nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, problemf(http.StatusRequestTimeout, "the file arrived too slowly")
		case err != nil && r.Context().Err() != nil:
			return nil, r.Context().Err()
		case err != nil:
			return nil, problemf(http.StatusBadRequest, "the request ended early or is damaged")
		}
	}
}

func tooLarge(limit int64) *problem {
	return problemf(http.StatusRequestEntityTooLarge, "file has more than the limit of %d bytes", limit)
}

// readImage reads the file of a request: the only file of a form, or else the body, whatever the
// request calls its type (curl calls everything a form).
func (s *Server) readImage(w http.ResponseWriter, r *http.Request) (*file, error) {
	limit := s.opt.Limits.MaxBytes
	mediaType, parameters, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case mediaType != "multipart/form-data":
		if r.ContentLength > limit {
			return nil, tooLarge(limit)
		}
		return s.readBody(w, r, limit)
	case r.ContentLength > limit+64<<10:
		return nil, tooLarge(limit)
	}
	form := multipart.NewReader(http.MaxBytesReader(w, r.Body, limit+64<<10), parameters["boundary"])
	var image *file
	for {
		part, err := form.NextPart()
		if err == io.EOF && image != nil {
			return image, s.endBody(w, nil)
		}
		switch {
		case err == io.EOF:
			err = problemf(http.StatusBadRequest, "the form has no file\nFix: send it as the field image")
		case err != nil && r.Context().Err() != nil:
			err = r.Context().Err()
		case err != nil:
			err = problemf(http.StatusBadRequest, "the form is damaged or ended early")
		case part.FileName() == "" && part.FormName() != "image":
			continue
		case image != nil:
			err = problemf(http.StatusBadRequest, "the form has more than one file")
		default:
			image, err = s.readFrom(w, r, part, limit)
		}
		if err != nil {
			if image != nil {
				image.free()
			}
			return nil, err
		}
	}
}

// writeFile writes an answer, as fast as clients must read. It gives up on one that is slower or
// has gone, which cannot be told anything.
func (s *Server) writeFile(w http.ResponseWriter, data []byte) {
	control := http.NewResponseController(w)
	began := time.Now()
	defer func() {
		control.Flush()
		control.SetWriteDeadline(time.Time{})
	}()
	for at := 0; at < len(data); {
		control.SetWriteDeadline(s.pace.deadline(began, int64(at)))
		n, err := w.Write(data[at:min(at+64<<10, len(data))])
		at += n
		if err != nil {
			return
		}
	}
}
