//go:build tensorflow

package train

import (
	"fmt"
	"runtime"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"
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
	return fmt.Sprintf("CPU, %d threads", d.threads)
}

// openSession starts a session on the device that the options ask for, or on
// the best there is when they leave the choice.
func openSession(g *tf.Graph, o Options) (*tf.Session, device, error) {
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
	session, err := tf.NewSession(g, &tf.SessionOptions{Config: sessionConfig(d, o.Precision)})
	if err != nil {
		return nil, d, fmt.Errorf("start TensorFlow: %w", err)
	}
	if d.gpu == "" || hasGPU(session) {
		return session, d, nil
	}
	if ids != "" {
		session.Close()
		return nil, d, fmt.Errorf("-gpu_ids %s: TensorFlow sees no such GPU (the CPU build of TensorFlow sees none); use -gpu_ids -1 for the CPU", ids)
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

func sessionConfig(d device, precision string) []byte {
	config := &pb.ConfigProto{
		IntraOpParallelismThreads: int32(d.threads),
		InterOpParallelismThreads: int32(d.threads),
		AllowSoftPlacement:        true,
		GpuOptions:                &pb.GPUOptions{AllowGrowth: true, VisibleDeviceList: d.gpu},
		GraphOptions:              &pb.GraphOptions{RewriteOptions: &pb.RewriterConfig{}},
	}
	if d.gpu == "" {
		config.DeviceCount = map[string]int32{"GPU": 0}
	}
	if precision == BF16 {
		rewrite := config.GraphOptions.RewriteOptions
		if d.gpu == "" {
			rewrite.AutoMixedPrecisionOnednnBfloat16 = pb.RewriterConfig_ON
		} else {
			rewrite.AutoMixedPrecision = pb.RewriterConfig_ON
		}
	}
	bytes, err := proto.Marshal(config)
	if err != nil {
		// A message built from constants can't fail to marshal.
		panic("marshal ConfigProto: " + err.Error())
	}
	return bytes
}
