//go:build race

package infer

func init() { raceDetector = true }
