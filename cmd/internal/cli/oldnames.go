package cli

import (
	"errors"
	"strconv"
	"strings"
)

// oldNames are the options that the official implementation has renamed since 2018. A value means
// that the old option is a switch, which sets the new one to the value.
var oldNames = []struct{ old, now, value string }{
	{old: "loadSize", now: "load_size"},
	{old: "fineSize", now: "crop_size"},
	{old: "resize_or_crop", now: "preprocess"},
	{old: "batchSize", now: "batch_size"},
	{old: "nThreads", now: "num_threads"},
	{old: "which_direction", now: "direction"},
	{old: "which_model_netG", now: "netG"},
	{old: "which_model_netD", now: "netD"},
	{old: "which_epoch", now: "epoch"},
	{old: "niter", now: "n_epochs"},
	{old: "niter_decay", now: "n_epochs_decay"},
	{old: "identity", now: "lambda_identity"},
	{old: "no_lsgan", now: "gan_mode", value: "vanilla"},
	{old: "use_dropout", now: "no_dropout", value: "false"},
	{old: "how_many", now: "num_test"},
	{old: "display_single_pane_ncols", now: "display_ncols"},
}

// OldNames adds the old names of the options that f has.
func (f *Flags) OldNames() {
	var names []string
	for _, o := range oldNames {
		if f.Lookup(o.now) == nil {
			continue
		}
		names = append(names, o.old)
		if o.value == "" {
			f.Func(o.old, "", func(value string) error {
				f.renamed = append(f.renamed, "-"+o.old+" is now -"+o.now)
				return f.Set(o.now, value)
			})
			continue
		}
		f.BoolFunc(o.old, "", func(value string) error {
			on, err := strconv.ParseBool(value)
			if err != nil {
				return errors.New("parse error") // as package flag says
			}
			if !on {
				return nil
			}
			f.renamed = append(f.renamed, "-"+o.old+" is now -"+o.now+"="+o.value)
			return f.Set(o.now, o.value)
		})
	}
	f.Brief("Official options: names of 2018, which set the options of today", names...)
}

// Renamed returns a note about the old names on the command line, or "" if there are none.
func (f *Flags) Renamed() string {
	if len(f.renamed) == 0 {
		return ""
	}
	return "old option names: " + strings.Join(f.renamed, ", ")
}
