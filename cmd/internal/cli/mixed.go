package cli

import "flag"

// ParseMixed reads options and, between and after them, paths; after "--" there are paths alone.
func ParseMixed(f *flag.FlagSet, args []string, paths *[]string) error {
	for {
		if err := f.Parse(args); err != nil {
			return err
		}
		rest := f.Args()
		if n := len(args) - len(rest); n > 0 && args[n-1] == "--" {
			*paths = append(*paths, rest...)
			return nil
		}
		if len(rest) == 0 {
			return nil
		}
		*paths = append(*paths, rest[0])
		args = rest[1:]
	}
}
