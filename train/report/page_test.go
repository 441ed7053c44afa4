package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"cyclegan/train/metric"
)

// fullPage returns a page with something in every part. The function name makes all names.
func fullPage(t *testing.T, name func(string) string) *Page {
	t.Helper()
	p := &Page{
		Name: name("s2w"), Status: Running, Refresh: 2 * time.Second, Step: 1200, Steps: 4000, Epoch: 2, Epochs: 10,
		Started: noon, Updated: noon.Add(time.Hour), Elapsed: time.Hour, Remaining: 90 * time.Minute, SecondsPerStep: 0.25, MemoryPeak: 3 << 29,
		Device: name("CPU, 2 threads"), Precision: name("bf16"), Version: name("cyclegan 1.0"), Data: []string{name("A: 12 images")},
		Result:   []string{name("PSNR 17.45 dB")},
		History:  &History{},
		Warnings: []Warning{{Step: 100, Time: noon, Title: name("D_A is at zero"), Text: name("lower -lr_D")}},
		Options: []Option{
			{Name: name("lambda_A"), Value: name("5"), Default: name("10"), Usage: name("weight"), Changed: true},
			{Name: name("beta1"), Value: name("0.5"), Default: name("0.5"), Usage: name("decay")},
		},
		Commands: []Command{{What: name("go on"), Line: name("train -continue_train")}},
	}
	for step := int64(100); step <= 1200; step += 100 {
		r := record(step)
		r.Losses = map[string]float64{
			"G_AB": 0.3 + 1/float64(step), "G_BA": 0.4, "cycle_A": 100 / float64(step), "cycle_B": 90 / float64(step),
			"idt_A": 2, "idt_B": 1, "D_A": 0.2, "D_B": 0.25, name("extra"): 7,
		}
		p.History.Add(r)
	}
	for i, size := range []int{40, 50, 60} {
		step := int64(400 * (i + 1))
		path := filepath.Join(t.TempDir(), "sheet.png")
		if err := os.WriteFile(path, grayPNG(t, 2*size, size), 0o666); err != nil {
			t.Fatal(err)
		}
		p.Sheets = append(p.Sheets, Sheet{Step: step, Path: path})
		for _, weights := range []string{"latest", name("ema")} {
			p.Evaluations = append(p.Evaluations, Evaluation{
				Step: step, Time: noon, Seconds: 3, Weights: weights, Split: name("test"), Resize: name("64x64, bicubic"), Best: i == 1,
				Scores: []metric.Score{
					{Name: "SWD_AB", Value: []float64{3, 1, 2}[i], Std: 0.5, N: 24, NReal: 30},
					{Name: "SWD_BA", Value: []float64{4, 2, 3}[i], N: 24, NReal: 30},
					{Name: "cycle_A_PSNR", Value: 20 + float64(i), N: 24, Higher: true},
					{Name: name("mine"), Value: 1, N: 1},
				},
			})
		}
	}
	return p
}

func plain(s string) string { return s }

func written(t *testing.T, p *Page) string {
	t.Helper()
	var buf bytes.Buffer
	if err := new(PageWriter).Write(p, &buf); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

// element returns the content of the only element that starts with open.
func element(t *testing.T, page, open, end string) string {
	t.Helper()
	if n := strings.Count(page, open); n != 1 {
		t.Fatalf("the page has %d times %q, want once", n, open)
	}
	_, rest, _ := strings.Cut(page, open)
	inner, _, found := strings.Cut(rest, end)
	if !found {
		t.Fatalf("%q has no end", open)
	}
	return inner
}

func chartsOf(t *testing.T, page string) (c struct {
	Charts []struct {
		From, To float64
		Lines    []struct {
			Name                 string
			X, Y, Raw, Low, High []*float64
			Hue                  int
			Best                 *int
		}
	}
	Sheets []struct {
		Step          int64
		Width, Height int
	}
}) {
	t.Helper()
	if err := json.Unmarshal([]byte(element(t, page, `<script type="application/json" id="charts">`, "</script>")), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

var pageTo = flag.String("page", "", "write the page of TestPageShowsTheRun to this file too")

func TestPageShowsTheRun(t *testing.T) {
	p := fullPage(t, plain)
	page := written(t, p)
	if *pageTo != "" {
		if err := new(PageWriter).Save(p, *pageTo); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		"<title>s2w · running</title>", "1,200 of 4,000", "2 of 10", "1 h 00 min", "1 h 30 min", "0.25 s/step", "1.5 GiB",
		"step 800, ema", "D_A is at zero", "lower -lr_D", "lambda_A", "train -continue_train", "CPU, 2 threads", "bf16", "PSNR 17.45 dB",
		"n = 24 against 30 real · test images · 64x64, bicubic", "best 1 at 800", "2026-01-31 13:00:00 UTC", `value="30.0"`,
	} {
		if !strings.Contains(page, html.EscapeString(want)) && !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	c := chartsOf(t, page)
	var titles []string
	for _, m := range regexp.MustCompile(`<h3>(.*?)</h3>`).FindAllStringSubmatch(page, -1) {
		titles = append(titles, m[1])
	}
	const want = "[Sliced Wasserstein distance (SWD) Cycle reconstruction, PSNR in dB mine Adversarial Cycle Identity Discriminators Other losses Learning rate Seconds per step]"
	if got := fmt.Sprint(titles); got != want {
		t.Errorf("charts are %s\nwant %s", got, want)
	}
	if got := fmt.Sprint(c.Sheets); got != "[{400 80 40} {800 100 50} {1200 120 60}]" {
		t.Errorf("sheets are of steps %s", got)
	}
	if len(c.Charts) != len(titles) {
		t.Errorf("the script has %d charts, want %d", len(c.Charts), len(titles))
	}
	swd, drawn := c.Charts[0], scoreCharts(p.Evaluations)[0]
	if len(swd.Lines) != 4 || drawn.Best != 800 {
		t.Fatalf("the SWD chart has %d lines and the best step %d", len(swd.Lines), drawn.Best)
	}
	ema := swd.Lines[2]
	if ema.Name != "SWD_AB, ema" || !drawn.Lines[2].Dashed || ema.Hue != 0 || ema.Best == nil || *ema.Best != 1 || *ema.Low[1] != 0.5 || *ema.High[1] != 1.5 {
		t.Errorf("its third line is %+v", ema)
	}
	if ba := swd.Lines[1]; drawn.Lines[1].Dashed || ba.Hue != 1 {
		t.Errorf("its second line is %+v", ba)
	}
}

// The page must work from the disk without network, and run only its own script.
func TestPageIsSelfContained(t *testing.T) {
	page := written(t, fullPage(t, plain))
	for _, address := range regexp.MustCompile(`(?:src|href|action|url)\s*[=(]\s*["']?([^"')\s>]+)`).FindAllStringSubmatch(page, -1) {
		if a := address[1]; !strings.HasPrefix(a, "#") && !strings.HasPrefix(a, "data:") && !strings.HasPrefix(a, "images[") {
			t.Errorf("the page loads %q", a)
		}
	}
	_, rest, _ := strings.Cut(page, `<script type="application/json" id="charts">`)
	script := element(t, rest, "<script>", "</script>")
	sum := sha256.Sum256([]byte(script))
	if policy := html.UnescapeString(element(t, page, `Content-Security-Policy" content="`, `"`)); !strings.Contains(policy, base64.StdEncoding.EncodeToString(sum[:])) || !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("the policy %q does not allow exactly the page's script", policy)
	}
}

func TestPageEscapesEveryName(t *testing.T) {
	for _, evil := range []string{
		`"'><script>alert(1)</script>`, `</script><script>alert(2)//`, `</style></title></textarea><img src=x onerror=alert(3)>`,
		"<!--<script>", "{{.Name}}${x}`", "line\nfeed\u2028\u2029\x00", "зима ❄️ 冬", "bad \xff utf-8", `javascript:alert(4)`,
	} {
		n := 0
		p := fullPage(t, func(s string) string { n++; return evil + s })
		p.Status = Status(evil)
		page := written(t, p)
		if !utf8.ValidString(page) {
			t.Errorf("%q: the page is not UTF-8", evil)
		}
		for tag, want := range map[string]int{"<script": 3, "</script": 3, "<style": 1, "</style": 1, "<img": 1, "<title": 1, "<!--": 0} {
			if got := strings.Count(page, tag); got != want {
				t.Errorf("%q: the page has %d times %s, want %d", evil, got, tag, want)
			}
		}
		c := chartsOf(t, page)
		name := c.Charts[len(c.Charts)-3].Lines[0].Name // before learning rate and speed
		if want := strings.ToValidUTF8(evil, "\uFFFD") + "extra"; name != want {
			t.Errorf("the script reads %q, want %q", name, want)
		}
	}
}

func TestEmptyPage(t *testing.T) {
	page := written(t, &Page{Name: "new"})
	if strings.Contains(page, "<section") || strings.Contains(page, "<progress") {
		t.Error("an empty page has sections")
	}
	if got := element(t, page, `id="images">`, "</script>"); got != "[]" {
		t.Errorf("images are %q", got)
	}
	c := chartsOf(t, page)
	if len(c.Charts)+len(c.Sheets) != 0 {
		t.Errorf("charts are %+v", c)
	}
}

// The page of a long run is small and still shows its worst value.
func TestPageOfALongRun(t *testing.T) {
	const records = 200_000
	h := &History{}
	for i := range int64(records) {
		r := Record{Step: i + 1, LR: 2e-4, SecondsPerStep: 0.1, Losses: map[string]float64{}}
		for j, name := range lossOrder {
			r.Losses[name] = float64(j+1) + 0.1*math.Sin(float64(i)) // noise in every bucket
		}
		if i == 123_456 {
			r.Losses["D_A"] = 99
		}
		h.Add(r)
	}
	p := Page{Name: "long", History: h}
	began := time.Now()
	page := written(t, &p)
	t.Logf("%d records: %d kB in %v", records, len(page)>>10, time.Since(began))
	if len(page) > 1<<20 {
		t.Errorf("the page has %d kB", len(page)>>10)
	}
	var top float64
	for _, l := range chartsOf(t, page).Charts[3].Lines {
		if n := len(l.X); n > maxPoints || n != len(l.Y) || n != len(l.High) || *l.X[0] != 1 || *l.X[n-1] != records {
			t.Errorf("%s has %d points from %v to %v", l.Name, n, *l.X[0], *l.X[n-1])
		}
		for i, v := range l.High {
			top = max(top, *v)
			if *v < *l.Low[i] {
				t.Fatalf("%s: a band from %v to %v", l.Name, *l.Low[i], *v)
			}
		}
	}
	if top != 99 {
		t.Errorf("the highest value on the page is %v, want the one of 99", top)
	}
}

func TestPageShowsNotFiniteValues(t *testing.T) {
	h := &History{}
	for i := range int64(10) {
		v := 1.0
		if i == 9 {
			v = math.NaN()
		}
		h.Add(Record{Step: i, LR: math.Inf(1), SecondsPerStep: math.NaN(), Losses: map[string]float64{"G_AB": v, "D_A": math.Inf(1)}})
	}
	p := Page{Name: "nan", Status: Diverged, History: h, Evaluations: []Evaluation{
		{Step: 5, Scores: []metric.Score{{Name: "PSNR", Value: math.Inf(1), Std: math.NaN(), Higher: true}}},
		{Step: 6, Scores: []metric.Score{{Name: "PSNR", Value: 30, Higher: true}}},
		{Step: 7, Scores: []metric.Score{{Name: "PSNR", Value: math.NaN(), Higher: true}}},
	}}
	page := written(t, &p)
	c := chartsOf(t, page)
	stopped := func(c *chart) bool { return c.Lines[0].Stopped }
	losses := lossCharts(h.Losses())
	if l := c.Charts[1].Lines[0]; !stopped(losses[0]) || len(l.X) != 9 {
		t.Errorf("G_AB is %+v", l)
	}
	if l := c.Charts[2].Lines[0]; !stopped(losses[1]) || len(l.X) != 0 {
		t.Errorf("D_A is %+v", l)
	}
	if l := c.Charts[0].Lines[0]; l.Y[0] != nil || *l.Y[1] != 30 || l.Y[2] != nil || !stopped(scoreCharts(p.Evaluations)[0]) || *l.Best != 1 {
		t.Errorf("PSNR is %+v", l)
	}
	if !strings.Contains(page, "not finite") || !strings.Contains(page, "best 30 at 6") {
		t.Error("the table of scores does not show it")
	}
}

func TestPageSave(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.html")
	p := fullPage(t, plain)
	if err := new(PageWriter).Save(p, path); err != nil {
		t.Fatal(err)
	}
	if got := content(t, path); got != written(t, p) {
		t.Error("Save and Write differ")
	}
	if names := list(t, filepath.Dir(path)); len(names) != 1 {
		t.Errorf("files are %q", names)
	}
	missing := filepath.Join(t.TempDir(), "none", "report.html")
	if err := new(PageWriter).Save(p, missing); !errors.Is(err, os.ErrNotExist) || strings.Count(err.Error(), missing) != 1 {
		t.Errorf("error is %v", err)
	}
}

func TestPageText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 1499 * time.Millisecond: "1 s", 59*time.Second + 900*time.Millisecond: "1 min 00 s", 9*time.Minute + 5*time.Second: "9 min 05 s",
		59*time.Minute + 40*time.Second: "1 h 00 min", 25 * time.Hour: "1 d 1 h", 23*time.Hour + 59*time.Minute + 50*time.Second: "1 d 0 h",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "−1,234", math.MinInt64: "−9,223,372,036,854,775,808"} {
		if got := grouped(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
	for name, want := range map[string]string{
		"cycle_A_PSNR": "cycle_PSNR", "SWD_AB": "SWD", "true_BA_SSIM": "true_SSIM", "FID": "FID", "a_B": "a", "": "", "AB": "AB",
	} {
		if got := measureOf(name); got != want {
			t.Errorf("measure of %s: got %q, want %q", name, got, want)
		}
	}
}
