package fastconv

// The transforms of F(4, 3) for the points 0, 1, -1, 2, -2 and infinity. With input d (6), filter g (3) and output y (4):
// y = A^T [ (G g) * (B^T d) ], and in two dimensions Y = A^T [ (G g G^T) * (B^T d B) ] A. G is in transformTaps.
const (
	tile   = 6 // inputs
	step   = 4 // outputs
	taps   = 3
	points = tile * tile
)

var (
	inputTransform = [tile][tile]float64{ // B^T
		{4, 0, -5, 0, 1, 0},
		{0, -4, -4, 1, 1, 0},
		{0, 4, -4, -1, 1, 0},
		{0, -2, -1, 2, 1, 0},
		{0, 2, -1, -2, 1, 0},
		{0, 4, 0, -5, 0, 1},
	}
	outputTransform = [step][tile]float64{ // A^T
		{1, 1, 1, 1, 1, 0},
		{0, 1, -1, 2, -2, 0},
		{0, 1, 1, 4, 4, 0},
		{0, 1, -1, 8, -8, 1},
	}
)

// inputFilters gives the transform of the inputs as a convolution [points, 1, tile, tile] of step 4.
func inputFilters() []float32 {
	var f []float32
	for i := range tile {
		for j := range tile {
			for y := range tile {
				for x := range tile {
					f = append(f, float32(inputTransform[i][y]*inputTransform[j][x]))
				}
			}
		}
	}
	return f
}

// outputFilters gives the transform of the products as a transposed convolution [points, 1, step, step] of step 4.
func outputFilters() []float32 {
	var f []float32
	for i := range tile {
		for j := range tile {
			for y := range step {
				for x := range step {
					f = append(f, float32(outputTransform[y][i]*outputTransform[x][j]))
				}
			}
		}
	}
	return f
}
