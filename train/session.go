//go:build tensorflow

package train

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"cyclegan/graph/tfgraph"
)

// A device is what a session computes on.
type device struct {
	gpu     string // visible device number, "" for the CPU
	threads int    // CPU threads
}

func (d device) String() string {
	if d.gpu != "" {
		return "GPU " + d.gpu
	}
	if d.threads == 1 {
		return "CPU, 1 thread"
	}
	return fmt.Sprintf("CPU, %d threads", d.threads)
}

// openSession starts a session on the device that the options ask for, or on
// the best there is when they leave the choice.
func openSession(g *tf.Graph, m *model) (*tf.Session, device, error) {
	o := m.opts
	d := device{threads: o.Threads}
	if d.threads == 0 {
		d.threads = runtime.NumCPU()
	}
	ids := strings.TrimSpace(o.GPUIDs)
	if strings.Contains(ids, ",") {
		return nil, d, fmt.Errorf("-gpu_ids %q: training on several GPUs is not supported; name one", ids)
	}
	if ids != "-1" {
		d.gpu = ids
		if ids == "" {
			d.gpu = "0"
		}
	}
	session, err := tf.NewSession(g, &tf.SessionOptions{Config: sessionConfig(d, m)})
	if err != nil {
		return nil, d, fmt.Errorf("start TensorFlow: %w", err)
	}
	if d.gpu == "" {
		return session, d, nil
	}
	if hasGPU(session) {
		if o.Precision == BF16 {
			session.Close()
			return nil, d, errors.New("-precision bf16 is for the CPU: on a GPU TensorFlow's mixed precision is float16, which needs loss scaling; use -precision f32, or -gpu_ids -1")
		}
		return session, d, nil
	}
	if ids != "" {
		session.Close()
		return nil, d, fmt.Errorf("-gpu_ids %s: TensorFlow sees no such GPU (its CPU build sees none: go run ./third_party install -with cuda fetches the other); use -gpu_ids -1 for the CPU", ids)
	}
	d.gpu = ""
	return session, d, nil
}

func hasGPU(session *tf.Session) bool {
	devices, err := session.ListDevices()
	if err != nil {
		return false
	}
	for _, d := range devices {
		if d.Type == "GPU" {
			return true
		}
	}
	return false
}

func sessionConfig(d device, m *model) []byte {
	rewrites := tfgraph.Rewrites(m.gAB.net, m.gBA.net)
	if m.opts.Precision == BF16 {
		rewrites.AutoMixedPrecisionOnednnBfloat16 = pb.RewriterConfig_ON
	}
	config := &pb.ConfigProto{
		IntraOpParallelismThreads: int32(d.threads),
		InterOpParallelismThreads: int32(d.threads),
		AllowSoftPlacement:        true,
		GpuOptions:                &pb.GPUOptions{AllowGrowth: true, VisibleDeviceList: d.gpu},
		GraphOptions:              &pb.GraphOptions{RewriteOptions: rewrites},
	}
	if d.gpu == "" {
		config.DeviceCount = map[string]int32{"GPU": 0}
	}
	bytes, err := proto.Marshal(config)
	if err != nil {
		// A message built from constants can't fail to marshal.
		panic("marshal ConfigProto: " + err.Error())
	}
	return bytes
}
