package dataset

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Below these numbers of pictures a person is told. The smallest of the
// published data sets that give good pictures have 400 of a domain; scores that
// compare sets are fitted to many more test pictures than people keep apart.
const (
	fewTrain = 100
	fewTest  = 50
)

// judge finds the problems, the worst first.
func (in *inspector) judge() {
	in.judgeReading()
	in.judgePlaces()
	in.judgeCopies()
	in.judgeCounts()
	in.judgeSizes()
	in.judgeContent()
	rank := func(p Problem) int {
		return slices.Index([]Severity{SeverityError, SeverityWarning, SeverityNote}, p.Severity)
	}
	slices.SortStableFunc(in.Problems, func(a, b Problem) int { return cmp.Compare(rank(a), rank(b)) })
}

// add tells a problem, with the files concerned.
func (in *inspector) add(s Severity, kind string, files []string, title, text string) {
	in.Problems = append(in.Problems, Problem{s, kind, title, text, files})
}

// label is what the folder of a set is called on disk.
func (p *part) label() string { return p.files.folder.label }

// usable is how many pictures of the set a run has.
func (p *part) usable() int {
	n := 0
	for _, l := range p.looks {
		n += one(l.err == nil)
	}
	return n
}

// training lists the two sets that are trained on, A first.
func (in *inspector) training() []*part { return in.parts[:2] }

// test is a domain's test set, nil when there is none.
func (in *inspector) test(domain string) *part {
	for _, p := range in.parts {
		if !p.train && p.domain == domain {
			return p
		}
	}
	return nil
}

// judgeReading is about files that are left out.
func (in *inspector) judgeReading() {
	for _, p := range in.parts {
		if p.usable() == 0 {
			s := SeverityWarning
			if p.train {
				s = SeverityError
			}
			in.add(s, "nothing_readable", nil, fmt.Sprintf("no picture of %s can be read", p.label()), "All are damaged, or have gone since the folder was listed. Give it other pictures.")
		}
	}
	if n := len(in.Unreadable); n > 0 {
		in.add(SeverityWarning, "unreadable", reasons(in.Unreadable), count(n, "file")+" can't be read", "The run leaves them out. Replace or delete them.")
	}
	if n := len(in.TooSmall); n > 0 {
		o := in.d.opt
		title := fmt.Sprintf("%s too small for crop_size %d", isAre(n, "training picture"), o.CropSize)
		text := "The run leaves them out. Use a smaller crop_size, or preprocess resize_and_crop, or other pictures."
		if !o.Preprocess.crops() {
			title = fmt.Sprintf("%s too long and narrow for preprocess %s", isAre(n, "training picture"), o.Preprocess)
			text = "The run leaves them out. Cut them, or use preprocess resize_and_crop."
		}
		in.add(SeverityWarning, "too_small", reasons(in.TooSmall), title, text)
	}
	var foreign []string
	for _, p := range in.parts {
		for ending, n := range p.files.others {
			if unreadFormats[ending] {
				foreign = append(foreign, fmt.Sprintf("%s: %d %s", p.label(), n, ending))
			}
		}
	}
	if len(foreign) > 0 {
		slices.Sort(foreign)
		in.add(SeverityWarning, "unread_formats", foreign, "pictures of some formats are not used", "Those that can be read are jpg, png, gif, bmp, tiff and webp. Convert the others, or move them away.")
	}
	var changed []string
	for _, p := range in.parts {
		for i, l := range p.looks {
			if l.changed {
				changed = append(changed, p.files.name(i))
			}
		}
	}
	if n := len(changed); n > 0 {
		in.add(SeverityWarning, "changed", changed, count(n, "file")+" changed while looked at", "Something writes into the folders, and the run would train on what it finds half done. Begin when that has ended.")
	}
}

// unreadFormats are endings of picture files that people have and that are not
// read: those of telephones, cameras and drawing programs.
var unreadFormats = map[string]bool{
	".heic": true, ".heif": true, ".avif": true, ".jxl": true, ".jp2": true, ".jfif": true, ".psd": true, ".svg": true, ".exr": true, ".hdr": true,
	".tga": true, ".ppm": true, ".pgm": true, ".dng": true, ".cr2": true, ".cr3": true, ".nef": true, ".arw": true, ".orf": true, ".raf": true, ".rw2": true,
}

// judgeCounts is about how many pictures there are.
func (in *inspector) judgeCounts() {
	for _, p := range in.training() {
		if n := p.usable(); n > 0 && n < fewTrain {
			in.add(SeverityWarning, "few", nil, fmt.Sprintf("%s has only %s", p.label(), count(n, "picture")),
				"The networks learn so few by heart, and what they make of new pictures suffers. Collect more: some hundreds of each domain are usual.")
		}
	}
	a, b := in.parts[0], in.parts[1]
	if a.usable() < b.usable() {
		a, b = b, a
	}
	if na, nb := a.usable(), b.usable(); nb > 0 && na >= 3*nb {
		s := SeverityNote
		if na >= 10*nb {
			s = SeverityWarning
		}
		ratio := float64(na) / float64(nb)
		in.add(s, "unbalanced", nil, fmt.Sprintf("%s has %.3g times as many pictures as %s", a.label(), ratio, b.label()),
			fmt.Sprintf("An epoch goes once through the larger folder, so each picture of the smaller is seen %.3g times in it. Collect more for %s where it has few.", ratio, b.label()))
	}
	in.judgeTests()
}

func (in *inspector) judgeTests() {
	var missing, wanted []string
	for k, domain := range []string{"A", "B"} {
		p := in.test(domain)
		if p == nil {
			missing, wanted = append(missing, domain), append(wanted, in.d.testFolders[k])
			continue
		}
		if n := p.usable(); n > 0 && n < fewTest {
			in.add(SeverityNote, "few_test", nil, fmt.Sprintf("%s has only %s", p.label(), count(n, "picture")),
				fmt.Sprintf("Scores that compare sets (SWD, KID, FID) are largely chance with so few. Keep %d or more apart.", fewTest))
		}
	}
	if len(missing) > 0 {
		in.add(SeverityNote, "no_test", nil, "there are no test pictures of "+strings.Join(missing, " and "),
			fmt.Sprintf("Training pictures are judged in their place, which look better than new ones would. Keep %d or more apart, in %s.", fewTest, strings.Join(wanted, " and ")))
	}
}

// judgeContent is about what decoding shows, and about formats.
func (in *inspector) judgeContent() {
	var gray, alpha, deep []string
	var most float64 // the largest share of gray pictures in a colour domain
	for _, p := range in.parts {
		n := 0
		for i, l := range p.looks {
			name := p.files.name(i)
			if l.gray && p.dom.channels == 3 {
				gray = append(gray, name)
				n++
			}
			if l.alpha {
				alpha = append(alpha, name)
			}
			if l.deep {
				deep = append(deep, name)
			}
		}
		if p.train && n > 0 {
			most = max(most, float64(n)/float64(p.usable()))
		}
	}
	if n := len(gray); n > 0 {
		s := SeverityNote
		if most > 0.05 {
			s = SeverityWarning
		}
		in.add(s, "gray", gray, isAre(n, "picture")+" without colour",
			"The networks learn that the domain may be gray, and take colour away from other pictures. Move them away; or where a whole domain is gray, use input_nc 1 (A) or output_nc 1 (B).")
	}
	if n := len(alpha); n > 0 {
		in.add(SeverityNote, "alpha", alpha, isAre(n, "picture")+" partly transparent", "Transparency is dropped, and the colours stored below it are trained on. Save them on a background where that is wrong.")
	}
	if n := len(deep); n > 0 {
		in.add(SeverityNote, "bits_16", deep, count(n, "picture")+" of 16 bits a channel", "They are rounded to 8 bits, as all are. There's nothing to do, unless they are dark raw pictures that need brightening first.")
	}
	a, b := lossy(in.parts[0]), lossy(in.parts[1])
	if max(a, b) >= 0.9 && min(a, b) <= 0.1 {
		in.add(SeverityNote, "formats_differ", nil, "one domain is compressed with loss and the other is not",
			"The discriminators can tell JPEG's traces, so the generators may learn to draw or remove them. Best is the same format and quality for both, or pictures that are shrunk to half or less.")
	}
}

// lossy is the share of pictures whose format is compressed with loss.
func lossy(p *part) float64 {
	n := 0
	for i, h := range p.files.headers {
		n += one(p.looks[i].err == nil && h.format == "jpeg")
	}
	return float64(n) / float64(max(1, p.usable()))
}

func reasons(list []Skip) []string {
	lines := make([]string, len(list))
	for i, s := range list {
		lines[i] = fmt.Sprintf("%s: %v", s.Name, s.Err)
	}
	return lines
}

// count is "1 picture" or "2 pictures".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func isAre(n int, what string) string {
	if n == 1 {
		return count(n, what) + " is"
	}
	return count(n, what) + " are"
}
