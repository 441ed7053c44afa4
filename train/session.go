//go:build tensorflow

package train

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	tf "github.com/wamuir/graft/tensorflow"
	graphs "github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"cyclegan/graph"
	"cyclegan/graph/tfgraph"
	"cyclegan/train/worker"
)

// A device is what a session computes on: this machine's CPU, one or more of
// its GPUs, or workers on this and other machines.
type device struct {
	gpus     []string // visible device numbers
	threads  int      // CPU threads of this process
	workers  []string // addresses
	withGPUs bool     // some worker has one
	cpus     int      // CPU devices to share a batch between, for tests; 0 for one
}

func (d device) String() string {
	switch {
	case len(d.workers) > 0:
		kind := "CPU"
		if d.withGPUs {
			kind = "GPU"
		}
		return fmt.Sprintf("%s, %s", worker.Count(len(d.workers)), kind)
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

// replicas is how many share a batch.
func (d device) replicas() int { return max(len(d.workers), len(d.gpus), d.cpus, 1) }

// place names what a replica's operations run on, as TensorFlow does; "" where
// there is only one place. Operations that a GPU has no code for run on the CPU
// of the same machine.
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

// parallelism is how many threads compute one operation, and how many
// operations may run beside each other. A step has two halves of equal size
// that hardly meet, one for each generator and one for each discriminator: on
// two threads each has one to itself, which at 64 pixels takes 0.86 of the time
// and in bf16 0.94. For more threads it is left to TensorFlow to share them.
func (d device) parallelism() (within, beside int) {
	if d.halves() {
		return 1, 2
	}
	return d.threads, d.threads
}

// halves says whether each of two threads computes operations of its own. A
// worker's threads are its own affair.
func (d device) halves() bool { return d.threads == 2 && !d.hasGPU() && len(d.workers) == 0 }

// target is the server that runs the session, "" for this process. The first
// worker leads the others.
func (d device) target() string {
	if len(d.workers) == 0 {
		return ""
	}
	return "grpc://" + d.workers[0]
}

// edit is an edit for tfgraph.Rebuild, which places each operation: those of a
// replica with it, and the weights and their step, which are common, with the
// first. The ops of gradients can be placed only so, since op.Gradients takes
// no scope with a device.
func (d device) edit(def *graphs.GraphDef) {
	if d.place(0) == "" {
		return
	}
	for _, n := range def.Node {
		n.Device = d.place(replicaOf(n.Name))
	}
}

// replicaOf is the number of the replica that a node belongs to, by its name.
func replicaOf(node string) int {
	first, _, _ := strings.Cut(strings.TrimPrefix(node, tfgraph.AgainScope), "/")
	number, ok := strings.CutPrefix(first, replicaScope+"_")
	if !ok {
		return 0
	}
	replica, err := strconv.Atoi(number)
	if err != nil {
		return 0
	}
	return replica
}

// chooseDevice gives the device that the options ask for, or the best there is
// when they leave the choice.
func chooseDevice(o Options) (device, error) {
	d := device{threads: o.Threads, workers: o.WorkerList()}
	if d.threads == 0 {
		d.threads = runtime.NumCPU()
	}
	if len(d.workers) > 0 {
		return chooseWorkers(d, o)
	}
	if strings.TrimSpace(o.GPUIDs) == "-1" {
		return d, nil
	}
	asked := device{gpus: o.gpuList(), threads: d.threads}
	if len(asked.gpus) == 0 {
		asked.gpus = []string{"0"}
	}
	// A session of nothing tells what TensorFlow sees.
	session, err := openSession(tf.NewGraph(), asked, sessionConfig(asked, F32))
	if err != nil {
		return d, err
	}
	defer session.Close()
	found := countGPUs(session)
	switch {
	case found > 0 && o.Precision == BF16:
		return d, errBF16
	case found >= len(asked.gpus):
		return asked, nil
	case o.gpuList() != nil:
		return d, fmt.Errorf("-gpu_ids %s: TensorFlow sees %d of these (its CPU build sees none: go run ./third_party install -with cuda fetches the other); use -gpu_ids -1 for the CPU", o.GPUIDs, found)
	}
	return d, nil
}

var errBF16 = errors.New("-precision bf16 is for the CPU: on a GPU TensorFlow's mixed precision is float16, which needs loss scaling; use -precision f32, or -gpu_ids -1")

// chooseWorkers makes sure that the workers answer, and sees what they have.
func chooseWorkers(d device, o Options) (device, error) {
	if err := worker.Check(d.workers); err != nil {
		return d, err
	}
	session, err := openSession(tf.NewGraph(), d, sessionConfig(d, F32))
	if err != nil {
		return d, err
	}
	// The first talk with a server that is none would wait for ever, and so
	// would closing the session.
	err = worker.Within(startTime, func() error {
		_, err := session.ListDevices()
		return err
	})
	if err != nil {
		return d, fmt.Errorf("-workers %s: they can't train together: %w; each must be a `train -worker ADDRESS` of this version, and must reach the others at the addresses given", o.Workers, err)
	}
	defer session.Close()
	d.withGPUs = countGPUs(session) > 0
	if d.withGPUs && o.Precision == BF16 {
		return d, errBF16
	}
	return d, nil
}

// startTime is how long workers may take to form a session.
const startTime = time.Minute

func openSession(g *tf.Graph, d device, config []byte) (*tf.Session, error) {
	session, err := tf.NewSession(g, &tf.SessionOptions{Target: d.target(), Config: config})
	if err != nil {
		return nil, fmt.Errorf("start TensorFlow: %w", err)
	}
	return session, nil
}

func countGPUs(session *tf.Session) int {
	devices, err := session.ListDevices()
	if err != nil {
		return 0
	}
	count := 0
	for _, d := range devices {
		if d.Type == "GPU" {
			count++
		}
	}
	return count
}

func sessionConfig(d device, precision string, nets ...*graph.Network) []byte {
	rewrites := tfgraph.Rewrites(nets...)
	if precision == BF16 {
		rewrites.AutoMixedPrecisionOnednnBfloat16 = pb.RewriterConfig_ON
	}
	within, beside := d.parallelism()
	config := &pb.ConfigProto{
		IntraOpParallelismThreads: int32(within),
		InterOpParallelismThreads: int32(beside),
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
	bytes, err := proto.Marshal(config)
	if err != nil {
		// A message built from constants can't fail to marshal.
		panic("marshal ConfigProto: " + err.Error())
	}
	return bytes
}
