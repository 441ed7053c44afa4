package inspect

import (
	"fmt"
	"slices"
	"strings"

	"cyclegan/infer/pixels"
)

// Smaller sets than these are findings. The smallest published data sets with good results have 400
// images of a domain. Scores that compare sets are fitted to many more test images than people set
// aside.
const (
	fewTrain = 100
	fewTest  = 50
)

// find adds the findings, the most severe first.
func (in *inspector) find() {
	in.findUnused()
	in.findCopies()
	in.findCounts()
	in.findSizes()
	in.findContent()
	in.findWindows()
	order := []Severity{Error, Warning, Note}
	slices.SortStableFunc(in.Findings, func(a, b Finding) int {
		return slices.Index(order, a.Severity) - slices.Index(order, b.Severity)
	})
}

func (in *inspector) add(s Severity, kind string, files []string, title, text string) {
	in.Findings = append(in.Findings, Finding{s, kind, title, text, files})
}

// ofSet says how many of a set's images are concerned.
func (p *part) ofSet(n int) string {
	return fmt.Sprintf("%d of the %d in %s", n, len(p.files), p.folder.Label)
}

// training returns trainA and trainB.
func (in *inspector) training() []*part { return in.parts[:2] }

// test returns a domain's test set, or nil.
func (in *inspector) test(domain string) *part {
	for _, p := range in.parts {
		if !p.train && p.domain == domain {
			return p
		}
	}
	return nil
}

// findUnused finds files that the run does not use.
func (in *inspector) findUnused() {
	var foreign []string
	for _, p := range in.parts {
		if len(p.files) == 0 {
			s := Warning
			if p.train {
				s = Error
			}
			in.add(s, "nothing_readable", nil, "no readable image in "+p.folder.Label,
				"All files are damaged, or were removed after the folder was listed. Fix: put other images there.")
		}
		for extension, n := range p.folder.Others {
			if unsupported[extension] {
				foreign = append(foreign, fmt.Sprintf("%s: %d %s", p.folder.Label, n, extension))
			}
		}
	}
	if len(in.Unreadable) > 0 {
		in.add(Warning, "unreadable", reasons(in.Unreadable), fmt.Sprintf("unreadable files: %d", len(in.Unreadable)),
			"The run skips them. Fix: replace or delete them.")
	}
	if n := len(in.TooSmall); n > 0 {
		title := fmt.Sprintf("training images too small for crop_size %d: %d", in.options.CropSize, n)
		text := "The run skips them. Fix: use a smaller crop_size, preprocess resize_and_crop, or larger images."
		if !in.options.Preprocess.Crops() {
			title = fmt.Sprintf("training images too long and narrow for preprocess %s: %d", in.options.Preprocess, n)
			text = "The run skips them. Fix: crop them, or use preprocess resize_and_crop."
		}
		in.add(Warning, "too_small", reasons(in.TooSmall), title, text)
	}
	if len(foreign) > 0 {
		slices.Sort(foreign)
		in.add(Warning, "unread_formats", foreign, "images in unsupported formats",
			"The run reads "+pixels.ReadableFormats+", and skips the others. Fix: convert the others or move them away.")
	}
}

// unsupported are the extensions of image files that people have but that the run cannot read:
// those of phones, cameras and drawing programs.
var unsupported = map[string]bool{
	".jxl": true, ".jp2": true, ".j2k": true, ".psd": true, ".svg": true, ".pdf": true, ".exr": true, ".hdr": true,
	".tga": true, ".pam": true, ".pfm": true, ".dng": true, ".cr2": true, ".cr3": true, ".nef": true, ".arw": true,
	".orf": true, ".raf": true, ".raw": true, ".rw2": true, ".pef": true, ".srw": true,
}

// findCounts finds small, unbalanced and missing sets.
func (in *inspector) findCounts() {
	for _, p := range in.training() {
		if n := len(p.files); n > 0 && n < fewTrain {
			in.add(Warning, "few", nil, fmt.Sprintf("few images in %s: %d", p.folder.Label, n),
				"The networks memorize such a small set and do worse on new images. Fix: collect more; some hundreds per domain are usual.")
		}
	}
	a, b := in.parts[0], in.parts[1]
	if len(a.files) < len(b.files) {
		a, b = b, a
	}
	if na, nb := len(a.files), len(b.files); nb > 0 && na >= 3*nb {
		s := Note
		if na >= 10*nb {
			s = Warning
		}
		ratio := float64(na) / float64(nb)
		in.add(s, "unbalanced", nil, fmt.Sprintf("%s has %.3g times as many images as %s", a.folder.Label, ratio, b.folder.Label),
			fmt.Sprintf("An epoch is one pass over the larger folder, so it uses each image of the smaller one %.3g times. Fix: collect more for %s if it is small.",
				ratio, b.folder.Label))
	}
	var missing, folders []string
	for k, domain := range []string{"A", "B"} {
		p := in.test(domain)
		if p == nil {
			missing, folders = append(missing, domain), append(folders, in.data.TestFolders()[k])
			continue
		}
		if n := len(p.files); n > 0 && n < fewTest {
			in.add(Note, "few_test", nil, fmt.Sprintf("few images in %s: %d", p.folder.Label, n),
				fmt.Sprintf("Scores that compare sets (SWD, KID, FID) are mostly noise for so few. Fix: set aside %d or more.", fewTest))
		}
	}
	if len(missing) > 0 {
		var reasons []string
		for _, err := range in.data.EmptyTests() {
			reasons = append(reasons, err.Error())
		}
		in.add(Note, "no_test", reasons, "no test images of "+strings.Join(missing, " and "),
			fmt.Sprintf("The run evaluates on training images, which score better than new ones. Fix: set aside %d or more, in %s.",
				fewTest, strings.Join(folders, " and ")))
	}
}

// names returns the names of some of the files.
func (p *part) names(want func(*file) bool) (names []string) {
	for _, f := range p.files {
		if want(f) {
			names = append(names, f.Name)
		}
	}
	return names
}

// findContent finds what decoding shows, and differences in format.
func (in *inspector) findContent() {
	var gray, alpha []string
	s := Note // for gray images, unless a training set has many
	for _, p := range in.parts {
		if p.domain == "A" && in.options.InputNC == 3 || p.domain == "B" && in.options.OutputNC == 3 {
			of := p.names(func(f *file) bool { return f.gray })
			gray = append(gray, of...)
			if p.train && float64(len(of)) > manyImages*float64(len(p.files)) {
				s = Warning
			}
		}
		alpha = append(alpha, p.names(func(f *file) bool { return f.alpha })...)
	}
	if len(gray) > 0 {
		in.add(s, "gray", gray, fmt.Sprintf("images without color: %d", len(gray)),
			"The networks learn that the domain may be gray, and remove color from other images. Fix: move them away; if a whole domain is gray, use input_nc 1 (A) or output_nc 1 (B).")
	}
	if len(alpha) > 0 {
		in.add(Note, "alpha", alpha, fmt.Sprintf("partly transparent images: %d", len(alpha)),
			"The run ignores transparency and trains on the colors stored below it. Fix: if those are wrong, save the images on a background.")
	}
	lossy := func(s Set) float64 { return float64(s.Format["jpeg"]) / float64(max(1, s.Count)) }
	a, b := lossy(in.Sets[0]), lossy(in.Sets[1])
	if max(a, b) >= 0.9 && min(a, b) <= 0.1 {
		in.add(Note, "formats_differ", nil, "one domain is JPEG-compressed and the other is not",
			"The discriminators can see JPEG artifacts, so the generators may learn to add or remove them. Fix: use one format and quality for both, or scale the images to half their size or less.")
	}
}

// findWindows finds 16-bit images that their window does not suit.
func (in *inspector) findWindows() {
	for i, p := range in.training() {
		s := in.Sets[i]
		if s.Deep == 0 {
			continue
		}
		if s.Deep < s.Count {
			in.add(Warning, "bits_differ", p.names(func(f *file) bool { return !f.Deep }), "images with 8 bits per channel among those with 16: "+p.ofSet(s.Count-s.Deep),
				fmt.Sprintf("The window %v applies to those with 16 bits only, so equal values may not mean the same. Fix: convert all images to 16 bits, or all to 8.", s.Window))
		}
		width := func(w pixels.Window) int { return int(w.Hi) - int(w.Lo) }
		switch {
		case s.Values == (pixels.Window{}): // not decoded
		case s.Values.Lo < s.Window.Lo || s.Values.Hi > s.Window.Hi:
			in.add(Note, "clamped", nil, fmt.Sprintf("values of %s outside of the window %v", p.folder.Label, s.Window),
				fmt.Sprintf("They are %d to %d. The run clamps those outside. Fix: if they matter, use a wider -window.", s.Values.Lo, s.Values.Hi))
		case width(s.Most) > 0 && 2*width(s.Most) < width(s.Window):
			in.add(Warning, "narrow", nil, fmt.Sprintf("99.9%% of the values of %s are from %d to %d, within the window %v", p.folder.Label, s.Most.Lo, s.Most.Hi, s.Window),
				fmt.Sprintf("For the networks, these images have almost no contrast. Fix: if the values outside do not matter, use -window %v for domain %s.", s.Most, p.domain))
		}
	}
}

func reasons(list []Skip) []string {
	lines := make([]string, len(list))
	for i, s := range list {
		lines[i] = fmt.Sprintf("%s: %v", s.Name, s.Err)
	}
	return lines
}
