package main

import (
	"strings"
	"testing"

	"cyclegan/train"
)

// The default preset follows from what the command line names.
func TestDefaultPreset(t *testing.T) {
	dir := t.TempDir()
	for args, want := range map[string]string{
		"":                             "demo",
		"-ngf 8":                       "demo",
		"-dataroot x":                  "fast",
		"-dir_A a -dir_B b":            "fast",
		"-dataroot x -max_minutes 5":   "fast",
		"-dataroot x -preset yosemite": "yosemite",
		"--dataroot x --model cycle_gan --netG unet_256": "paper",
		"--dataroot x --model cycle_gan":                 "paper",
		"-dataroot x -netD pixel":                        "paper",
		"--dataroot x --loadSize 143 --fineSize 128":     "paper",
	} {
		c, _, err := parse(append(strings.Fields(args), "-checkpoints_dir", dir))
		if err != nil {
			t.Errorf("train %s: %v", args, err)
		} else if c.opts.Preset != want {
			t.Errorf("train %s takes the defaults of preset %s, want %s", args, c.opts.Preset, want)
		}
	}
}

// Command lines of the official implementation of 2018 mean the same as today's.
func TestOldNames(t *testing.T) {
	dir := t.TempDir()
	options := func(args string) (train.Options, []string) {
		t.Helper()
		c, _, err := parse(append(strings.Fields(args), "--checkpoints_dir", dir))
		if err != nil {
			t.Fatalf("train %s: %v", args, err)
		}
		return c.opts, c.notes
	}
	old, notes := options("--dataroot x --name maps --model cycle_gan --dataset_mode unaligned --loadSize 143 --fineSize=128 --batchSize 2 --nThreads 3 " +
		"--niter 7 --niter_decay 8 --which_direction BtoA --which_model_netG resnet_6blocks --which_model_netD n_layers --n_layers_D 2 --no_lsgan --use_dropout " +
		"--identity 0.1 --resize_or_crop crop --norm batch --lambda_A 5 --lambda_B 6 --display_id 0 --display_single_pane_ncols 4")
	today, none := options("--dataroot x --name maps --model cycle_gan --load_size 143 --crop_size 128 --batch_size 2 --num_threads 3 " +
		"--n_epochs 7 --n_epochs_decay 8 --direction BtoA --netG resnet_6blocks --netD n_layers --n_layers_D 2 --gan_mode vanilla --no_dropout=false " +
		"--lambda_identity 0.1 --preprocess crop --norm batch --lambda_A 5 --lambda_B 6")
	if old != today {
		t.Errorf("differences: %v", old.Changed(today))
	}
	text := strings.Join(notes, "\n")
	for _, want := range []string{"-loadSize is now -load_size", "-no_lsgan is now -gan_mode=vanilla", "-niter is now -n_epochs", "-display_"} {
		if !strings.Contains(text, want) {
			t.Errorf("the notes lack %q:\n%s", want, text)
		}
	}
	if len(none) > 0 {
		t.Errorf("notes about today's names: %q", none)
	}
	if resumed, _ := options("--dataroot x --model cycle_gan --no_lsgan=false"); resumed.GANMode != train.LSGAN {
		t.Errorf("without -no_lsgan the loss is %s", resumed.GANMode)
	}
	if on, _ := options("--dataroot x --model cycle_gan --no_lsgan=1"); on.GANMode != train.Vanilla {
		t.Errorf("with -no_lsgan=1 the loss is %s", on.GANMode)
	}
	for name, value := range map[string]string{"loadSize": "big", "no_lsgan": "maybe"} {
		if _, _, err := parse([]string{"--" + name + "=" + value}); err == nil || !strings.Contains(err.Error(), "-"+name) {
			t.Errorf("-%s %s: %v", name, value, err)
		}
	}
}
