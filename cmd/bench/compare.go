package main

import (
	"context"
	"fmt"
	"time"
)

// A player is a contender that is ready to take its turns.
type player interface {
	// round makes one round and returns how many seconds it took.
	round(ctx context.Context) (float64, error)
	// cpu is the seconds of processor time that its process has used, 0 where
	// that can't be told.
	cpu() float64
	// peak is the most memory that its process has had, in bytes, 0 where that
	// can't be told.
	peak() int64
	close()
}

// A result is what became of one contender.
type result struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	// Left says why it was not timed; empty where it was.
	Left string `json:"left_out,omitempty"`
	// Difference is how far its results are from ours, in Of.
	Difference *float64 `json:"difference,omitempty"`
	Of         string   `json:"difference_of,omitempty"`
	// Samples are seconds a unit, one for each round.
	Samples []float64 `json:"samples,omitempty"`
	spread
	// Ratio is the median over that of ours.
	Ratio float64 `json:"ratio,omitempty"`
	// PeakBytes is the most memory that its process has had, 0 if unknown, and
	// MemoryRatio that over ours.
	PeakBytes   int64   `json:"peak_bytes,omitempty"`
	MemoryRatio float64 `json:"memory_ratio,omitempty"`
	// IdleCPU is the share of a processor that it used while others had their turns.
	IdleCPU float64 `json:"idle_cpu"`

	family       string
	idle, waited float64 // seconds of processor time, and of time
}

// pause between turns lets the one before come to rest.
const pause = 200 * time.Millisecond

// alternate lets the players take turns, and fills their results in.
// A player that is nil, or that fails, has no turns.
func alternate(ctx context.Context, players []player, results []*result, rounds, units int, said func(round int, r *result)) error {
	for round := range rounds {
		for i, p := range players {
			if p == nil || results[i].Left != "" {
				continue
			}
			before := make([]float64, len(players))
			for j, q := range players {
				if q != nil {
					before[j] = q.cpu()
				}
			}
			begin := time.Now()
			seconds, err := p.round(ctx)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			took := time.Since(begin).Seconds()
			if err != nil {
				results[i].Left = err.Error()
				results[i].Samples = nil
				continue
			}
			results[i].Samples = append(results[i].Samples, seconds/float64(units))
			for j, q := range players {
				if j != i && q != nil {
					results[j].idle += q.cpu() - before[j]
					results[j].waited += took
				}
			}
			said(round, results[i])
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	for i, p := range players {
		if p != nil && results[i].Left == "" {
			results[i].PeakBytes = p.peak()
		}
	}
	return summarize(results)
}

// summarize fills in what follows from the samples. The first result is ours.
func summarize(results []*result) error {
	us := results[0]
	if us.Left != "" {
		return fmt.Errorf("our own side can't be measured: %s", us.Left)
	}
	for _, r := range results {
		if r.Left != "" {
			continue
		}
		r.spread = spreadOf(r.Samples)
		if r.waited > 0 {
			r.IdleCPU = r.idle / r.waited
		}
	}
	for _, r := range results {
		if r.Left != "" {
			continue
		}
		r.Ratio = r.Median / us.Median
		if us.PeakBytes > 0 {
			r.MemoryRatio = float64(r.PeakBytes) / float64(us.PeakBytes)
		}
	}
	return nil
}

// best is the result of a family with the smallest median, nil if it has none.
func best(results []*result, family string) *result {
	var found *result
	for _, r := range results {
		if r.family == family && r.Left == "" && (found == nil || r.Median < found.Median) {
			found = r
		}
	}
	return found
}
