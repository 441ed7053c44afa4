package metric

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"
)

// LeastFID is the number of pictures a side below which an FID is badly biased
// upwards, so that it compares with no other n than its own.
const LeastFID = 10000

// FID is the Fréchet inception distance (Heusel et al. 2017) of two sets of
// features: |m1-m2|² + tr(S1 + S2 - 2 sqrt(S1 S2)), with unbiased covariances.
// It has its usual meaning only over the standard Inception features, and its
// value depends on the numbers of pictures, which belong beside it. Each side
// needs two pictures. Of 2,048 features it takes some 10 s once there are as
// many pictures, and less below.
func FID(a, b *Statistics) (float64, error) {
	if a == nil || b == nil {
		return 0, errors.New("FID: a side has no statistics")
	}
	if err := checkSets("FID", a.Dim(), a.N(), b.Dim(), b.N(), 2); err != nil {
		return 0, err
	}
	if a.N() > b.N() {
		a, b = b, a
	}
	meanA, meanB, covA, covB := a.Mean(), b.Mean(), a.Cov(), b.Cov()
	sum := mat.Trace(covA) + mat.Trace(covB)
	for i, m := range meanA {
		sum += (m - meanB[i]) * (m - meanB[i])
	}
	root, err := traceRoot(covA, covB)
	if err != nil {
		return 0, err
	}
	return max(0, sum-2*root), nil // below 0 by rounding alone
}

// traceRoot is the trace of sqrt(A B) for positive semi-definite A and B. With
// A = LᵀL the product has the eigenvalues of L B Lᵀ, which is symmetric, so that
// they are real, found without eigenvectors, and no more than the rank of A:
// of few pictures that is small.
func traceRoot(a, b *mat.SymDense) (float64, error) {
	l := factor(a)
	if l == nil {
		return 0, nil
	}
	var lb, product mat.Dense
	lb.Mul(l, mat.DenseCopyOf(b))
	product.Mul(&lb, l.T())
	rank, _ := product.Dims()
	symmetric := mat.NewSymDense(rank, nil)
	for i := range rank {
		for j := i; j < rank; j++ {
			symmetric.SetSym(i, j, (product.At(i, j)+product.At(j, i))/2)
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(symmetric, false) {
		return 0, errors.New("FID: the eigenvalues of the covariances can't be found")
	}
	sum := 0.0
	for _, v := range eigen.RawValues() {
		sum += math.Sqrt(max(0, v))
	}
	return sum, nil
}

// factor gives L of as many rows as a has rank, with LᵀL = a; nil for rank 0.
func factor(a *mat.SymDense) *mat.Dense {
	var cholesky mat.PivotedCholesky
	cholesky.Factorize(a, -1)
	rank, n := cholesky.Rank(), a.SymmetricDim()
	if rank == 0 {
		return nil
	}
	u, l := cholesky.RawU(), mat.NewDense(rank, n, nil)
	for j, p := range cholesky.ColumnPivots(nil) {
		for i := range min(j+1, rank) {
			l.Set(i, p, u.At(i, j))
		}
	}
	return l
}
