package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"cyclegan/cmd/internal/cli"
	"cyclegan/cmd/internal/modelcli"
	"cyclegan/infer"
	"cyclegan/infer/builtin"
)

// inspection describes a model; -json writes a list of them. Fields that are not known are 0 or
// empty.
type inspection struct {
	Path  string `json:"path"`
	Error string `json:"error,omitempty"`
	Bytes int64  `json:"bytes,omitempty"`

	Direction    string `json:"direction,omitempty"`
	DomainFrom   string `json:"domain_from,omitempty"`
	DomainTo     string `json:"domain_to,omitempty"`
	Architecture string `json:"architecture,omitempty"`
	Parameters   int64  `json:"parameters,omitempty"`
	WeightType   string `json:"weight_type,omitempty"`
	Input        *port  `json:"input,omitempty"`
	Output       *port  `json:"output,omitempty"`
	TrainWidth   int    `json:"train_width,omitempty"`
	TrainHeight  int    `json:"train_height,omitempty"`
	Step         int64  `json:"step,omitempty"`
	Writer       string `json:"writer,omitempty"`
	Width        int    `json:"width,omitempty"`
	Height       int    `json:"height,omitempty"`
	SizeMultiple int    `json:"size_multiple,omitempty"`
	MinSize      int    `json:"min_size,omitempty"`
	LargeImages  string `json:"large_images,omitempty"`

	Runtime  string       `json:"onnxruntime,omitempty"`
	Provider string       `json:"provider,omitempty"`
	Threads  int          `json:"threads,omitempty"`
	Measured *measurement `json:"measured,omitempty"`
}

type port struct {
	Name        string  `json:"name"`
	Type        string  `json:"type"`
	Layout      string  `json:"layout"`
	Channels    string  `json:"channels"`
	Black       float32 `json:"black"`
	White       float32 `json:"white"`
	RangeSource string  `json:"range_source,omitempty"`
	Window      string  `json:"window,omitempty"`
}

// measurement is the cost of images of one size. The memory includes that of ONNX Runtime.
type measurement struct {
	Width        int     `json:"width"`
	Height       int     `json:"height"`
	Seconds      float64 `json:"seconds"`
	PerMegapixel float64 `json:"seconds_per_megapixel"`
	MemoryBytes  int64   `json:"memory_bytes,omitempty"`
}

// inspect describes models. It returns the exit status.
func inspect(args []string, stdout, stderr io.Writer) int {
	var models []string
	var options infer.Options
	var json string
	var quick bool
	f := cli.NewFlags("infer inspect", fmt.Sprintf(`Describe models: what they were made for, what they take, and what they cost.

Usage:
  %s inspect [MODEL...] [options]

Without a MODEL, the built-in models are described. What neither the file nor its network reveals is
"unknown". Time and memory are measured with images of the training size, or of 256x256 pixels.

Exit status: 0 done, 1 failed, 2 wrong usage, 3 some models failed, 130 interrupted.`, cli.Program("infer")))
	f.Group("Output")
	f.StringVar(&json, "json", "", "write the descriptions as JSON to `FILE`, or to standard output if FILE is -")
	f.BoolVar(&quick, "quick", false, "measure nothing")
	modelcli.BindModel(f, &options)
	err := f.ParseMixed(args, &models)
	if err == nil {
		if err = options.Validate(); err != nil {
			err = cli.Usage(modelcli.FlagError{Err: err})
		}
	}
	if err != nil {
		return f.Report(err, stdout, stderr)
	}
	ctx, stop := cli.Context()
	defer stop()
	sources := []source{{direction: "AtoB"}, {direction: "BtoA"}}
	if len(models) > 0 {
		sources = nil
		for _, path := range models {
			sources = append(sources, source{path: path})
		}
	}
	list, failed := []inspection{}, 0
	start := resident("VmRSS")
	for _, s := range sources {
		i, err := s.inspect(ctx, options, quick, start, stderr)
		if ctx.Err() != nil {
			fmt.Fprintln(stderr, "infer inspect: interrupted")
			return cli.Interrupted
		}
		if err != nil {
			failed++
			i.Error = err.Error()
			fmt.Fprintln(stderr, "infer inspect:", err)
		}
		list = append(list, i)
	}
	if json != "-" && failed < len(list) {
		printInspections(stdout, list)
	}
	if err := modelcli.WriteSummary(json, stdout, list); err != nil {
		fmt.Fprintln(stderr, "infer inspect:", err)
		return cli.Failed
	}
	switch failed {
	case 0:
		return cli.Done
	case len(list):
		return cli.Failed
	}
	return cli.SomeFailed
}

// inspect describes one model. start is the memory that the process took before any model.
func (s source) inspect(ctx context.Context, o infer.Options, quick bool, start int64, stderr io.Writer) (i inspection, err error) {
	i.Path = s.path
	if s.path == "" {
		i.Path = builtin.Name + " " + s.direction
		data, _ := builtin.Model(s.direction)
		i.Bytes = int64(len(data))
	} else {
		if err := modelcli.Check(s.path); err != nil {
			return i, err
		}
		file, err := os.Stat(s.path)
		if err != nil {
			return i, err
		}
		i.Bytes = file.Size()
	}
	debug.FreeOSMemory()                                  // of the model before
	os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // the peak of the memory starts anew
	model, err := modelcli.Open(ctx, &o, stderr, func() (*infer.Model, error) { return s.open(&o) })
	if err != nil {
		return i, err
	}
	defer func() { err = errors.Join(err, model.Close()) }()
	if !quick {
		if i.Measured, err = measure(ctx, model); err != nil {
			return i, modelcli.FlagError{Err: fmt.Errorf("measure %q: %w", i.Path, err)}
		}
		if start > 0 {
			i.Measured.MemoryBytes = max(0, resident("VmHWM")-start)
		}
	}
	i.fill(model.Info())
	i.LargeImages = largeImages(model, quick)
	return i, nil
}

func (i *inspection) fill(m infer.Info) {
	i.Direction, i.DomainFrom, i.DomainTo, i.Architecture = m.Direction, m.DomainFrom, m.DomainTo, m.Architecture
	i.Parameters, i.WeightType, i.Step, i.Writer = m.Parameters, m.WeightType, m.Step, cmp.Or(m.Writer, m.Producer)
	i.TrainWidth, i.TrainHeight, i.Width, i.Height = m.TrainWidth, m.TrainHeight, m.Width, m.Height
	i.Runtime, i.Provider, i.Threads = m.Runtime, m.Provider, m.Threads
	if m.SizesKnown {
		i.SizeMultiple, i.MinSize = m.SizeMultiple, m.MinSize
	}
	describe := func(p infer.Port) *port {
		channels := "RGB"
		switch {
		case p.Channels == 1:
			channels = "gray"
		case p.BGR:
			channels = "BGR"
		}
		return &port{p.Name, p.Type, p.Layout, channels, p.Range.Lo, p.Range.Hi, modelcli.FlagNames(p.RangeSource), p.Window.String()}
	}
	i.Input, i.Output = describe(m.Input), describe(m.Output)
}

// largeImages describes how images larger than the training size are translated.
func largeImages(m *infer.Model, quick bool) string {
	const side = 1 << 14
	info := m.Info()
	switch {
	case info.MaxPixels < 0:
		return "whole, any size"
	case info.DetailFrom > 1:
		return fmt.Sprintf("as a copy of the training size, from %d px on", info.DetailFrom)
	case info.Width > 0 && info.Height > 0:
		return "scaled to the fixed size"
	}
	text := fmt.Sprintf("in tiles above %.3g megapixels", float64(info.MaxPixels)/1e6)
	if !quick {
		if t := m.Tiling(side, side); t.Blended {
			text += ", with blended edges"
		}
	}
	return text
}

// measure translates images of the training size.
func measure(ctx context.Context, m *infer.Model) (*measurement, error) {
	const (
		usual = 256 // pixels, if the model does not record a size
		least = 500 * time.Millisecond
		most  = 20
	)
	info := m.Info()
	r := &measurement{Width: cmp.Or(info.Width, info.TrainWidth, usual), Height: cmp.Or(info.Height, info.TrainHeight, usual)}
	img := image.NewNRGBA(image.Rect(0, 0, r.Width, r.Height))
	for i := range img.Pix {
		img.Pix[i] = uint8(i * i >> 6)
	}
	if _, err := m.Translate(ctx, img); err != nil { // the first image takes longer
		return nil, err
	}
	for n, start := 0, time.Now(); n < most && time.Since(start) < least; n++ {
		begin := time.Now()
		if _, err := m.Translate(ctx, img); err != nil {
			return nil, err
		}
		if took := time.Since(begin).Seconds(); n == 0 || took < r.Seconds {
			r.Seconds = took
		}
	}
	r.PerMegapixel = r.Seconds / (float64(r.Width*r.Height) / 1e6)
	return r, nil
}

// resident returns the current (VmRSS) or the largest (VmHWM) resident memory of the process in
// bytes, or 0 where that is unknown, which is everywhere but on Linux.
func resident(key string) int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), key+":")
	var kilobytes int64
	fmt.Sscan(rest, &kilobytes)
	return kilobytes << 10
}

// printInspections prints a table with a column for each model that did not fail.
func printInspections(w io.Writer, list []inspection) {
	list = slices.DeleteFunc(slices.Clone(list), func(i inspection) bool { return i.Error != "" })
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(title string, value func(inspection) string) {
		fmt.Fprint(t, title)
		for _, i := range list {
			fmt.Fprint(t, "\t", cmp.Or(value(i), "unknown"))
		}
		fmt.Fprintln(t)
	}
	size := func(w, h int) string {
		if w == 0 || h == 0 {
			return ""
		}
		return fmt.Sprintf("%dx%d", w, h)
	}
	row("model", func(i inspection) string { return modelcli.Shown(i.Path) })
	row("domains", func(i inspection) string {
		if i.DomainFrom == "" && i.DomainTo == "" {
			return i.Direction
		}
		return fmt.Sprintf("%s to %s (%s)", i.DomainFrom, i.DomainTo, cmp.Or(i.Direction, "no direction"))
	})
	row("architecture", func(i inspection) string { return i.Architecture })
	row("parameters", func(i inspection) string {
		if i.Parameters == 0 {
			return ""
		}
		return fmt.Sprintf("%s, mostly %s", count(i.Parameters), i.WeightType)
	})
	row("file", func(i inspection) string { return fmt.Sprintf("%.3g MB", float64(i.Bytes)/1e6) })
	row("input", func(i inspection) string { return i.Input.String() })
	row("output", func(i inspection) string { return i.Output.String() })
	row("training size", func(i inspection) string { return size(i.TrainWidth, i.TrainHeight) })
	row("sizes", func(i inspection) string {
		switch {
		case i.Width > 0 && i.Height > 0:
			return "only " + size(i.Width, i.Height)
		case i.SizeMultiple == 0:
			return "found by trial"
		case i.SizeMultiple == 1 && i.MinSize == 1:
			return "any"
		}
		return fmt.Sprintf("multiples of %d, at least %d", i.SizeMultiple, i.MinSize)
	})
	row("large images", func(i inspection) string { return i.LargeImages })
	row("step", func(i inspection) string {
		if i.Step == 0 {
			return ""
		}
		return fmt.Sprint(i.Step)
	})
	row("written by", func(i inspection) string { return i.Writer })
	row("runs on", func(i inspection) string {
		return fmt.Sprintf("%s, %s, ONNX Runtime %s", i.Provider, cli.Count(i.Threads, "thread"), i.Runtime)
	})
	row("time", func(i inspection) string {
		if i.Measured == nil {
			return "not measured"
		}
		return fmt.Sprintf("%.3g s at %s, %.3g s per megapixel", i.Measured.Seconds, size(i.Measured.Width, i.Measured.Height), i.Measured.PerMegapixel)
	})
	row("memory", func(i inspection) string {
		switch {
		case i.Measured == nil:
			return "not measured"
		case i.Measured.MemoryBytes == 0:
			return ""
		}
		return fmt.Sprintf("%.3g MB at %s", float64(i.Measured.MemoryBytes)/1e6, size(i.Measured.Width, i.Measured.Height))
	})
	t.Flush()
}

func (p *port) String() string {
	source := "assumed"
	if p.RangeSource != "" {
		source = "from " + p.RangeSource
	}
	text := fmt.Sprintf("%s %s %s, %g to %g (%s)", p.Type, p.Layout, p.Channels, p.Black, p.White, source)
	if p.Window != "" {
		text += ", 16-bit values " + p.Window
	}
	return text
}

// count formats a number of parameters.
func count(n int64) string {
	switch {
	case n >= 1e6:
		return fmt.Sprintf("%.3g million", float64(n)/1e6)
	case n >= 1e4:
		return fmt.Sprintf("%.3g thousand", float64(n)/1e3)
	}
	return fmt.Sprint(n)
}
