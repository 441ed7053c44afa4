package report

import (
	"fmt"
	"slices"
)

// A scoreTable has a row for each score, a column for each kind of weights, and
// with Baseline one for what the untouched pictures score.
type scoreTable struct {
	Weights  []string
	Baseline bool
	Rows     []scoreRow
}

type scoreRow struct {
	Name, Direction, How string
	Cells                []scoreCell // as many as Weights
	Untouched            string      // "" where there is none to compare with
}

// A scoreCell is empty where the score was not taken.
type scoreCell struct {
	Weights, Value, Best string
	IsBest               bool // the newest is the best
}

func newScoreTable(evaluations []Evaluation) scoreTable {
	var t scoreTable
	rows := make(map[string]int)
	all := scoreSeriesOf(evaluations)
	for _, s := range all {
		if !s.baseline && !slices.Contains(t.Weights, s.weights) {
			t.Weights = append(t.Weights, s.weights)
		}
	}
	for _, s := range all {
		if s.baseline {
			continue
		}
		e, score := s.last()
		at, ok := rows[s.name]
		if !ok {
			at = len(t.Rows)
			rows[s.name] = at
			row := scoreRow{Name: s.name, How: how(e, score), Direction: "lower is better", Cells: make([]scoreCell, len(t.Weights))}
			if score.Higher {
				row.Direction = "higher is better"
			}
			t.Rows = append(t.Rows, row)
		}
		cell := scoreCell{Weights: s.weights, Value: scoreText(score.Value, score.Std)}
		if best := s.best(); best >= 0 && s.scores[best].Value == score.Value {
			cell.IsBest = true
		} else if best >= 0 {
			cell.Best = fmt.Sprintf("best %s at %s", scoreText(s.scores[best].Value, 0), grouped(s.at[best].Step))
		}
		t.Rows[at].Cells[slices.Index(t.Weights, s.weights)] = cell
	}
	for _, s := range all {
		if s.baseline {
			t.compare(s)
		}
	}
	return t
}

// compare puts a baseline beside the score that it is to be compared with.
func (t *scoreTable) compare(baseline *scoreSeries) {
	for i := range t.Rows {
		r := &t.Rows[i]
		if measureOf(r.Name) == chartOf(baseline.name) && side(r.Name) == side(baseline.name) {
			_, score := baseline.last()
			r.Untouched, t.Baseline = scoreText(score.Value, 0), true
		}
	}
}
