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

	"cyclegan/graph"
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

// chooseDevice gives the device that the options ask for, or the best there is
// when they leave the choice.
func chooseDevice(o Options) (device, error) {
	d := device{threads: o.Threads}
	if d.threads == 0 {
		d.threads = runtime.NumCPU()
	}
	ids := strings.TrimSpace(o.GPUIDs)
	if strings.Contains(ids, ",") {
		return d, fmt.Errorf("-gpu_ids %q: training on several GPUs is not supported; name one", ids)
	}
	if ids == "-1" {
		return d, nil
	}
	asked := device{gpu: ids, threads: d.threads}
	if ids == "" {
		asked.gpu = "0"
	}
	// A session of nothing tells what TensorFlow sees.
	session, err := openSession(tf.NewGraph(), sessionConfig(asked, F32))
	if err != nil {
		return d, err
	}
	defer session.Close()
	switch found := hasGPU(session); {
	case found && o.Precision == BF16:
		return d, errors.New("-precision bf16 is for the CPU: on a GPU TensorFlow's mixed precision is float16, which needs loss scaling; use -precision f32, or -gpu_ids -1")
	case found:
		return asked, nil
	case ids != "":
		return d, fmt.Errorf("-gpu_ids %s: TensorFlow sees no such GPU (its CPU build sees none: go run ./third_party install -with cuda fetches the other); use -gpu_ids -1 for the CPU", ids)
	}
	return d, nil
}

func openSession(g *tf.Graph, config []byte) (*tf.Session, error) {
	session, err := tf.NewSession(g, &tf.SessionOptions{Config: config})
	if err != nil {
		return nil, fmt.Errorf("start TensorFlow: %w", err)
	}
	return session, nil
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

func sessionConfig(d device, precision string, nets ...*graph.Network) []byte {
	rewrites := tfgraph.Rewrites(nets...)
	if precision == BF16 {
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
