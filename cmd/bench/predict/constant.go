package predict

// Constant is what the predictions lack throughout: the number c that brings
// predicted + c nearest to measured, in the mean of the squares of relative
// errors, so that small measurements count like large ones. It is the only
// number that is fitted, and never below 0: where the predictions are too large
// already, there is no constant.
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
