package pytorch

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// wrappers are modules that hold one other module, and keys of checkpoints. Networks also have
// modules with the names in ambiguous.
var (
	wrappers  = []string{"module", "state_dict", "model_state_dict"}
	ambiguous = []string{"net", "model", "params"}
)

// compiled is what torch.compile adds to the names of the modules in a compiled one.
const compiled = "_orig_mod."

// Directions of Choose.
const (
	AtoB = "AtoB"
	BtoA = "BtoA"
)

// names are what implementations call the generators of both directions, in lower case and without
// underscores. The paper's F and the official G_B turn B to A.
var names = map[string][]string{
	AtoB: {"gab", "genab", "generatorab", "ga2b", "gena2b", "generatora2b", "netga2b", "netgab", "netga", "ga", "gena", "gatob", "genatob", "generatoratob", "g"},
	BtoA: {"gba", "genba", "generatorba", "gb2a", "genb2a", "generatorb2a", "netgb2a", "netgba", "netgb", "gb", "genb", "gbtoa", "genbtoa", "generatorbtoa", "f"},
}

// Choose returns the state dict of one generator of a checkpoint. The name is that of the entry,
// such as "G_AB" or "netG_A". With "", it is the generator that is no entry of the file but the
// file itself, or else the one whose name tells the direction, [AtoB] or [BtoA]. A file with one
// generator needs neither. Names lose what wrappers such as nn.DataParallel and torch.compile add
// to them.
func (s State) Choose(name, direction string) (State, error) {
	s = s.uncompiled()
	parts := s.generators()
	labels := slices.Sorted(maps.Keys(parts))
	switch {
	case name != "":
		if _, ok := parts[name]; !ok {
			return nil, fmt.Errorf("the file holds no generator %q: it holds %s", name, listed(labels))
		}
	case len(parts) == 0:
		return s.unwrapped(), nil
	case len(parts) == 1 || labels[0] == "":
		name = labels[0]
	default:
		fit := slices.DeleteFunc(slices.Clone(labels), func(l string) bool { return !slices.Contains(names[direction], plain(l)) })
		if len(fit) != 1 {
			return nil, fmt.Errorf("the file holds several generators: %s\nFix: export one of them with cmd/export -net NAME", listed(labels))
		}
		name = fit[0]
	}
	part := s.under(parts[name])
	for _, prefix := range parts {
		if inner, ok := strings.CutPrefix(prefix, parts[name]); ok && inner != "" {
			maps.DeleteFunc(part, func(tensor string, _ Tensor) bool { return strings.HasPrefix(tensor, inner) })
		}
	}
	return part, nil
}

// generators returns the prefixes of the tensors of each generator by its label. Generators that
// only their wrappers tell apart, such as "params" and "params_ema", keep these in their labels.
func (s State) generators() map[string]string {
	prefixes := map[string][]string{} // by label
	for tensor := range s {
		for _, l := range layouts {
			prefix, ok := strings.CutSuffix(tensor, l.mark)
			same := prefixes[label(prefix)]
			if ok && (prefix == "" || strings.HasSuffix(prefix, ".")) && !slices.Contains(same, prefix) {
				prefixes[label(prefix)] = append(same, prefix)
			}
		}
	}
	parts := map[string]string{}
	for name, same := range prefixes {
		for _, prefix := range same {
			if len(same) > 1 || name == "" && len(prefixes) > 1 {
				name = strings.TrimSuffix(prefix, ".")
			}
			parts[name] = prefix
		}
	}
	return parts
}

// under returns the tensors whose names begin with prefix, without it.
func (s State) under(prefix string) State {
	part := State{}
	for name, t := range s {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			part[rest] = t
		}
	}
	return part
}

// unwrapped removes the wrappers that every name begins with, except ambiguous ones.
func (s State) unwrapped() State {
	for {
		first := ""
		for name := range s {
			head, _, _ := strings.Cut(name, ".")
			if first != "" && head != first || !slices.Contains(wrappers, head) {
				return s
			}
			first = head
		}
		if first == "" {
			return s
		}
		s = s.under(first + ".")
	}
}

func (s State) uncompiled() State {
	clean := make(State, len(s))
	for name, t := range s {
		clean[strings.ReplaceAll(name, compiled, "")] = t
	}
	return clean
}

// label returns the name of a network from what precedes the names of its tensors.
func label(prefix string) string {
	parts := strings.Split(strings.TrimSuffix(prefix, "."), ".")
	parts = slices.DeleteFunc(parts, func(p string) bool { return slices.Contains(wrappers, p) || slices.Contains(ambiguous, p) })
	return strings.Join(parts, ".")
}

// plain returns the last part of a label for the comparison with names.
func plain(label string) string {
	return strings.ToLower(strings.ReplaceAll(label[strings.LastIndex(label, ".")+1:], "_", ""))
}

func listed(labels []string) string {
	if len(labels) == 0 {
		return "none"
	}
	return strings.Join(labels, ", ")
}
