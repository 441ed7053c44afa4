package serve

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"cyclegan/infer"
	"cyclegan/infer/batch"
	"cyclegan/infer/builtin"
	"cyclegan/infer/session"
)

// TestPage uses the page in Chromium, as a person does. All subtests share one process of it.
func TestPage(t *testing.T) {
	chromium := startChromium(t)
	for _, c := range []struct {
		name string
		test func(*testing.T, context.Context)
	}{
		{"image", pageImage}, {"queue", pageQueue}, {"token", pageToken}, {"stop", pageStop}, {"retry", pageRetry},
		{"phone", pagePhone}, {"violations", pageViolations},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, chromium) })
	}
}

// pageImage converts an image with the built-in model. The download has the bytes that cmd/infer
// writes.
func pageImage(t *testing.T, chromium context.Context) {
	model, err := builtin.Open("AtoB", nil)
	if errors.As(err, new(*session.NotFoundError)) || errors.Is(err, session.ErrNoCgo) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	var both []Generator
	for _, direction := range []string{"AtoB", "BtoA"} {
		data, err := builtin.Model(direction)
		if err != nil {
			t.Fatal(err)
		}
		both = append(both, Generator{Model: builtin.Name, Direction: direction, Data: data, Card: builtin.Card()})
	}
	s, err := New(&Options{Sources: []Source{Fixed(both...)}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	photo := picture(t, "orientation_6.jpg")
	p := openPage(t, chromium, s, 1280, 800)
	p.shows("title", "Turn summer into winter")
	p.drop(write(t, map[string][]byte{"photo.JPG": photo})["photo.JPG"])
	p.shows("counts", "1 of 1 converted")
	p.until(`!$("viewport").classList.contains("alone")`)

	converter, err := batch.New(model, nil)
	if err != nil {
		t.Fatal(err)
	}
	want, result := converter.Convert(t.Context(), batch.Job{Input: "photo.JPG", Output: "photo.jpg"}, photo)
	if result.Err != nil {
		t.Fatal(result.Err)
	}
	if got := p.download("#download", "photo-winter.JPG"); !bytes.Equal(got, want) {
		t.Errorf("the download of %d bytes differs from the %d bytes of the converter", len(got), len(want))
	}
	if w, h := value[int](p, `$("after").naturalWidth`), value[int](p, `$("after").naturalHeight`); w != result.Width || h != result.Height {
		t.Errorf("the page shows %dx%d, want %dx%d", w, h, result.Width, result.Height)
	}

	// The divider moves with keys and with the mouse.
	position := func() string { return value[string](p, `$("divider").getAttribute("aria-valuenow")`) }
	p.do(chromedp.Focus(chromedp.CSS("#divider")))
	for _, c := range []struct{ key, want string }{{kb.ArrowRight, "52"}, {kb.PageDown, "42"}, {kb.End, "100"}, {kb.Home, "0"}, {kb.ArrowLeft, "0"}} {
		p.do(chromedp.KeyEvent(c.key))
		if got := position(); got != c.want {
			t.Errorf("key %q: divider at %s%%, want %s%%", c.key, got, c.want)
		}
	}
	box := value[[]float64](p, `(r => [r.left, r.top, r.width, r.height])($("sheet").getBoundingClientRect())`)
	y := box[1] + box[3]/2
	p.drag(box[0]+box[2]/2, y, box[0]+box[2]/4, y)
	if got := position(); got != "25" {
		t.Errorf("the mouse left the divider at %s%%, want 25%%", got)
	}
	// The images are cut at the divider.
	for id, want := range map[string]string{"before": fmt.Sprintf("inset(0px %gpx 0px 0px)", float64(result.Width)*0.75), "after": fmt.Sprintf("inset(0px 0px 0px %gpx)", float64(result.Width)*0.25)} {
		if got := value[string](p, fmt.Sprintf("getComputedStyle($(%q)).clipPath", id)); got != want {
			t.Errorf("#%s is cut by %s, want %s", id, got, want)
		}
	}
	p.click("#zoomFull")
	if got := value[string](p, `$("zoom").value`); got != "100%" {
		t.Errorf("1:1 zooms to %s", got)
	}

	// The other direction converts the image again, and the page remembers it.
	p.click(`#directions label:last-child`)
	p.shows("title", "Turn winter into summer")
	p.until(`$("download").download === "photo-summer.JPG"`)
	p.do(chromedp.Reload())
	p.shows("title", "Turn winter into summer")
	p.click("#about summary")
	for text, n := range map[string]int{"h2": 1, "h3": 2, "table": 2, "li": 4, "code": 8} {
		if got := value[int](p, fmt.Sprintf(`document.querySelectorAll("#card %s").length`, text)); got < n {
			t.Errorf("the card has %d elements %s, want at least %d", got, text, n)
		}
	}
	p.check()
}

// pageQueue converts three images, one of them broken, and downloads the others as a zip file.
func pageQueue(t *testing.T, chromium context.Context) {
	s := testServer(t, &Options{}, &fake{info: infer.Info{DomainFrom: "day", DomainTo: "night sky"}})
	base := picture(t, "base.png")
	paths := write(t, map[string][]byte{"a/Gipfel Ü.png": base, "a/notes.txt": nil, "b/gipfel ü.png": base, "broken.png": []byte("no image")})
	p := openPage(t, chromium, s, 1280, 800)
	p.shows("title", "Turn day into night sky")
	p.drop(filepath.Dir(paths["a/Gipfel Ü.png"])) // a folder
	p.shows("counts", "1 of 1 converted")
	p.choose(paths["broken.png"], paths["b/gipfel ü.png"])
	p.shows("counts", "2 of 3 converted, 1 failed")
	p.do(chromedp.Click(".tile:nth-child(2)"))
	p.shows("veilText", "Not a JPEG, PNG")

	archive := p.download("#zip", "night sky.zip")
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	want := httptest.NewRecorder()
	s.ServeHTTP(want, httptest.NewRequest("POST", "/v1/translate", bytes.NewReader(base)))
	var names []string
	for _, f := range r.File {
		names = append(names, f.Name)
		reader, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(reader) // checks the CRC
		if err != nil || !bytes.Equal(got, want.Body.Bytes()) {
			t.Errorf("%s has %d bytes that differ from the answer's %d: %v", f.Name, len(got), want.Body.Len(), err)
		}
		if age := time.Since(f.Modified); f.NonUTF8 || age < -26*time.Hour || age > 26*time.Hour {
			t.Errorf("%s: not UTF-8 %v, modified %v", f.Name, f.NonUTF8, f.Modified)
		}
	}
	if want := []string{"Gipfel Ü-night-sky.png", "gipfel ü-night-sky (2).png"}; !slices.Equal(names, want) {
		t.Errorf("the zip file has %q, want %q", names, want)
	}
	// A format that browsers do not show: the original and the result are shown as previews.
	p.click("#clear")
	p.choose(write(t, map[string][]byte{"scan.tiff": picture(t, "orientation_6.tiff")})["scan.tiff"])
	p.until(`!$("viewport").classList.contains("alone") && $("before").naturalWidth === $("after").naturalWidth`)
	if got := value[string](p, `$("download").download + " " + [...$("veil").classList] + $("veil").hidden`); got != "scan-night-sky.tiff true" {
		t.Errorf("a TIFF image: %s", got)
	}
	p.click("#clear")
	p.until(`!$("empty").hidden && $("tiles").childElementCount === 0`)
	p.check()
}

// pageToken enters a wrong token and then the right one.
func pageToken(t *testing.T, chromium context.Context) {
	const token = "0123456789abcdef"
	s := testServer(t, &Options{Token: token}, &fake{})
	p := openPage(t, chromium, s, 1280, 800)
	p.shows("tokenText", "Whoever runs the server knows it")
	p.until(`$("tokenDialog").open`)
	p.typeInto("#token", "wrong"+kb.Enter)
	p.shows("tokenText", "does not accept")
	p.until(`$("tokenDialog").open`)
	p.typeInto("#token", token+kb.Enter)
	p.until(`!$("choice").hidden`)
	p.choose(write(t, map[string][]byte{"x.png": picture(t, "base.png")})["x.png"])
	p.shows("counts", "1 of 1 converted")
	p.check()
}

// pageStop stops and continues a queue of which two images are under way.
func pageStop(t *testing.T, chromium context.Context) {
	f := &fake{hold: make(chan struct{})}
	s := testServer(t, &Options{}, f)
	p := openPage(t, chromium, s, 1280, 800)
	base := picture(t, "base.png")
	paths := write(t, map[string][]byte{"1.png": base, "2.png": base, "3.png": base})
	p.choose(paths["1.png"], paths["2.png"], paths["3.png"])
	running := func(n int) {
		t.Helper()
		eventually(t, fmt.Sprintf("%d images run", n), func() bool { return s.gate.state().running == n })
	}
	running(2)
	p.shows("counts", "0 of 3 converted")
	p.click("#stop")
	running(0) // without an answer
	p.shows("status", "Stopped")
	if got := f.runs.Load(); got != 2 {
		t.Errorf("%d images reached the model, want 2", got)
	}
	close(f.hold)
	p.click("#stop")
	p.shows("counts", "3 of 3 converted")
	p.check()
}

// pageRetry sends an image to a server that is busy, then lost, and then takes it.
func pageRetry(t *testing.T, chromium context.Context) {
	s := testServer(t, &Options{}, &fake{})
	var posts, refused, next atomic.Int64 // requests, and the times of the first two
	p := openPage(t, chromium, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			switch posts.Add(1) {
			case 1:
				refused.Store(time.Now().UnixNano())
				writeProblem(w, r, &problem{Status: 429, Detail: "the server is busy", retryAfter: 1})
				return
			case 2:
				next.Store(time.Now().UnixNano())
				panic(http.ErrAbortHandler)
			case 3: // Chromium itself tries again where it has reused a connection
				panic(http.ErrAbortHandler)
			}
		}
		s.ServeHTTP(w, r)
	}), 1280, 800)
	p.choose(write(t, map[string][]byte{"x.png": picture(t, "base.png")})["x.png"])
	p.shows("veilText", "The server is busy")
	p.shows("veilText", "cannot be reached")
	p.shows("counts", "1 of 1 converted")
	if wait := time.Duration(next.Load() - refused.Load()); posts.Load() < 3 || wait < time.Second {
		t.Errorf("%d requests, the second one %v after the refusal, want 1 s", posts.Load(), wait)
	}
	p.check()
}

// pagePhone looks for what does not fit on a phone.
func pagePhone(t *testing.T, chromium context.Context) {
	card := "# <img src=x onerror=alert(1)>\n\n[link](javascript:alert%281%29) and <b>text</b>, [another](https://example.org/)"
	hostile := Fixed(Generator{Model: "hostile", Data: []byte{}, Card: card})
	s := testServer(t, &Options{Sources: []Source{hostile, pair("a-model-with-a-rather-long-name-for-a-telephone")}}, &fake{info: infer.Info{DomainFrom: "summer", DomainTo: "winter"}})
	p := openPage(t, chromium, s, 390, 844)
	p.shows("title", "Turn")
	fits := func() {
		t.Helper()
		if width := value[int](p, "document.documentElement.scrollWidth"); width > 390 {
			t.Errorf("the page is %d pixels wide", width)
		}
		small := value[[]string](p, `[...document.querySelectorAll("button, select, summary, label, a.button")].filter(e => {
			const r = e.getBoundingClientRect();
			return r.width && !e.closest(".unseen") && e.id !== "modelField" && (r.width < 44 || r.height < 44);
		}).map(e => e.id || e.textContent)`)
		if len(small) > 0 {
			t.Errorf("smaller than a fingertip: %q", small)
		}
	}
	fits()
	p.choose(write(t, map[string][]byte{strings.Repeat("long name ", 20) + ".png": picture(t, "base.png")})[strings.Repeat("long name ", 20)+".png"])
	p.shows("counts", "1 of 1 converted")
	fits()
	if got := value[string](p, `[...document.querySelectorAll("#card *")].map(e => e.outerHTML).join()`); got !=
		`<h2>&lt;img src=x onerror=alert(1)&gt;</h2>,<p>link and &lt;b&gt;text&lt;/b&gt;, <a href="https://example.org/" rel="noopener noreferrer" target="_blank">another</a></p>,`+
			`<a href="https://example.org/" rel="noopener noreferrer" target="_blank">another</a>` {
		t.Errorf("the card is %s", got)
	}
	p.check()
}

// pageViolations checks that the other tests would notice errors, and what the policy forbids.
func pageViolations(t *testing.T, chromium context.Context) {
	p := openPage(t, chromium, testServer(t, &Options{}, &fake{}), 1280, 800)
	for code, want := range map[string]string{
		`setTimeout(() => { throw new Error("thrown") })`:                                               "thrown",
		`document.body.append(Object.assign(new Image(), { src: "http://192.0.2.1/x.png" }))`:           "img-src",
		`document.head.append(Object.assign(document.createElement("style"), { textContent: "b {}" }))`: "style-src",
		`setTimeout(() => { document.body.innerHTML = "<b>x</b>" })`:                                    "TrustedHTML",
	} {
		value[any](p, "{"+code+"; 0 }")
		eventually(t, code+" reports "+want, func() bool { return p.reported(want) })
	}
}

// TestPageFile checks the page where there is no browser.
func TestPageFile(t *testing.T) {
	for _, bad := range []string{"<script src", "<link rel=\"stylesheet\"", "innerHTML", "style=\"", "eval("} {
		if strings.Contains(pageHTML, bad) {
			t.Errorf("the page contains %s", bad)
		}
	}
	if n := strings.Count(pageHTML, "http"); n != strings.Count(pageHTML, "http://www.w3.org/2000/svg")+strings.Count(pageHTML, "https?:") {
		t.Errorf("the page names other hosts")
	}
	if scripts, hashes := strings.Count(pageHTML, "<script>"), strings.Count(pagePolicy, "'sha256-"); scripts < 6 || hashes != scripts+1 {
		t.Errorf("the policy has %d hashes for %d scripts and a style sheet", hashes, scripts)
	}
}
