package report

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cyclegan/train/metric"

	"google.golang.org/protobuf/encoding/protowire"
)

// crc32c computes CRC-32C bit by bit from its polynomial, independently of the tables that Events
// uses.
func crc32c(data []byte) uint32 {
	c := ^uint32(0)
	for _, b := range data {
		c ^= uint32(b)
		for range 8 {
			c = c>>1 ^ 0x82f63b78&-(c&1)
		}
	}
	return ^c
}

func unmasked(c uint32) uint32 {
	c -= 0xa282ead8
	return c>>17 | c<<15
}

// readTFRecords returns the complete records of a file, and the number of bytes after the last one.
func readTFRecords(t *testing.T, data []byte) (records [][]byte, rest int) {
	t.Helper()
	for len(data) >= 12 {
		n := binary.LittleEndian.Uint64(data)
		if got := unmasked(binary.LittleEndian.Uint32(data[8:])); got != crc32c(data[:8]) {
			t.Fatalf("record %d: checksum of the length is %08x", len(records), got)
		}
		if uint64(len(data)) < 16+n {
			break
		}
		body := data[12 : 12+n]
		if got := unmasked(binary.LittleEndian.Uint32(data[12+n:])); got != crc32c(body) {
			t.Fatalf("record %d: checksum of the data is %08x", len(records), got)
		}
		records, data = append(records, body), data[16+n:]
	}
	return records, len(data)
}

// fields returns the values of a protobuf message by field number.
func fields(t *testing.T, b []byte) map[protowire.Number][][]byte {
	t.Helper()
	m := make(map[protowire.Number][][]byte)
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		size := protowire.ConsumeFieldValue(number, kind, b[n:])
		if size < 0 {
			t.Fatal(protowire.ParseError(size))
		}
		value := b[n : n+size]
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(value)
		}
		m[number] = append(m[number], value)
		b = b[n+size:]
	}
	return m
}

func varint(values [][]byte) int64 {
	if len(values) == 0 {
		return 0
	}
	v, _ := protowire.ConsumeVarint(values[0])
	return int64(v)
}

// seen holds the points of a run as "step value", by tag, after all files of a folder are read.
type seen map[string][]string

// readEvents reads a folder like TensorBoard: files in the order of their names, ignoring an
// incomplete end, and dropping later points at a START event.
func readEvents(t *testing.T, folder string) seen {
	t.Helper()
	type point struct {
		step int64
		text string
	}
	points := make(map[string][]point)
	for _, name := range list(t, folder) {
		records, _ := readTFRecords(t, []byte(content(t, filepath.Join(folder, name))))
		for i, r := range records {
			event := fields(t, r)
			step := varint(event[2])
			if i == 0 {
				if got := string(event[3][0]); got != "brain.Event:2" {
					t.Fatalf("%s starts with version %q", name, got)
				}
			}
			for _, session := range event[7] {
				if status := varint(fields(t, session)[1]); status != 1 {
					t.Fatalf("session status is %d, want START", status)
				}
				for tag := range points {
					points[tag] = slices.DeleteFunc(points[tag], func(p point) bool { return p.step >= step })
				}
			}
			for _, summary := range event[5] {
				for _, value := range fields(t, summary)[1] {
					v := fields(t, value)
					tag := string(v[1][0])
					points[tag] = append(points[tag], point{step, readValue(t, v)})
				}
			}
		}
	}
	s := make(seen)
	for tag, all := range points {
		for _, p := range all {
			s[tag] = append(s[tag], fmt.Sprintf("%d %s", p.step, p.text))
		}
	}
	return s
}

func readValue(t *testing.T, v map[protowire.Number][][]byte) string {
	t.Helper()
	switch {
	case v[2] != nil: // simple_value
		return fmt.Sprintf("%.6g", math.Float32frombits(binary.LittleEndian.Uint32(v[2][0])))
	case v[4] != nil: // image
		img := fields(t, v[4][0])
		return fmt.Sprintf("%dx%d, %d bytes", varint(img[2]), varint(img[1]), len(img[4][0]))
	case v[8] != nil: // tensor
		plugin := fields(t, fields(t, v[9][0])[1][0])
		tensor := fields(t, v[8][0])
		return fmt.Sprintf("%s: %s", plugin[1][0], tensor[8][0])
	}
	t.Fatal("value of an unknown kind")
	return ""
}

func grayPNG(t *testing.T, w, h int) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := png.Encode(&buf, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// writeEvents writes the events of a run that was killed while it wrote, and resumed from an older
// checkpoint.
func writeEvents(t *testing.T, folder string) {
	t.Helper()
	fail := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	first, err := openEvents(folder, -1, noon)
	fail(err)
	fail(first.Options(0, []Option{{Name: "lambda_A", Value: "5", Default: "10", Usage: "weight of | the cycle", Changed: true}}))
	for step := int64(100); step <= 500; step += 100 {
		fail(first.Record(record(step)))
		fail(first.Image(step, "samples", grayPNG(t, int(step/10), 7)))
	}
	for i, weights := range []string{"latest", "ema"} {
		fail(first.Evaluation(Evaluation{Step: 300, Time: noon, Weights: weights, Split: "test", Scores: []metric.Score{
			{Name: "SWD_AB", Value: 0.25 + float64(i)}, {Name: "cycle_A_PSNR", Value: math.Inf(1), Higher: true},
		}}))
	}
	fail(first.Close())
	data := content(t, first.to.file.Name())
	fail(os.WriteFile(first.to.file.Name(), []byte(data[:len(data)-5]), 0o666)) // the ema evaluation

	second, err := openEvents(folder, 300, noon.Add(-time.Hour)) // the clock was set back
	fail(err)
	again := record(400)
	again.Losses["G_AB"] = 44
	fail(second.Record(again))
	fail(second.add(400, time.Time{}, scalarValue("memory/peak_MiB", 2345)))
	fail(second.Close())
}

var eventsTo = flag.String("events", "", "write the events of TestEventsAsTensorBoardReadsThem to this folder too")

// testdata/tfevents.json holds what TensorBoard's own reader returns for these files.
// testdata/tfevents.py makes it.
func TestEventsAsTensorBoardReadsThem(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "events")
	writeEvents(t, folder)
	if *eventsTo != "" {
		writeEvents(t, *eventsTo)
	}
	var want seen
	if err := json.Unmarshal([]byte(content(t, filepath.Join("testdata", "tfevents.json"))), &want); err != nil {
		t.Fatal(err)
	}
	got := readEvents(t, folder)
	for tag := range got {
		if want[tag] == nil {
			t.Errorf("%s: TensorBoard does not read it", tag)
		}
	}
	for tag := range want {
		if !slices.Equal(got[tag], want[tag]) {
			t.Errorf("%s: written\n%q, TensorBoard read\n%q", tag, got[tag], want[tag])
		}
	}
	if got := fmt.Sprint(got["loss/D_A"]); got != "[100 0.25 200 0.25 300 0.25 400 0.25]" {
		t.Errorf("after the resume at 300 loss/D_A has %s", got)
	}
}

func TestEventsAreReadableBeforeClose(t *testing.T) {
	e, err := OpenEvents(t.TempDir(), -1)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for step := range int64(3) {
		if err := e.add(step, time.Time{}, scalarValue("loss/G_AB", 1)); err != nil {
			t.Fatal(err)
		}
		records, rest := readTFRecords(t, []byte(content(t, e.to.file.Name())))
		if len(records) != int(step)+3 || rest != 0 {
			t.Errorf("step %d: the file has %d records and %d bytes more", step, len(records), rest)
		}
	}
}

func TestEveryProcessHasItsOwnEventFile(t *testing.T) {
	folder := t.TempDir()
	var names []string
	for i := range 4 {
		e, err := openEvents(folder, -1, noon.Add(time.Duration(-i)*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		e.Close()
		names = append(names, filepath.Base(e.to.file.Name()))
		if !strings.Contains(names[i], "tfevents") {
			t.Errorf("TensorBoard does not recognise %s as an event file", names[i])
		}
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != 4 {
		t.Errorf("names are %q, want four in the order of opening", names)
	}
}

func TestEventsAcceptAnyName(t *testing.T) {
	folder := t.TempDir()
	e, err := OpenEvents(folder, -1)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Record(Record{Step: 1, Losses: map[string]float64{"bad\xffutf8": math.NaN(), "": 1}}); err != nil {
		t.Error(err)
	}
	if err := e.Text(1, "\xfe", "<b>\xff</b>"); err != nil {
		t.Error(err)
	}
	e.Close()
	if got := fmt.Sprint(readEvents(t, folder)["loss/bad\uFFFDutf8"]); got != "[1 NaN]" {
		t.Errorf("read %s", got)
	}
}

func TestEventErrors(t *testing.T) {
	e, err := OpenEvents(t.TempDir(), -1)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Image(7, "samples", []byte("GIF89a")); err == nil || !strings.Contains(err.Error(), "PNG") || !strings.Contains(err.Error(), "step 7") {
		t.Errorf("not an image: %v", err)
	}
	for range 2 {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := e.add(1, time.Time{}, scalarValue("a", 1)); !errors.Is(err, os.ErrClosed) || !strings.Contains(err.Error(), e.to.file.Name()) {
		t.Errorf("error of closed events is %v", err)
	}
	file := filepath.Join(t.TempDir(), "events")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenEvents(file, -1); err == nil || strings.Count(err.Error(), file) != 1 {
		t.Errorf("a file instead of the folder: %v", err)
	}
}

func TestOptionTableEscapesCells(t *testing.T) {
	got := optionTable([]Option{{Name: "a_b", Value: "x|y\nz", Default: "<i>", Usage: "`q` [l](u)", Changed: true}})
	const want = "| **a\\_b** | x\\|y z | &lt;i> | \\`q\\` \\[l](u) |"
	if lines := strings.Split(strings.TrimSpace(got), "\n"); len(lines) != 3 || lines[2] != want {
		t.Errorf("table is\n%s\nwant its last line\n%s", got, want)
	}
}

// TensorBoard's fast reader ignores a description without a data class.
func TestScoresHaveDescriptions(t *testing.T) {
	e, err := OpenEvents(t.TempDir(), -1)
	if err != nil {
		t.Fatal(err)
	}
	score := metric.Score{Name: "SWD_AB", Value: 0.25, N: 50, NReal: 40}
	if err := errors.Join(e.Evaluation(Evaluation{Step: 3, Split: "test", Resize: "64x64, bicubic", Scores: []metric.Score{score}}), e.Close()); err != nil {
		t.Fatal(err)
	}
	records, _ := readTFRecords(t, []byte(content(t, e.to.file.Name())))
	var descriptions []string
	for _, r := range records {
		for _, summary := range fields(t, r)[5] {
			for _, value := range fields(t, summary)[1] {
				metadata := fields(t, fields(t, value)[9][0])
				descriptions = append(descriptions, fmt.Sprintf("%s, class %d", metadata[3][0], varint(metadata[4])))
			}
		}
	}
	if got := fmt.Sprint(descriptions); got != "[n = 50 against 40 real · test images · 64x64, bicubic, class 1]" {
		t.Errorf("descriptions are %s", got)
	}
}
