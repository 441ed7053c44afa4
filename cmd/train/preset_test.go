package main

import (
	"strings"
	"testing"
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
	} {
		c, _, err := parse(append(strings.Fields(args), "-checkpoints_dir", dir))
		if err != nil {
			t.Errorf("train %s: %v", args, err)
		} else if c.opts.Preset != want {
			t.Errorf("train %s takes the defaults of preset %s, want %s", args, c.opts.Preset, want)
		}
	}
}
