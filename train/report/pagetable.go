package report

import (
	"fmt"
	"slices"
)

// A scoreTable has a row for each score and a column for each kind of weights.
type scoreTable struct {
	Weights []string
	Rows    []scoreRow
}

type scoreRow struct {
	Name, Direction, How string
	Cells                []scoreCell // as many as Weights
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
		if !slices.Contains(t.Weights, s.weights) {
			t.Weights = append(t.Weights, s.weights)
		}
	}
	for _, s := range all {
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
	return t
}
