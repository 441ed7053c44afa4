package report

import (
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// noisePNG writes an image that does not compress.
func noisePNG(t testing.TB, path string, w, h int) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(w), uint64(h)))
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = uint8(r.Uint32()) | 1
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
}

func sheetFiles(t testing.TB, n, w, h int) []Sheet {
	t.Helper()
	dir := t.TempDir()
	noisePNG(t, filepath.Join(dir, "0.png"), w, h)
	data, err := os.ReadFile(filepath.Join(dir, "0.png"))
	if err != nil {
		t.Fatal(err)
	}
	sheets := make([]Sheet, n)
	for i := range sheets {
		sheets[i] = Sheet{Step: int64(100 * i), Path: filepath.Join(dir, fmt.Sprintf("%d.png", i))}
		if err := os.WriteFile(sheets[i].Path, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return sheets
}

func sheetSteps(sheets []*encodedSheet) []int64 {
	var steps []int64
	for _, s := range sheets {
		steps = append(steps, s.step)
	}
	return steps
}

// During a run, each page encodes about one new sheet.
func TestSheetsAreEvenlySpacedAndEncodedOnce(t *testing.T) {
	all := sheetFiles(t, 200, 8, 6)
	var w PageWriter
	encoded := 0
	for n := 1; n <= len(all); n++ {
		before := w.sheets
		chosen, unread := w.encode(all[:n])
		if unread != nil {
			t.Fatal(unread)
		}
		steps := sheetSteps(chosen)
		if len(steps) > maxSheets || steps[0] != 0 || steps[len(steps)-1] != int64(100*(n-1)) {
			t.Fatalf("%d sheets: shown are %v", n, steps)
		}
		if n > maxSheets && len(steps) < maxSheets/2 {
			t.Fatalf("%d sheets: only %d are shown", n, len(steps))
		}
		for i := 1; i+1 < len(steps); i++ {
			if steps[i]-steps[i-1] != steps[1]-steps[0] {
				t.Fatalf("uneven: %v", steps)
			}
		}
		for key := range w.sheets {
			if before[key] == nil {
				encoded++
			}
		}
	}
	if encoded > len(all) {
		t.Errorf("encoded %d sheets for %d pages", encoded, len(all))
	}
}

func TestSheetsStayBelowTheLimit(t *testing.T) {
	defer func(n int) { maxSheetBytes = n }(maxSheetBytes)
	all := sheetFiles(t, 20, 60, 40)
	one, _ := new(PageWriter).encode(all[:1])
	size := len(one[0].base64)
	for bound, want := range map[int]string{
		20 * size:  "[0 100 200 300 400 500 600 700 800 900 1000 1100 1200 1300 1400 1500 1600 1700 1800 1900]",
		7 * size:   "[0 400 800 1200 1600 1900]",
		2 * size:   "[0 1900]",
		2*size - 1: "[0 1900]",
	} {
		maxSheetBytes = bound
		chosen, unread := new(PageWriter).encode(all)
		if got := fmt.Sprint(sheetSteps(chosen)); got != want || unread != nil {
			t.Errorf("room for %.1f sheets: shown are %s, %v, want %s", float64(bound)/float64(size), got, unread, want)
		}
	}
}

func TestSheetsThatCannotBeRead(t *testing.T) {
	sheets := sheetFiles(t, 4, 8, 8)
	if err := os.WriteFile(sheets[1].Path, []byte("not an image"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(sheets[2].Path); err != nil {
		t.Fatal(err)
	}
	p := Page{Name: "torn", Sheets: sheets}
	page := written(t, &p)
	if got := fmt.Sprint(chartsOf(t, page).Sheets); got != "[{0 8 8} {300 8 8}]" {
		t.Errorf("shown are %s", got)
	}
	for _, want := range []string{"skipped the sheet of step 100", "skipped the sheet of step 200"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

func TestChangedSheetIsEncodedAgain(t *testing.T) {
	sheets := sheetFiles(t, 1, 8, 8)
	var w PageWriter
	old, _ := w.encode(sheets)
	noisePNG(t, sheets[0].Path, 30, 20)
	changed, _ := w.encode(sheets)
	if old[0].base64 == changed[0].base64 {
		t.Error("the page shows the old sheet")
	}
}

func TestWideSheetsAreScaledDown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wide.png")
	img := image.NewNRGBA(image.Rect(0, 0, 2*maxSheetWidth, 100))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	for x := range 2 * maxSheetWidth { // the left half is red
		for y := range 100 {
			if x < maxSheetWidth {
				img.Set(x, y, color.NRGBA{200, 0, 0, 255})
			}
		}
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
	f.Close()
	e := embed(path)
	if e.err != nil || e.size != image.Pt(maxSheetWidth, 50) {
		t.Fatal(e.size, e.err)
	}
	small, err := jpeg.Decode(base64.NewDecoder(base64.StdEncoding, strings.NewReader(e.base64)))
	if err != nil {
		t.Fatal(err)
	}
	if got := small.Bounds().Size(); got != image.Pt(maxSheetWidth, 50) {
		t.Errorf("embedded size is %v", got)
	}
	if r, g, _, _ := small.At(100, 25).RGBA(); r>>8 < 190 || g>>8 > 10 {
		t.Errorf("the left is %v, want red", small.At(100, 25))
	}
}

func BenchmarkPage(b *testing.B) {
	h := &History{}
	for i := range int64(20_000) {
		h.Add(record(i))
	}
	p := Page{Name: "s2w", History: h, Sheets: sheetFiles(b, 40, 850, 630)}
	path := filepath.Join(b.TempDir(), "report.html")
	var w PageWriter
	if err := w.Save(&p, path); err != nil { // encodes the sheets
		b.Fatal(err)
	}
	for b.Loop() {
		if err := w.Save(&p, path); err != nil {
			b.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size()), "bytes")
}
