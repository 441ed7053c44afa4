package train

import (
	"net"
	"slices"
	"strings"
)

// WorkerList gives the addresses of -workers, nil without it.
func (o Options) WorkerList() []string { return list(o.Workers) }

// gpuList gives the GPUs of -gpu_ids, nil for none or the choice.
func (o Options) gpuList() []string {
	if ids := list(o.GPUIDs); !slices.Contains(ids, "-1") {
		return ids
	}
	return nil
}

// list takes a list with commas apart.
func list(text string) []string {
	var all []string
	for _, word := range strings.Split(text, ",") {
		if word = strings.TrimSpace(word); word != "" {
			all = append(all, word)
		}
	}
	return all
}

// checkReplicas checks what shares a batch.
func (o Options) checkReplicas(check func(ok bool, format string, args ...any)) {
	workers, gpus := o.WorkerList(), o.gpuList()
	for i, address := range workers {
		host, port, err := net.SplitHostPort(address)
		check(err == nil && host != "" && port != "", "-workers: %q is no address such as host1:7000", address)
		check(!slices.Contains(workers[:i], address), "-workers names %s twice", address)
	}
	for i, id := range gpus {
		check(!slices.Contains(gpus[:i], id), "-gpu_ids names %s twice", id)
	}
	check(len(workers) == 0 || len(gpus) == 0, "-gpu_ids %s and -workers %s: the GPUs of a worker are chosen where it is started", o.GPUIDs, o.Workers)
	if n := max(len(workers), len(gpus)); n > 1 {
		check(o.BatchSize%n == 0, "-batch_size %d can't be shared equally by %d: it counts the pictures of all of them, so make it a multiple of %d", o.BatchSize, n, n)
	}
}
