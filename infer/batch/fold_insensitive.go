//go:build windows || darwin

package batch

// namesFold says whether the system usually takes A.png for a.png.
const namesFold = true
