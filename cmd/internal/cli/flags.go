package cli

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Flags is the options of a command: a flag set with -version, whose -h lists the options by
// subject.
//
//	f := cli.NewFlags("infer", "Convert images ...")
//	f.Group("Input and output")
//	f.StringVar(&out, "out", "", "write the results to `DIR`")
//	...
//	if err := f.Parse(args); err != nil {
//		os.Exit(f.Report(err, os.Stdout, os.Stderr))
//	}
//
// A usage text begins with a verb or a noun and has the placeholder in backquotes: DIR, FILE, N or
// NAME. The help appends the default value unless it is zero or the text contains "default".
type Flags struct {
	*flag.FlagSet
	// About is the help above the options: what the command does, how it is called, its exit
	// statuses.
	About string

	groups  []*group
	open    *group          // takes the options defined since it began
	placed  map[string]bool // options that are in a group, or hidden
	version bool
	renamed []string // see OldNames
}

type group struct {
	title string
	names []string
	brief bool // lists the names alone
}

// NewFlags returns the options of the command called name.
func NewFlags(name, about string) *Flags {
	return Wrap(flag.NewFlagSet(name, flag.ContinueOnError), about)
}

// Wrap returns fs as Flags. The help shows those options already in fs that a [Flags.Group] names.
func Wrap(fs *flag.FlagSet, about string) *Flags {
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	f := &Flags{FlagSet: fs, About: about, placed: map[string]bool{"version": true}}
	fs.VisitAll(func(o *flag.Flag) { f.placed[o.Name] = true })
	fs.BoolVar(&f.version, "version", false, "print the versions of the program and its libraries")
	return f
}

// Group begins a group of options in the help, or continues the one with that title. Without names
// it takes the options that are defined until the next group; they are listed in alphabetical
// order. With names it takes those, in the given order, wherever they are defined. Options in no
// group come last.
func (f *Flags) Group(title string, names ...string) {
	g := f.group(title, names)
	if len(names) == 0 {
		f.open = g
	}
}

// Brief adds options to the help of which only the names are listed, after a title that says what
// they have in common.
func (f *Flags) Brief(title string, names ...string) {
	f.group(title, names).brief = true
}

// group closes the open group and returns the one with that title, to which it adds options.
func (f *Flags) group(title string, names []string) *group {
	if f.open != nil {
		f.place(f.open, f.unplaced())
		f.open = nil
	}
	i := slices.IndexFunc(f.groups, func(g *group) bool { return g.title == title })
	if i < 0 {
		i = len(f.groups)
		f.groups = append(f.groups, &group{title: title})
	}
	f.place(f.groups[i], names)
	return f.groups[i]
}

func (f *Flags) place(g *group, names []string) {
	g.names = append(g.names, names...)
	for _, name := range names {
		f.placed[name] = true
	}
}

func (f *Flags) unplaced() (names []string) {
	f.VisitAll(func(o *flag.Flag) {
		if !f.placed[o.Name] {
			names = append(names, o.Name)
		}
	})
	return names
}

// Parse parses the options in args. It returns [flag.ErrHelp] for -h, [ErrVersion] for -version,
// and an [IsUsage] error for a mistake.
func (f *Flags) Parse(args []string) error {
	if err := f.checkValues(args); err != nil {
		return Usage(err)
	}
	err := f.FlagSet.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		if name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
			err = fmt.Errorf("unknown option -%s%s", name, f.similar(name))
		} else if name, ok := strings.CutPrefix(err.Error(), "flag needs an argument: "); ok {
			err = fmt.Errorf("%s needs a value", name)
		} else if text, ok := strings.CutSuffix(err.Error(), ": parse error"); ok {
			err = fmt.Errorf("%s: %s", text, f.wanted(text[strings.LastIndex(text, "-")+1:]))
		}
		return Usage(err)
	case f.version:
		return ErrVersion
	}
	return nil
}

// checkValues reports values that package flag accepts but nobody means: the next option, a path
// whose ~ the shell did not expand, and the separate value of a switch.
func (f *Flags) checkValues(args []string) error {
	isOption := func(s string) bool { return len(s) > 1 && s[0] == '-' && s != "--" }
	for len(args) > 0 && isOption(args[0]) {
		name, value, inline := strings.Cut(strings.TrimLeft(args[0], "-"), "=")
		args = args[1:]
		o := f.Lookup(name)
		if o == nil {
			return nil // a mistake that Parse reports
		}
		if !inline && len(args) > 0 {
			value = args[0]
			if b, ok := o.Value.(interface{ IsBoolFlag() bool }); ok && b.IsBoolFlag() {
				if lower := strings.ToLower(value); lower == "true" || lower == "false" {
					return fmt.Errorf("-%s is a switch, whose value follows =. Fix: -%[1]s=%s", name, lower)
				}
				continue
			}
			args = args[1:]
			next, _, _ := strings.Cut(strings.TrimLeft(value, "-"), "=")
			if isOption(value) && f.Lookup(next) != nil {
				return fmt.Errorf("-%s needs a value, but the option -%s follows", name, next)
			}
		}
		if strings.HasPrefix(value, "~/") {
			return fmt.Errorf("-%s %s: the shell did not replace ~. Fix: write the whole path, or ./%[2]s for a folder of the name ~", name, value)
		}
	}
	return nil
}

// wanted describes the values of an option.
func (f *Flags) wanted(name string) string {
	if o := f.Lookup(name); o != nil {
		if g, ok := o.Value.(flag.Getter); ok {
			switch g.Get().(type) {
			case int, int64, uint, uint64:
				return "want an integer"
			case float64:
				return "want a number"
			case time.Duration:
				return "want a time such as 30s or 5m"
			}
		}
	}
	return "want true or false"
}

// similar asks for one of the options whose names resemble an unknown one, or returns "".
func (f *Flags) similar(name string) string {
	plain := func(s string) string { return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(s)) }
	want := plain(name)
	var found []string
	f.VisitAll(func(o *flag.Flag) {
		have := plain(o.Name)
		if o.Usage != "" && (strings.HasPrefix(have, want) || strings.HasPrefix(want, have) || len(want) > 2 && strings.HasSuffix(have, want)) {
			found = append(found, "-"+o.Name)
		}
	})
	if len(found) == 0 {
		return ""
	}
	slices.SortStableFunc(found, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	return "; did you mean " + strings.Join(found[:min(len(found), 2)], " or ") + "?"
}

// ParseMixed parses options and, between and after them, paths. After "--" it takes paths only.
func (f *Flags) ParseMixed(args []string, paths *[]string) error {
	for {
		if err := f.Parse(args); err != nil {
			return err
		}
		rest := f.Args()
		if n := len(args) - len(rest); len(rest) == 0 || n > 0 && args[n-1] == "--" {
			*paths = append(*paths, rest...)
			return nil
		}
		*paths = append(*paths, rest[0])
		args = rest[1:]
	}
}

// Report prints err, with which the command ends, and returns the exit status. It answers -h and
// -version on stdout.
func (f *Flags) Report(err error, stdout, stderr io.Writer) int {
	switch {
	case errors.Is(err, flag.ErrHelp):
		f.Help(stdout)
	case errors.Is(err, ErrVersion):
		Version(stdout, f.Name())
	}
	return Report(stderr, f.Name(), err)
}

// Explicit returns the names of the options that the command line sets.
func (f *Flags) Explicit() map[string]bool {
	set := map[string]bool{}
	f.Visit(func(o *flag.Flag) { set[o.Name] = true })
	return set
}

// Help prints the help.
func (f *Flags) Help(w io.Writer) {
	f.Group("Other options", "version")
	f.Group("Other options", f.unplaced()...)
	fmt.Fprintln(w, strings.TrimSpace(f.About))
	for _, g := range f.groups {
		fmt.Fprintf(w, "\n%s:\n", g.title)
		if g.brief {
			fmt.Fprintln(w, wrapped("-"+strings.Join(g.names, " -"), "  "))
			continue
		}
		for _, name := range g.names {
			o := f.Lookup(name)
			placeholder, text := flag.UnquoteUsage(o)
			if !slices.Contains([]string{"", "0", "false", "0s"}, o.DefValue) && !strings.Contains(text, "efault") {
				text += fmt.Sprintf(" (default %s)", o.DefValue)
			}
			fmt.Fprintf(w, "  %s\n%s\n", strings.TrimSpace("-"+name+" "+placeholder), wrapped(text, "        "))
		}
	}
}

// wrapped breaks text into lines of at most 90 columns, each with the indent.
func wrapped(text, indent string) string {
	var lines []string
	line := indent
	for word := range strings.FieldsSeq(text) {
		if line != indent && len(line)+1+len(word) > 90 {
			lines = append(lines, line)
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n")
}
