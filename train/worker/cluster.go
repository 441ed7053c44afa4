package worker

import (
	"errors"
	"fmt"
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

// ErrTimeout is what Within gives when it gave up waiting; the call goes on and
// can't be stopped.
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

// How Watched finds that a worker is lost: a machine that falls silent has
// longer than a process that is gone, of which its machine tells.
const (
	watchEvery   = 2 * time.Second
	refusedTimes = 2
	silentTimes  = 5 // each of which takes dialTime more
)

// Watched makes a call that the workers take part in. TensorFlow waits for ever
// for a worker that is gone; Watched then gives a *[LostError], after some
// seconds for a process and half a minute for a machine, and leaves the call
// alone. A call that fails while a worker does not answer gives one too.
func Watched(addresses []string, call func() error) error {
	return watched(addresses, call, watchEvery)
}

func watched(addresses []string, call func() error, every time.Duration) error {
	done := make(chan error, 1)
	go func() { done <- call() }()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for failed := 0; ; {
		select {
		case err := <-done:
			if err == nil {
				return nil
			}
			if lost := Check(addresses); lost != nil {
				return lost
			}
			return err
		case <-ticker.C:
			var lost *LostError
			if !errors.As(Check(addresses), &lost) {
				failed = 0
				continue
			}
			failed++
			if failed >= silentTimes || failed >= refusedTimes && lost.gone() {
				return lost
			}
		}
	}
}
