//go:build race

package pixels

func init() { raceFactor = 2 }
