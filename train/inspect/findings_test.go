package inspect

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"maps"
	"strings"
	"testing"

	"cyclegan/infer/pixels"
	"cyclegan/train/dataset"
)

func TestGoodDataHasNoFindings(t *testing.T) {
	root := good(t)
	for _, decode := range []bool{false, true} {
		for _, where := range []string{root, zipOf(t, root)} {
			in := inspect(t, small(where), Options{Decode: decode})
			if len(in.Findings)+len(in.Identical)+len(in.Unreadable)+len(in.TooSmall) > 0 || in.Err() != nil {
				t.Errorf("decode %v: %+v", decode, in)
			}
			var names []string
			for _, s := range in.Sets {
				names = append(names, fmt.Sprint(s.Name, s.Count, s.Min, s.Max, s.Sizes, s.Format))
			}
			if got := strings.Join(names, " "); got != "trainA100 12x12 12x12 1 map[png:100] trainB100 12x12 12x12 1 map[png:100] testA50 12x12 12x12 1 map[png:50] testB50 12x12 12x12 1 map[png:50]" {
				t.Errorf("sets %s", got)
			}
			var out strings.Builder
			if err := in.Fprint(&out, false); err != nil || !strings.Contains(out.String(), "300 images") || !strings.Contains(out.String(), "no problems found") {
				t.Errorf("%v, printed %s", err, out.String())
			}
		}
	}
}

// Each change of good data causes its finding and no other.
func TestFindings(t *testing.T) {
	for _, c := range []struct {
		name   string
		spoil  func(fileTree)
		opt    func(*dataset.Options)
		decode bool
		kinds  string // "severity kind", in order
		want   string // in the finding's title, text and files
	}{
		{"truncated", func(f fileTree) {
			whole := pngBytes(noise(7, 12, 12))
			f["trainA/cut.png"] = whole[:len(whole)/2]
		}, nil, true, "warning unreadable", "trainA/cut.png: damaged png"},
		{"truncated, headers only", func(f fileTree) {
			whole := pngBytes(noise(7, 12, 12))
			f["trainA/cut.png"] = whole[:len(whole)/2]
		}, nil, false, "", ""},
		{"empty file in a test folder", func(f fileTree) { f["testB/none.jpg"] = nil }, nil, false, "warning unreadable", "testB/none.jpg: file is empty"},
		{"broken link", func(f fileTree) { f.link("nowhere.png", "trainB/link.png") }, nil, false,
			"warning unreadable", "trainB/link.png: a link to a file that does not exist"},
		{"crop larger than an image", func(f fileTree) { f.put("trainA/thin.png", noise(9, 30, 7)) },
			func(o *dataset.Options) { o.Preprocess = dataset.Crop }, false, "warning too_small", "training images too small for crop_size 8: 1"},
		{"a test image may be smaller than the crop", func(f fileTree) { f.put("testA/thin.png", noise(9, 30, 7)) },
			func(o *dataset.Options) { o.Preprocess = dataset.Crop }, false, "", ""},
		{"phone images", func(f fileTree) {
			f["trainA/IMG_1.CR2"] = []byte("?")
			f["trainA/notes.txt"] = []byte("?")
		}, nil, false, "warning unread_formats", "trainA: 1 .cr2"},
		{"two copies in a set", func(f fileTree) { f.copy("trainA/05.png", "trainA/copy.png") }, nil, false, "note repeats", "trainA/05.png = trainA/copy.png"},
		{"many copies in a set", func(f fileTree) {
			for i := range 10 {
				f.copy("trainA/05.png", fmt.Sprintf("trainA/copy%d.png", i))
			}
		}, nil, false, "warning repeats", "10 of the 110 in trainA"},
		{"in train and test", func(f fileTree) { f.copy("trainB/05.png", "testB/05.png") }, nil, false, "warning leak", "trainB/05.png = testB/05.png"},
		{"in both domains", func(f fileTree) { f.copy("trainB/05.png", "trainA/x.png") }, nil, false, "warning across_domains", "images in both domains: 1"},
		{"in test of the other domain", func(f fileTree) { f.copy("trainB/05.png", "testA/x.png") }, nil, false, "warning across_domains", "trainB/05.png = testA/x.png"},
		{"the same domains", func(f fileTree) {
			for i := range 70 {
				f.copy(fmt.Sprintf("trainB/%02d.png", i), fmt.Sprintf("trainA/%02d.png", i))
			}
		}, nil, false, "error domains_alike", "70 of the 100 in trainA are also in trainB"},
		{"linked domains", func(f fileTree) {
			f.remove("trainB")
			f.link("trainA", "trainB")
		}, nil, false, "error domains_alike", "100 of the 100 in trainA are also in trainB"},
		{"test is train", func(f fileTree) {
			f.remove("testB")
			f.link("trainB", "testB")
		}, nil, false, "warning leak", "100 of the 100 in testB"},
		{"test folders swapped", func(f fileTree) {
			f.remove("testA")
			f.link("trainB", "testA")
		}, nil, false, "warning across_domains, warning test_swapped", "swapped"},
		{"test folders swapped by copying", func(f fileTree) {
			for i := range fewTest {
				f.copy(fmt.Sprintf("trainB/%02d.png", i), fmt.Sprintf("testA/%02d.png", i))
			}
		}, nil, false, "warning across_domains, warning test_swapped", "images in both domains: 50"},
		{"few", func(f fileTree) { f.remove("trainA/00.png") }, nil, false, "warning few", "few images in trainA: 99"},
		{"few for testing", func(f fileTree) { f.remove("testA/00.png") }, nil, false, "note few_test", "few images in testA: 49"},
		{"no test images of B", func(f fileTree) { f.remove("testB") }, nil, false, "note no_test", "no test images of B"},
		{"empty folder for testing", func(f fileTree) {
			f.remove("testB")
			f["testB/notes.txt"] = []byte("?")
		}, nil, false, "note no_test", `folder "testB" has no images`},
		{"empty and damaged folders for testing", func(f fileTree) {
			f.remove("testA")
			f.remove("testB")
			f["testA/notes.txt"], f["testB/00.png"] = []byte("?"), []byte("?")
		}, nil, false, "note no_test", `folder "testB": none of its 1 images is usable`},
		{"no test images", func(f fileTree) {
			f.remove("testA")
			f.remove("testB")
		}, nil, false, "note no_test", "in testA and testB"},
		{"unbalanced", func(f fileTree) { f.reshape("trainB/more", 200, 12, 12) }, nil, false, "note unbalanced", "trainB has 3 times as many images as trainA"},
		{"very unbalanced", func(f fileTree) { f.reshape("trainB/more", 900, 12, 12) }, nil, false, "warning unbalanced", "10 times"},
		{"enlarged once", func(f fileTree) { f.put("trainA/x.png", noise(1, 8, 8)) }, nil, false,
			"note enlarged", "training images enlarged to load_size 12, up to 1.5 times: 1"},
		{"enlarged", func(f fileTree) { f.reshape("trainA", 100, 6, 6); f.reshape("trainB/x", 100, 6, 6) }, nil, false, "warning enlarged", "trainA/00.png: 6x6, 2 times"},
		{"sharpness", func(f fileTree) { f.reshape("trainB", 100, 30, 30) }, nil, false, "warning sharpness_differs", "images of trainA are scaled by 1, those of trainB by 0.4"},
		{"both shrunk, unequally", func(f fileTree) { f.reshape("trainA", 100, 90, 90); f.reshape("trainB", 100, 30, 30) }, nil, false, "", ""},
		{"all of another shape", func(f fileTree) { f.reshape("trainA", 100, 16, 12); f.reshape("trainB", 100, 16, 12) }, nil, false,
			"note stretched", "training images squeezed or stretched, up to 1.3 times: 200"},
		{"of many shapes", func(f fileTree) { f.reshape("trainA", 20, 20, 12); f.reshape("trainA/more", 20, 12, 20) }, nil, false, "warning stretched", "scale_width_and_crop"},
		{"one of another shape", func(f fileTree) {
			f.put("trainA/wide.png", noise(1, 24, 12))
		}, nil, false, "note stretched", "trainA/wide.png: 24x12"},
		{"shapes kept", func(f fileTree) { f.reshape("trainA", 20, 12, 20) }, func(o *dataset.Options) { o.Preprocess = dataset.ScaleWidthAndCrop }, false, "", ""},
		{"too wide to keep the shape", func(f fileTree) { f.reshape("trainA", 20, 48, 12) }, func(o *dataset.Options) { o.Preprocess = dataset.ScaleWidthAndCrop }, false, "warning stretched", "larger load_size"},
		{"domains of two shapes", func(f fileTree) { f.reshape("trainA", 100, 18, 12) }, nil, false, "warning stretched, warning shapes_differ", "by 0.67 in trainA and by 1 in trainB"},
		{"huge samples", func(f fileTree) {
			f.put("trainA/x.png", image.NewGray(image.Rect(0, 0, 1040, 1040)))
		},
			func(o *dataset.Options) { o.Preprocess, o.BatchSize = dataset.None, 1 }, false, "warning large_samples", "1040x1040"},
		{"gray", func(f fileTree) {
			f.put("trainA/x.png", gray(noise(1, 12, 12)))
		}, nil, true, "note gray", "trainA/x.png"},
		{"much gray", func(f fileTree) {
			for i := range 20 {
				f.put(fmt.Sprintf("trainB/%02d.png", i), gray(noise(i, 12, 12)))
			}
		}, nil, true, "warning gray", "output_nc 1"},
		{"gray in a gray domain", func(f fileTree) {
			f.put("trainA/x.png", gray(noise(1, 12, 12)))
		},
			func(o *dataset.Options) { o.InputNC = 1 }, true, "", ""},
		{"transparent", func(f fileTree) {
			m := noise(1, 12, 12)
			m.Pix[3] = 100
			f.put("trainA/x.png", m)
		}, nil, true, "note alpha", "trainA/x.png"},
		{"12 bits", func(f fileTree) { f.putScans(4095, 4095) }, func(o *dataset.Options) { o.InputNC = 1 }, true, "", ""},
		{"16 bits among 8", func(f fileTree) {
			f.putScans(4095, 4095)
			f.put("trainA/00.png", noise(9999, 12, 12))
		}, func(o *dataset.Options) { o.InputNC = 1 }, false, "warning bits_differ", "trainA/00.png"},
		{"12 bits with a pixel at the end of the type", func(f fileTree) { f.putScans(4095, 65535) },
			func(o *dataset.Options) { o.InputNC = 1 }, true, "warning narrow", "-window 1,4093"},
		{"outside of the window", func(f fileTree) { f.putScans(4095, 4095) },
			func(o *dataset.Options) { o.InputNC, o.WindowA = 1, pixels.Window{Hi: 3000} }, true, "note clamped", "They are 0 to 4095"},
		{"palette", func(f fileTree) {
			m := image.NewPaletted(image.Rect(0, 0, 12, 12), color.Palette{color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 0, 255, 255}})
			f.put("trainA/x.png", m)
		}, nil, true, "", ""},
		{"another format in each domain", func(f fileTree) {
			for i := range fewTrain {
				f.remove(fmt.Sprintf("trainA/%02d.png", i))
				f[fmt.Sprintf("trainA/%02d.jpg", i)] = jpegBytes(noise(i, 12, 12))
			}
		}, nil, false, "note formats_differ", "compressed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := fileTree(maps.Clone(goodFiles()))
			c.spoil(files)
			o := small(files.write(t))
			if c.opt != nil {
				c.opt(&o)
			}
			in := inspect(t, o, Options{Decode: c.decode})
			var kinds []string
			all := ""
			for _, p := range in.Findings {
				kinds = append(kinds, string(p.Severity)+" "+p.Kind)
				all += p.Title + "\n" + p.Text + "\n" + strings.Join(p.Files, "\n") + "\n"
			}
			if got := strings.Join(kinds, ", "); got != c.kinds || !strings.Contains(all, c.want) {
				t.Errorf("findings %q, want %q\n%s\nwant %q", got, c.kinds, all, c.want)
			}
			if (in.Err() != nil) != strings.HasPrefix(c.kinds, "error") {
				t.Errorf("Err is %v", in.Err())
			}
			for _, verbose := range []bool{false, true} {
				var out strings.Builder
				if err := in.Fprint(&out, verbose); err != nil {
					t.Error(err)
				}
				for _, p := range in.Findings {
					if !strings.Contains(out.String(), string(p.Severity)+": "+p.Title+"\n") {
						t.Errorf("not printed: %s", p.Title)
					}
				}
			}
		})
	}
}

// putScans replaces the training images of A by gray ones of 12 bits, one of which has the value
// last.
func (f fileTree) putScans(most, last int) {
	for i := range fewTrain {
		m := image.NewGray16(image.Rect(0, 0, 12, 12))
		for k := range 144 {
			m.SetGray16(k%12, k/12, color.Gray16{Y: uint16((i*144 + k) * 7919 % (most + 1))})
		}
		if i == 50 {
			m.SetGray16(5, 5, color.Gray16{Y: uint16(last)})
		}
		f.put(fmt.Sprintf("trainA/%02d.png", i), m)
	}
}

// gray returns the image in shades of gray.
func gray(m *image.NRGBA) *image.Gray {
	g := image.NewGray(m.Rect)
	draw.Draw(g, m.Rect, m, image.Point{}, draw.Src)
	return g
}
