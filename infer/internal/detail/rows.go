package detail

import "cyclegan/infer/pixels"

// Rows returns a function that adds the change to row y of an image of width x height: red, green,
// blue and alpha from 0 to 65535. Alpha stays. With one channel, the row becomes gray. The function
// keeps scratch memory, so each goroutine needs its own.
func (c *Change) Rows(width, height int) func(row []uint16, y int) {
	n := 2 * c.channels
	terms := make([]float32, c.width*n) // at the row
	shares := make([]float32, width)
	var starts []int // of the pixels between the same two of the copy, and the end
	var between []int
	for x := range width {
		var i int
		if i, shares[x] = place(x, width, c.width); len(between) == 0 || i > between[len(between)-1] {
			starts, between = append(starts, x), append(between, i)
		}
	}
	starts = append(starts, width)
	return func(row []uint16, y int) {
		j, share := place(y, height, c.height)
		above, below := c.terms[j*c.width*n:], c.terms[min(j+1, c.height-1)*c.width*n:]
		for k := range terms {
			terms[k] = above[k] + (below[k]-above[k])*share
		}
		for k, i := range between {
			from, to := starts[k], starts[k+1]
			left, right := terms[i*n:][:n], terms[min(i+1, c.width-1)*n:][:n]
			if n == 2 {
				addGray(row[4*from:4*to], shares[from:to], [2]float32(left), [2]float32(right))
			} else {
				addColor(row[4*from:4*to], shares[from:to], [6]float32(left), [6]float32(right))
			}
		}
	}
}

// place returns which pixel of a side of n is at or before pixel x of a side of length pixels, and
// the share of the next one.
func place(x, length, n int) (int, float32) {
	at := min(max((float32(x)+0.5)*float32(n)/float32(length)-0.5, 0), float32(n-1))
	return int(at), at - float32(int(at))
}

const white = 65535

func addGray(row []uint16, shares []float32, t, u [2]float32) {
	for k := range u {
		u[k] -= t[k]
	}
	for x, f := range shares {
		p := row[4*x : 4*x+4 : 4*x+4]
		v := float32(pixels.Luma16(p[0], p[1], p[2]))
		l := level(v + (t[0]+u[0]*f)*v + (t[1]+u[1]*f)*white)
		p[0], p[1], p[2] = l, l, l
	}
}

func addColor(row []uint16, shares []float32, t, u [6]float32) {
	for k := range u {
		u[k] -= t[k]
	}
	for x, f := range shares {
		p := row[4*x : 4*x+4 : 4*x+4]
		v := float32(pixels.Luma16(p[0], p[1], p[2]))
		p[0] = level(float32(p[0]) + (t[0]+u[0]*f)*v + (t[1]+u[1]*f)*white)
		p[1] = level(float32(p[1]) + (t[2]+u[2]*f)*v + (t[3]+u[3]*f)*white)
		p[2] = level(float32(p[2]) + (t[4]+u[4]*f)*v + (t[5]+u[5]*f)*white)
	}
}

// level rounds a value to one that a sample holds.
func level(v float32) uint16 {
	switch {
	case v >= white:
		return white
	case v > 0:
		return uint16(int32(v + 0.5))
	}
	return 0
}
