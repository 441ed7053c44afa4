//go:build tensorflow

package train

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	tf "github.com/wamuir/graft/tensorflow"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"

	"cyclegan/graph"
	"cyclegan/graph/tfgraph"
	"cyclegan/train/worker"
)

// A device is what a session computes on: this machine's CPU, one or more of its GPUs, or workers
// on this and other machines.
type device struct {
	gpus     []string // visible device numbers
	threads  int      // CPU threads of this process
	workers  []string // addresses
	withGPUs bool     // a worker has a GPU
	cpus     int      // CPU devices that share a batch, for tests; 0 for one
}

func (d device) String() string {
	switch {
	case len(d.workers) > 0:
		kind := "CPU"
		if d.withGPUs {
			kind = "GPU"
		}
		return fmt.Sprintf("workers: %d, %s", len(d.workers), kind)
	case len(d.gpus) == 1:
		return "GPU " + d.gpus[0]
	case len(d.gpus) > 1:
		return "GPUs " + strings.Join(d.gpus, ", ")
	case d.threads == 1:
		return "CPU, 1 thread"
	}
	return fmt.Sprintf("CPU, %d threads", d.threads)
}

func (d device) hasGPU() bool { return len(d.gpus) > 0 || d.withGPUs }

// replicas returns the number of devices that share a batch.
func (d device) replicas() int { return max(len(d.workers), len(d.gpus), d.cpus, 1) }

// place names a replica's device as TensorFlow does, or is empty if there is only one device.
// Operations without GPU code run on the same machine's CPU.
func (d device) place(replica int) string {
	switch {
	case len(d.workers) > 0:
		return fmt.Sprintf("/job:%s/replica:0/task:%d", worker.Job, replica)
	case len(d.gpus) > 1:
		return fmt.Sprintf("/device:GPU:%d", replica)
	case d.cpus > 1:
		return fmt.Sprintf("/device:CPU:%d", replica)
	}
	return ""
}

// oneThreadEach reports whether each of two threads computes operations of its own. A step has two
// halves of equal size that hardly depend on each other, one for each generator and discriminator.
// With one thread each they take 0.86 of the time at 64 pixels, and 0.94 in bf16. TensorFlow itself
// divides more than two threads, and workers divide theirs.
func (d device) oneThreadEach() bool { return d.threads == 2 && !d.hasGPU() && len(d.workers) == 0 }

// target is the server that runs the session, or empty for this process. The first worker leads the
// others.
func (d device) target() string {
	if len(d.workers) == 0 {
		return ""
	}
	return "grpc://" + d.workers[0]
}

// sessionTimeout is how long workers may take to form a session.
const sessionTimeout = time.Minute

// chooseDevice returns the device that the options ask for, or the best available if they leave the
// choice.
func chooseDevice(o Options) (device, error) {
	d := device{threads: o.Threads, workers: o.WorkerList()}
	if d.threads == 0 {
		d.threads = runtime.NumCPU()
	}
	if strings.TrimSpace(o.GPUIDs) == "-1" && len(d.workers) == 0 {
		return d, nil
	}
	asked := d
	if len(d.workers) == 0 {
		asked.gpus = o.gpuList()
		if len(asked.gpus) == 0 {
			asked.gpus = []string{"0"}
		}
	} else if err := worker.Check(d.workers); err != nil {
		return d, err
	}
	// A session with an empty graph shows what TensorFlow sees.
	session, err := tfgraph.NewSession(tf.NewGraph(), d.target(), sessionConfig(asked, F32))
	if err != nil {
		return d, err
	}
	var found int
	look := func() (err error) {
		found, err = session.GPUs()
		return err
	}
	if len(d.workers) == 0 {
		err = look()
	} else if err := worker.Within(sessionTimeout, look); err != nil {
		// TensorFlow waits forever for a server that is not one of its own, also in Close.
		return d, fmt.Errorf("-workers %s: they cannot train together: %w. Fix: start each with `train -worker ADDRESS` of this version, with addresses that they all reach", o.Workers, err)
	}
	defer session.Close()
	switch {
	case err != nil:
		return d, err
	case found > 0 && o.Precision == BF16:
		return d, errors.New("-precision bf16 needs a CPU: on a GPU, TensorFlow's mixed precision is float16, which needs loss scaling. Fix: use -precision f32 or -gpu_ids -1")
	case len(d.workers) > 0:
		d.withGPUs = found > 0
	case found >= len(asked.gpus):
		return asked, nil
	case o.gpuList() != nil:
		return d, fmt.Errorf("-gpu_ids %s: TensorFlow sees %d of these GPUs (its CPU build sees none). Fix: install the CUDA build with `go run ./third_party install -with cuda`, or use -gpu_ids -1 for the CPU", o.GPUIDs, found)
	}
	return d, nil
}

func sessionConfig(d device, precision string, nets ...*graph.Network) *pb.ConfigProto {
	rewrites := tfgraph.Rewrites(nets...)
	if precision == BF16 {
		rewrites.AutoMixedPrecisionOnednnBfloat16, rewrites.DisableMetaOptimizer = pb.RewriterConfig_ON, false
	}
	perOperation, operations := d.threads, d.threads
	if d.oneThreadEach() {
		perOperation, operations = 1, 2
	}
	config := &pb.ConfigProto{
		IntraOpParallelismThreads: int32(perOperation),
		InterOpParallelismThreads: int32(operations),
		AllowSoftPlacement:        true,
		GpuOptions:                &pb.GPUOptions{AllowGrowth: true, VisibleDeviceList: strings.Join(d.gpus, ",")},
		GraphOptions:              &pb.GraphOptions{RewriteOptions: rewrites},
	}
	switch {
	case len(d.workers) > 0:
		config.ClusterDef = worker.Cluster(d.workers)
		config.IsolateSessionState = true
	case len(d.gpus) == 0:
		config.DeviceCount = map[string]int32{"GPU": 0, "CPU": int32(max(d.cpus, 1))}
	}
	return config
}
