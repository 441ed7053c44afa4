// Package report makes what a person looks at while a run trains and after it.
//
// The central idea: the run's log is the record, and every picture is drawn
// from scratch out of it. Package train knows nothing of this package; a hook
// appends one [Record] to a [Log] now and then, and whoever wants to see the
// run, at any time and in any process, reads the log and draws. Nothing drawn
// depends on an earlier drawing, so a resumed run's curves go on where the
// killed run's ended, and a plot can be made again years later.
//
//	log, err := report.OpenLog(filepath.Join(dir, "log.jsonl"))
//	err = log.TruncateAfter(checkpoint.Step) // when resuming
//	err = log.Append(report.Record{Step: 100, Epoch: 1, Losses: losses})
//
//	series, err := report.ReadLosses(filepath.Join(dir, "log.jsonl"))
//	plot := report.LossPlot{Title: name, Series: series}
//	err = plot.Save(filepath.Join(dir, "losses.png"))
//
// [Grid] is the other kind of picture: a sheet of samples. [Evaluations] and
// [Warnings] keep the rest of the record, by the same rules as [Log].
//
// [Page] shows all of it in one HTML file that needs no server, and [Events]
// writes it for TensorBoard as the run goes.
package report
