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

// CheckResume says which options of a run differ from those that it was
// started with although they can't, and what they were.
func (o Options) CheckResume(saved Options) error {
	var problems []string
	now, then := reflect.ValueOf(o), reflect.ValueOf(saved)
	for i := range now.NumField() {
		field := now.Type().Field(i)
		if field.Tag.Get("resume") == "fixed" && !now.Field(i).Equal(then.Field(i)) {
			problems = append(problems, fmt.Sprintf("-%s is %v, the run was started with %v", field.Tag.Get("json"), now.Field(i), then.Field(i)))
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("run %q can't go on with other options:\n  %s", o.Name, strings.Join(problems, "\n  "))
}
