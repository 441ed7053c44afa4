package pipeline

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// bucket is as much of an S3 server as the file system asks for: objects by their paths,
// /bucket/key.
type bucket struct {
	sync.Mutex
	objects map[string][]byte
	pages   int // of listings that were given
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.Lock()
	defer b.Unlock()
	content, ok := b.objects[r.URL.Path]
	switch {
	case r.Method == http.MethodPut:
		data, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		b.objects[r.URL.Path] = unchunked(r, data)
	case r.URL.Query().Get("list-type") == "2":
		b.list(w, r)
	case !ok:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, "<Error><Code>NoSuchKey</Code></Error>")
	default:
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		if r.Method == http.MethodGet {
			w.Write(content)
		}
	}
}

// list gives two objects a page, so that there are several pages.
func (b *bucket) list(w http.ResponseWriter, r *http.Request) {
	b.pages++
	type object struct{ Key string }
	var result struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []object
	}
	root := strings.TrimRight(r.URL.Path, "/") + "/"
	var keys []string
	for path := range b.objects {
		key := strings.TrimPrefix(path, root)
		if strings.HasPrefix(path, root) && strings.HasPrefix(key, r.URL.Query().Get("prefix")) && key > r.URL.Query().Get("continuation-token") {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	if len(keys) > 2 {
		keys, result.IsTruncated, result.NextContinuationToken = keys[:2], true, keys[1]
	}
	for _, key := range keys {
		result.Contents = append(result.Contents, object{key})
	}
	xml.NewEncoder(w).Encode(result)
}

// unchunked takes the frames off a body that is sent with a checksum behind it: size in hex, line
// end, bytes, line end, and so on to size 0.
func unchunked(r *http.Request, data []byte) []byte {
	if !strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") {
		return data
	}
	var out []byte
	for {
		line, rest, _ := strings.Cut(string(data), "\r\n")
		var n int
		fmt.Sscanf(line, "%x", &n)
		if n == 0 || n > len(rest) {
			return out
		}
		out = append(out, rest[:n]...)
		data = []byte(rest[n+2:])
	}
}

func TestS3(t *testing.T) {
	model := invert(t)
	b := &bucket{objects: map[string][]byte{}}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required"} {
		t.Setenv(name, value)
	}
	systems.Lock()
	delete(systems.open, "s3")
	systems.Unlock()
	t.Cleanup(func() { delete(systems.open, "s3") })

	in := pictures(t)
	for name, content := range readTree(t, in) {
		b.objects["/photos/in/"+name] = content
	}
	content, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	b.objects["/photos/invert.onnx"] = content
	o := &Options{Model: "s3://photos/invert.onnx", Inputs: []string{"s3://photos/in"}, Output: "s3://photos/out", DeadLetters: "s3://photos/failed.jsonl"}
	_, letters := run(t, o)
	want, failures := expected(t, model, []string{in}, "", nil)
	got := map[string][]byte{}
	for path, content := range b.objects {
		if name, ok := strings.CutPrefix(path, "/photos/out/"); ok {
			got[name] = content
		}
	}
	equal(t, got, want)
	if len(letters) != len(failures) || b.pages < 10 {
		t.Errorf("%d dead letters, want %d; %d pages", len(letters), len(failures), b.pages)
	}
	o.SkipExisting = true
	if measured, _ := run(t, o); measured.Counters["images_skipped"] != int64(len(want)) || measured.Counters["models_opened"] != 0 {
		t.Errorf("once more: %v", measured.Counters)
	}
}
