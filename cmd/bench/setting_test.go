package main

import (
	"fmt"
	"io"
	"runtime"
	"testing"
)

func TestSettings(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string
	}{
		{nil, []string{
			"step resnet_6blocks 128 64 64 b1 f32 3/0",
			"step resnet_6blocks 128 64 64 b1 bf16 3/0",
			"step resnet_6blocks 64 32 64 b1 f32 15/0",
			"convert resnet_9blocks 256 64 0 b1 f32 0/200",
			"cold resnet_9blocks 256 64 0 b1 f32 0/1",
			"export resnet_9blocks 256 64 0 b1 f32 0/1",
			"session resnet_9blocks 256 64 0 b1 f32 0/20",
		}},
		{[]string{"-work", "step", "-precision", "bf16"}, []string{"step resnet_6blocks 128 64 64 b1 bf16 3/0"}},
		{[]string{"-work", "step", "-steps", "2", "-precision", "f32"}, []string{
			"step resnet_6blocks 128 64 64 b1 f32 2/0", "step resnet_6blocks 64 32 64 b1 f32 2/0",
		}},
		{[]string{"-work", "step", "-batch_size", "4"}, []string{"step resnet_6blocks 128 64 64 b4 f32 3/0"}},
		{[]string{"-work", "cold,convert", "-size", "128", "-pictures", "7", "-batch_size", "4", "-ndf", "8", "-steps", "5"}, []string{
			"convert resnet_9blocks 128 64 0 b1 f32 0/7", "cold resnet_9blocks 128 64 0 b1 f32 0/1",
		}},
	} {
		command, err := parse(c.args, io.Discard)
		if err != nil {
			t.Errorf("%q: %v", c.args, err)
			continue
		}
		var got []string
		for _, s := range command.settings {
			got = append(got, fmt.Sprintf("%s %s %d %d %d b%d %s %d/%d", s.Work, s.NetG, s.Size, s.NGF, s.NDF, s.Batch, s.Precision, s.Steps, s.Pictures))
			if s.Rounds != 5 || s.Threads != runtime.NumCPU() {
				t.Errorf("%q: %d rounds, %d threads", c.args, s.Rounds, s.Threads)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%q gives\n%q\nwant\n%q", c.args, got, c.want)
		}
	}
}
