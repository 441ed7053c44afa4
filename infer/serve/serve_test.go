package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"cyclegan/infer"
	"cyclegan/infer/internal/imagetest"
	"cyclegan/infer/pixels"
)

// A fake is a generator that inverts images. Its runs wait for hold, if that is set.
type fake struct {
	info   infer.Info
	hold   chan struct{}
	err    error
	closed atomic.Bool
	runs   atomic.Int64
}

func (f *fake) Translate(ctx context.Context, img image.Image) (image.Image, error) {
	if f.closed.Load() {
		panic("a closed model runs")
	}
	f.runs.Add(1)
	if f.hold != nil {
		select {
		case <-f.hold:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return imagetest.Negative(img), f.err
}

func (f *fake) Info() infer.Info { return f.info }
func (f *fake) Close() error     { f.closed.Store(true); return nil }

// pair are the generators of a model.
func pair(model string) Source {
	return Fixed(Generator{Model: model, Direction: "AtoB", Data: []byte{}}, Generator{Model: model, Direction: "BtoA", Data: []byte{}})
}

func testServer(t testing.TB, o *Options, f *fake) *Server {
	t.Helper()
	if o.Sources == nil {
		o.Sources = []Source{pair("seasons")}
	}
	s, err := newServer(o, func(Generator, *infer.Options) (translator, error) { return f, nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func picture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "pictures", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func form(t *testing.T, fields ...string) (body []byte, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, name := range fields {
		part, err := w.CreateFormFile(name, "photo.png")
		if err != nil {
			t.Fatal(err)
		}
		part.Write(picture(t, "base.png"))
	}
	w.Close()
	return b.Bytes(), w.FormDataContentType()
}

func TestTranslate(t *testing.T) {
	s := testServer(t, &Options{Limits: pixels.Limits{MaxBytes: 40_000, MaxPixels: 100_000}}, &fake{})
	base := picture(t, "base.png")
	oneFile, oneType := form(t, "image")
	twoFiles, twoType := form(t, "image", "second")
	noFile, noType := form(t)
	bad := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "badpictures", name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for _, c := range []struct {
		name, query, contentType string
		body                     []byte
		status                   int
		want                     string // media type of the answer, or part of the problem
	}{
		{"png", "", "image/png", base, 200, "image/png"},
		{"the type does not matter", "", "application/x-www-form-urlencoded", base, 200, "image/png"},
		{"form", "", oneType, oneFile, 200, "image/png"},
		{"another format", "?format=jpg&quality=50", "", base, 200, "image/jpeg"},
		{"direction", "?model=seasons&direction=BtoA", "", base, 200, "image/png"},
		{"two files", "", twoType, twoFiles, 400, "more than one file"},
		{"no file", "", noType, noFile, 400, "no file"},
		{"no boundary", "", "multipart/form-data", oneFile, 400, "damaged"},
		{"cut form", "", oneType, oneFile[:len(oneFile)-30], 400, "damaged"},
		{"mistakes", "?direction=up&quality=0&size=3&format=doc", "", base, 400, `direction "up"`},
		{"unknown parameter", "?sizes=3", "", base, 400, `unknown parameter "sizes"`},
		{"twice", "?format=png&format=png", "", base, 400, "more than once"},
		{"damaged query", "?a=%zz", "", base, 400, "address"},
		{"no such model", "?model=x", "", base, 404, `no model "x"; there are: seasons`},
		{"empty", "", "", nil, 422, "file is empty"},
		{"text", "", "", []byte("hello, world"), 415, "not a JPEG, PNG"},
		{"damaged", "", "", bad("cut_half.png"), 422, "damaged png"},
		{"damaged header", "", "", bad("cut_header.png"), 422, "damaged png header"},
		{"too many pixels", "", "", bad("claims_4_billion.png"), 413, "more than the limit of 100000 pixels"},
		{"too many bytes", "", "", make([]byte, 40_001), 413, "more than the limit of 40000 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/v1/translate"+c.query, bytes.NewReader(c.body))
			r.Header.Set("Content-Type", c.contentType)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != c.status {
				t.Fatalf("status %d, want %d: %s", w.Code, c.status, w.Body)
			}
			if c.status != 200 {
				checkProblem(t, w, c.want)
				return
			}
			if got := w.Header().Get("Content-Type"); got != c.want {
				t.Errorf("Content-Type %s, want %s", got, c.want)
			}
			original, err := pixels.Decode(base, pixels.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := pixels.Decode(w.Body.Bytes(), pixels.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			tolerance := 0
			if c.want == "image/jpeg" {
				tolerance = 60
			}
			if err := imagetest.Equal(got.Image, imagetest.Negative(original.Image), tolerance); err != nil {
				t.Error(err)
			}
		})
	}
	checkIdle(t, s)
}

// checkProblem checks that an answer is a problem whose detail contains want.
func checkProblem(t *testing.T, w *httptest.ResponseRecorder, want string) {
	t.Helper()
	var p problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	if w.Header().Get("Content-Type") != "application/problem+json" || p.Status != w.Code || p.Title == "" || !strings.Contains(p.Detail, want) {
		t.Errorf("problem %+v of type %s, want %q", p, w.Header().Get("Content-Type"), want)
	}
}

// checkIdle checks that nothing is held when no request is under way.
func checkIdle(t *testing.T, s *Server) {
	t.Helper()
	if g := s.gate.state(); g != (gateState{}) {
		t.Errorf("the gate holds %+v", g)
	}
	if n := s.buffer.used.Load(); n != 0 {
		t.Errorf("%d bytes are still reserved", n)
	}
	for _, n := range s.models.networks() {
		if n.refs != 0 {
			t.Errorf("%s has %d users", n.id, n.refs)
		}
	}
}

func TestAddresses(t *testing.T) {
	s := testServer(t, &Options{}, &fake{})
	for _, c := range []struct {
		method, path string
		status       int
		contentType  string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8"},
		{"HEAD", "/", 200, "text/html; charset=utf-8"},
		{"GET", "/v1/models", 200, "application/json"},
		{"GET", "/openapi.yaml", 200, "application/yaml"},
		{"GET", "/metrics", 200, "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"},
		{"GET", "/nothing", 404, "application/problem+json"},
		{"GET", "/debug/pprof/", 404, "application/problem+json"},
		{"DELETE", "/", 405, "application/problem+json"},
		{"GET", "/v1/translate", 405, "application/problem+json"},
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if w.Code != c.status || w.Header().Get("Content-Type") != c.contentType {
			t.Errorf("%s %s: status %d and %s, want %d and %s", c.method, c.path, w.Code, w.Header().Get("Content-Type"), c.status, c.contentType)
		}
		if !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: no content security policy", c.path)
		}
	}
}

func TestModels(t *testing.T) {
	s := testServer(t, &Options{}, &fake{info: infer.Info{DomainFrom: "summer", DomainTo: "winter"}})
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/v1/models", nil))
	var list modelList
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Models) != 1 || len(list.Models[0].Directions) != 2 || list.Models[0].Directions[1].V2 != "seasons-BtoA" || list.Limits.MaxBytes != 64<<20 {
		t.Errorf("models: %s", w.Body)
	}
}

func TestAccess(t *testing.T) {
	const token = "0123456789abcdef"
	s := testServer(t, &Options{Token: token, Origins: []string{"https://friend.example"}}, &fake{})
	for _, c := range []struct {
		name, method, path string
		header             map[string]string
		status             int
	}{
		{"no token", "GET", "/v1/models", nil, 401},
		{"wrong token", "GET", "/v1/models", map[string]string{"Authorization": "Bearer 0123456789abcdeX"}, 401},
		{"prefix of the token", "GET", "/v1/models", map[string]string{"Authorization": "Bearer 0123"}, 401},
		{"another scheme", "GET", "/v1/models", map[string]string{"Authorization": "Digest " + token}, 401},
		{"bearer", "GET", "/v1/models", map[string]string{"Authorization": "bearer " + token}, 200},
		{"basic", "GET", "/v1/models", map[string]string{"Authorization": "Basic YW55OjAxMjM0NTY3ODlhYmNkZWY="}, 200},
		{"the page", "GET", "/", nil, 200},
		{"metrics", "GET", "/metrics", nil, 401},
		{"another site", "POST", "/v1/translate", map[string]string{"Authorization": "Bearer " + token, "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, 403},
		{"another site in an old browser", "POST", "/v1/translate", map[string]string{"Authorization": "Bearer " + token, "Origin": "https://evil.example"}, 403},
		{"an allowed site", "POST", "/v1/translate", map[string]string{"Authorization": "Bearer " + token, "Origin": "https://friend.example", "Sec-Fetch-Site": "cross-site"}, 422},
		{"preflight", "OPTIONS", "/v1/translate", map[string]string{"Origin": "https://friend.example", "Access-Control-Request-Method": "POST"}, 204},
		{"preflight of another site", "OPTIONS", "/v1/translate", map[string]string{"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}, 401},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		for name, value := range c.header {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s: status %d, want %d: %s", c.name, w.Code, c.status, w.Body)
		}
		if allowed := w.Header().Get("Access-Control-Allow-Origin"); (allowed != "") != (r.Header.Get("Origin") == "https://friend.example") {
			t.Errorf("%s: Access-Control-Allow-Origin %q", c.name, allowed)
		}
	}
}

// On a connection from this machine, a host name that is not the server's is a page that pretends
// to be it.
func TestHost(t *testing.T) {
	server := httptest.NewServer(testServer(t, &Options{Hosts: []string{"photos.example"}}, &fake{}))
	defer server.Close()
	for host, status := range map[string]int{
		"": 200, "localhost": 200, "localhost:8080": 200, "127.0.0.1": 200, "[::1]:80": 200, "photos.example": 200, "Photos.example:443": 200,
		"evil.example": 421, "evil.example:8080": 421, "127.0.0.1.evil.example": 421, "192.0.2.1": 421,
	} {
		r, err := http.NewRequest("GET", server.URL+"/v1/models", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != status {
			t.Errorf("host %q: status %d, want %d", host, answer.StatusCode, status)
		}
		if status == 421 && (strings.Contains(string(body), ":8080") || !strings.Contains(string(body), "-host ")) {
			t.Errorf("host %q: %s", host, body) // -host takes no port
		}
	}
}

func TestValidate(t *testing.T) {
	bad := &Options{Token: "short", Hosts: []string{"a.example:8080", "::1", "b.example"}, Origins: []string{"example.org", "https://a/b"}, Memory: 1, Buffer: 1 << 20, Timeout: -1, MaxOpen: -1,
		Limits: pixels.Limits{MaxPixels: 1 << 40, MaxBytes: 1 << 40}, Infer: infer.Options{Detail: "x"}}
	err := bad.Validate()
	for _, want := range []string{"no source", "token has 5 bytes", `host "a.example:8080"`, `"example.org"`, `"https://a/b"`, "memory 1 ", "timeout", "open models", "pixels do not fit", "into a buffer", "detail"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
	large := &Options{Sources: []Source{Fixed()}, Limits: pixels.Limits{MaxBytes: 1 << 30}}
	if err := large.Validate(); err != nil {
		t.Errorf("large files: %v", err)
	}
	if strings.Contains(err.Error(), `"::1"`) || strings.Contains(err.Error(), `"b.example"`) {
		t.Errorf("a host is valid: %v", err)
	}
	for _, o := range []*Options{nil, {Sources: []Source{nil}}} {
		if _, err := New(o); err == nil {
			t.Error("a server without sources")
		}
	}
}
