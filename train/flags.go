package train

import (
	"flag"
	"fmt"
	"reflect"
	"strings"
)

// Bind makes every option a flag of its JSON name that changes o. The flag's default is the
// option's current value, so a preset must be chosen before.
func (o *Options) Bind(fs *flag.FlagSet) {
	for field, value := range reflect.ValueOf(o).Elem().Fields() {
		name, usage := field.Tag.Get("json"), field.Tag.Get("usage")
		switch p := value.Addr().Interface().(type) {
		case *string:
			fs.StringVar(p, name, *p, usage)
		case *int:
			fs.IntVar(p, name, *p, usage)
		case *int64:
			fs.Int64Var(p, name, *p, usage)
		case *uint64:
			fs.Uint64Var(p, name, *p, usage)
		case *float64:
			fs.Float64Var(p, name, *p, usage)
		case *bool:
			fs.BoolVar(p, name, *p, usage)
		default:
			panic(fmt.Sprintf("option %s has type %s, which no flag holds", name, field.Type))
		}
	}
}

// A Setting is one option as text.
type Setting struct{ Name, Value, Usage string }

// List returns every option in order.
func (o Options) List() []Setting {
	var all []Setting
	for field, value := range reflect.ValueOf(o).Fields() {
		all = append(all, Setting{field.Tag.Get("json"), fmt.Sprint(value), field.Tag.Get("usage")})
	}
	return all
}

// Changed lists the options that differ from those that the run was saved with.
func (o Options) Changed(saved Options) []string {
	var changes []string
	o.eachChange(saved, func(name string, now, then any, _ string) {
		changes = append(changes, fmt.Sprintf("-%s %v, was %v", name, now, then))
	})
	return changes
}

func (o Options) eachChange(saved Options, report func(name string, now, then any, resume string)) {
	values := reflect.ValueOf(saved)
	for field, now := range reflect.ValueOf(o).Fields() {
		if then := values.FieldByIndex(field.Index); !now.Equal(then) {
			report(field.Tag.Get("json"), now, then, field.Tag.Get("resume"))
		}
	}
}

// fixedReasons says, for each resume tag, why the option is fixed.
var fixedReasons = map[string]string{
	"networks": "the saved weights belong to networks with this option",
	"begun":    "it only has an effect at the start of a run",
	"draws":    "every random draw of the run follows from it",
	"values":   "the networks have learned what the values mean",
	"domains":  "the networks have learned which domain is which",
	"recipe":   "it set the run's other options",
}

// CheckResume reports the options that differ from those of the saved run but are fixed, and why.
func (o Options) CheckResume(saved Options) error {
	var problems []string
	o.eachChange(saved, func(name string, now, then any, resume string) {
		if resume != "" {
			started := fmt.Sprintf("with %v", then)
			if fmt.Sprint(then) == "" {
				started = "without it"
			}
			problems = append(problems, fmt.Sprintf("-%s is %v, the run was started %s: %s", name, now, started, fixedReasons[resume]))
		}
	})
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("run %q cannot be resumed with these options:\n  %s\nFix: omit them, or start a run with another -name", o.Name, strings.Join(problems, "\n  "))
}
