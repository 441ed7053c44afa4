package main

import (
	"context"
	"errors"
	"fmt"

	"cyclegan/train/metric"
)

// pairs compares pictures of one name, whatever their endings.
func (r *reader) pairs(ctx context.Context, rep *report, real, fake *folder) error {
	matched, unpaired := match(real, fake)
	if len(matched) == 0 {
		return errors.New("-paired: no picture of one folder has the name of one of the other")
	}
	if rep.Unpaired = unpaired; unpaired > 0 {
		rep.warn("%d pictures have no partner of their name in the other folder", unpaired)
	}
	r.show.begin(len(matched), "pairs to compare")
	type result struct {
		pair [2]file
		metric.Pair
		err error
	}
	var all metric.Pairs
	err := inOrder(ctx, matched, func(p [2]file) result {
		q, err := r.pair(p)
		return result{p, q, err}
	}, func(q result) error {
		r.show.step()
		if q.err != nil {
			err := fmt.Errorf("compare %q with %q: %w", q.pair[1].path, q.pair[0].path, q.err)
			rep.PairsFailed = append(rep.PairsFailed, failure{q.pair[1].path, err.Error()})
			r.show.failed(err)
			return nil
		}
		all.Add(q.Pair)
		return nil
	})
	if err != nil {
		return err
	}
	if all.N() == 0 {
		return errors.New("-paired: no pair could be compared")
	}
	rep.add(all.Scores("")...)
	return nil
}

func (r *reader) pair(p [2]file) (metric.Pair, error) {
	a, err := r.cfg.picture(p[0].path)
	if err != nil {
		return metric.Pair{}, err
	}
	b, err := r.cfg.picture(p[1].path)
	if err != nil {
		return metric.Pair{}, err
	}
	return metric.Compare(a, b)
}

// match finds the pairs, in the order of the real folder, and counts the rest. Of several pictures that differ in their endings alone
// the first counts. Pictures that can't be read have been named already.
func match(real, fake *folder) (pairs [][2]file, unpaired int) {
	unread := map[string]bool{}
	for _, f := range append(real.failed, fake.failed...) {
		unread[f.Path] = true
	}
	partners := map[string]file{}
	n := 0
	for _, f := range fake.files {
		if unread[f.path] {
			continue
		}
		n++
		if _, taken := partners[f.stem()]; !taken {
			partners[f.stem()] = f
		}
	}
	for _, f := range real.files {
		if unread[f.path] {
			continue
		}
		n++
		if p, ok := partners[f.stem()]; ok {
			pairs = append(pairs, [2]file{f, p})
			delete(partners, f.stem())
		}
	}
	return pairs, n - 2*len(pairs)
}
