package worker

import (
	"errors"
	"fmt"
	"strings"
	"time"

	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
)

// Job is what TensorFlow's cluster calls the workers that train together. Alone
// each is of a job of its own: a server must not be told its own name again
// when it comes into a cluster.
const (
	Job   = "worker"
	alone = "alone"
)

// Cluster is what a session's configuration tells its workers of each other.
func Cluster(addresses []string) *pb.ClusterDef {
	job := &pb.JobDef{Name: Job, Tasks: map[int32]string{}}
	for i, address := range addresses {
		job.Tasks[int32(i)] = address
	}
	return &pb.ClusterDef{Job: []*pb.JobDef{job}}
}

// ErrTimeout is what Within and Watched give when they gave up waiting; the
// call goes on and can't be stopped.
var ErrTimeout = errors.New("no answer")

// Within waits for a call of the runtime's that may never return.
func Within(limit time.Duration, call func() error) error {
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		return fmt.Errorf("%w within %v", ErrTimeout, limit)
	}
}

// What Watched finds a worker lost by: so many checks in a row, so far apart.
const (
	watchEvery = 10 * time.Second
	watchTimes = 3
)

// Watched makes a call that the workers take part in. TensorFlow notices by
// itself when a worker's process ends, but waits for ever for a machine that
// falls silent; Watched then gives a *[LostError] with [ErrTimeout], after half
// a minute or so. A call that fails while a worker does not answer gives a
// *LostError too.
func Watched(addresses []string, call func() error) error {
	return watched(addresses, call, watchEvery)
}

func watched(addresses []string, call func() error, every time.Duration) error {
	done := make(chan error, 1)
	go func() { done <- call() }()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for silent := 0; ; {
		select {
		case err := <-done:
			if err == nil {
				return nil
			}
			if lost := Check(addresses); lost != nil {
				return fmt.Errorf("%w (TensorFlow: %v)", lost, firstLine(err))
			}
			return err
		case <-ticker.C:
			lost := Check(addresses)
			if lost == nil {
				silent = 0
				continue
			}
			if silent++; silent == watchTimes {
				return errors.Join(lost, ErrTimeout)
			}
		}
	}
}

// firstLine is enough of TensorFlow's errors, which tell the whole way of a
// tensor through the graph.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
