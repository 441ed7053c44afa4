// Package worker lets other machines, or other processes of this one, compute
// a share of a training: each serves TensorFlow's distributed runtime on an
// address ([Serve]), and the process that trains drives them.
//
// TensorFlow's servers have no authentication and run any graph, which can also
// read and write files: whoever reaches the address can do there what its user
// can. It belongs on a private network.
package worker
