package train

import (
	"flag"
	"fmt"
	"reflect"
	"strings"
)

// Bind makes every option a flag of its JSON name that changes o; the flag's
// default is what o holds now. The options of a preset are bound after
// choosing it.
func (o *Options) Bind(fs *flag.FlagSet) {
	value := reflect.ValueOf(o).Elem()
	for i := range value.NumField() {
		field := value.Type().Field(i)
		name, usage := field.Tag.Get("json"), field.Tag.Get("usage")
		switch p := value.Field(i).Addr().Interface().(type) {
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

// List gives every option in its order.
func (o Options) List() []Setting {
	var all []Setting
	value := reflect.ValueOf(o)
	for i := range value.NumField() {
		tag := value.Type().Field(i).Tag
		all = append(all, Setting{tag.Get("json"), fmt.Sprint(value.Field(i)), tag.Get("usage")})
	}
	return all
}

// Changed lists the options that differ from those that the run was saved
// with, but for where it lies.
func (o Options) Changed(saved Options) []string {
	var changes []string
	now, then := reflect.ValueOf(o), reflect.ValueOf(saved)
	for i := range now.NumField() {
		if !now.Field(i).Equal(then.Field(i)) {
			changes = append(changes, fmt.Sprintf("-%s %v, was %v", now.Type().Field(i).Tag.Get("json"), now.Field(i), then.Field(i)))
		}
	}
	return changes
}

// fixedReasons says, for each resume tag, why the option is fixed.
var fixedReasons = map[string]string{
	"networks": "the saved weights are of networks made with it",
	"begun":    "it decided how the run began",
	"draws":    "every random draw of the run follows from it",
	"order":    "the place in the data is counted in batches of that size",
	"domains":  "the networks have learnt which domain is which",
	"recipe":   "it gave the run its other options",
}

// CheckResume says which options of a run differ from those that it was
// started with although they can't, what they were, and why.
func (o Options) CheckResume(saved Options) error {
	var problems []string
	now, then := reflect.ValueOf(o), reflect.ValueOf(saved)
	for i := range now.NumField() {
		field := now.Type().Field(i)
		if why, fixed := fixedReasons[field.Tag.Get("resume")]; fixed && !now.Field(i).Equal(then.Field(i)) {
			problems = append(problems, fmt.Sprintf("-%s is %v, the run was started with %v: %s", field.Tag.Get("json"), now.Field(i), then.Field(i), why))
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("run %q can't go on with these options; leave them out, or start a run of another -name:\n  %s", o.Name, strings.Join(problems, "\n  "))
}
