package predict

// Factor is how many times as long as predicted everything takes: the number f
// that brings f * predicted nearest to measured, in the mean of the squares of
// relative errors, so that small measurements count like large ones. Without
// measurements it is 1.
func Factor(predicted, measured []float64) float64 {
	sum, squares := 0.0, 0.0
	for i, m := range measured {
		if m > 0 {
			share := predicted[i] / m
			sum += share
			squares += share * share
		}
	}
	if squares == 0 {
		return 1
	}
	return sum / squares
}

// Constant is what the predictions lack throughout: the number c that brings
// predicted + c nearest to measured, in the same sense. It is never below 0:
// where the predictions are too large already, there is no constant.
func Constant(predicted, measured []float64) float64 {
	sum, weights := 0.0, 0.0
	for i, m := range measured {
		if m > 0 {
			sum += (m - predicted[i]) / (m * m)
			weights += 1 / (m * m)
		}
	}
	if weights == 0 {
		return 0
	}
	return max(0, sum/weights)
}
