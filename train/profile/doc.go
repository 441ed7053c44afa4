// Package profile makes TensorFlow's own record of a training step readable: a
// [Step] as a Chrome trace, which chrome://tracing and Perfetto show, and as a
// table of where the time went.
package profile
