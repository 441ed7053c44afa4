// Package report makes what a person looks at during and after a training run: [Page] is an HTML
// report, [LossPlot] an image of the losses, [Grid] a sheet of sample images, and [Events] feeds
// TensorBoard.
//
// The record of a run is its log. Package train does not know this package: a hook appends a
// [Record] to a [Log] now and then, and any process can read the log and draw at any time. Nothing
// drawn depends on an earlier drawing, so the curves of a resumed run continue where those of the
// killed run ended.
//
//	log, err := report.OpenLog(filepath.Join(dir, "log.jsonl"))
//	err = log.TruncateAfter(checkpoint.Step) // when resuming
//	err = log.Append(report.Record{Step: 100, Epoch: 1, Losses: losses})
//
//	history, err := report.ReadHistory(filepath.Join(dir, "log.jsonl"))
//	plot := report.LossPlot{Title: name, Series: history.Losses()}
//	err = plot.Save(filepath.Join(dir, "losses.png"))
package report
