package profile

import (
	"encoding/json"
	"strings"
	"testing"

	stats "github.com/wamuir/graft/tensorflow/core/framework/step_stats_go_proto"
)

// twoRuns is the record of a step with a convolution and a transfer on one device and a product on
// another.
func twoRuns() *Step {
	return &Step{Number: 7, Runs: []Run{
		{"generators", &stats.StepStats{DevStats: []*stats.DeviceStepStats{{
			Device: "/device:CPU:0",
			NodeStats: []*stats.NodeExecStats{
				{NodeName: "a/Conv2D", TimelineLabel: "a/Conv2D = Conv2D(a/x, a/w)", AllStartMicros: 1000, OpStartRelMicros: 10, OpEndRelMicros: 3010, ThreadId: 4,
					Memory: []*stats.AllocatorMemoryUsed{{TotalBytes: 1 << 20}, {TotalBytes: 1 << 20}}},
				{NodeName: "a_S12", TimelineLabel: "a_S12 = _Send(a @/device:CPU:1)", AllStartMicros: 5000, AllStartNanos: 5000_000, OpStartRelNanos: 500, OpEndRelNanos: 1000_500},
			},
		}}}},
		{"discriminators", &stats.StepStats{DevStats: []*stats.DeviceStepStats{{
			Device:    "/device:CPU:1",
			NodeStats: []*stats.NodeExecStats{{NodeName: "b/MatMul_2", AllStartMicros: 9000, OpEndRelMicros: 1000}},
		}}}},
	}}
}

func TestFprint(t *testing.T) {
	var text strings.Builder
	if err := twoRuns().Fprint(&text); err != nil {
		t.Fatal(err)
	}
	const want = `step 7: 0.005 s in operations, summed over threads
  seconds  share  count  MiB used  operation
    0.003  60.0%      1       2.0  Conv2D
    0.001  20.0%      1       0.0  MatMul
    0.001  20.0%      1       0.0  _Send
`
	if text.String() != want {
		t.Errorf("got\n%s\nwant\n%s", text.String(), want)
	}
}

func TestFprintOthers(t *testing.T) {
	step := &Step{Runs: []Run{{Stats: &stats.StepStats{DevStats: []*stats.DeviceStepStats{{}}}}}}
	device := step.Runs[0].Stats.DevStats[0]
	for _, name := range strings.Split("ABCDEFGHIJKLMNOP", "") {
		device.NodeStats = append(device.NodeStats, &stats.NodeExecStats{NodeName: name, OpEndRelMicros: 1000})
	}
	var text strings.Builder
	if err := step.Fprint(&text); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "0.004  25.0%      4       0.0  others") || strings.Contains(text.String(), "  M\n") {
		t.Errorf("%s", text.String())
	}
}

func TestWriteTrace(t *testing.T) {
	var text strings.Builder
	if err := twoRuns().WriteTrace(&text); err != nil {
		t.Fatal(err)
	}
	var got struct {
		TraceEvents []struct {
			Name, Cat, Ph string
			Ts, Dur       float64
			Pid, Tid      int
			Args          map[string]any
		}
	}
	if err := json.Unmarshal([]byte(text.String()), &got); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range got.TraceEvents {
		names = append(names, e.Ph+" "+e.Name)
	}
	if want := "M process_name, X Conv2D, X _Send, M process_name, X MatMul"; strings.Join(names, ", ") != want {
		t.Fatalf("%v, want %s", names, want)
	}
	conv, send, product := got.TraceEvents[1], got.TraceEvents[2], got.TraceEvents[4]
	if conv.Ts != 0 || conv.Dur != 3000 || conv.Tid != 4 || conv.Cat != "generators" || conv.Args["node"] != "a/Conv2D" || conv.Args["bytes"] != float64(2<<20) {
		t.Errorf("convolution %+v", conv)
	}
	if send.Ts != 3990.5 || send.Dur != 1000 {
		t.Errorf("transfer %+v", send)
	}
	if product.Ts != 7990 || product.Pid == conv.Pid || product.Cat != "discriminators" {
		t.Errorf("product %+v", product)
	}
}

func TestEmpty(t *testing.T) {
	var text strings.Builder
	if err := (&Step{}).WriteTrace(&text); err == nil {
		t.Error("an empty trace is written")
	}
	if err := (&Step{}).Fprint(&text); err == nil {
		t.Error("an empty table is written")
	}
}

func TestDevices(t *testing.T) {
	got := twoRuns().Devices()
	if len(got) != 3 || got["a/Conv2D"] != "/device:CPU:0" || got["b/MatMul_2"] != "/device:CPU:1" {
		t.Errorf("%v", got)
	}
}
