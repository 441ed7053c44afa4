package pipeline

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"cyclegan/infer/batch"
	"cyclegan/infer/pixels"
)

// listing collects the images of inputs in object stores.
type listing struct {
	files  []batch.Job // outputs are relative to the output folder
	others []string
	trees  []tree
	seen   map[string]bool
	output string // without a trailing slash
}

// tree is an input folder, whose images are files[first:end].
type tree struct {
	folder     string
	first, end int
}

// input lists one input: the file of that name, or else the matches of a pattern, or else a folder
// with its subfolders.
func (l *listing) input(ctx context.Context, input string) error {
	name := strings.TrimRight(input, "/")
	if name == input && Exists(ctx, input) {
		l.add(input, path.Base(input), true)
		return nil
	}
	system, err := systemOf(input)
	if err != nil {
		return err
	}
	if first := strings.IndexAny(input, "*?["); first >= 0 {
		found, err := system.List(ctx, input)
		if err != nil {
			return fmt.Errorf("input %q: %w", input, err)
		}
		if len(found) == 0 {
			return fmt.Errorf("input %q: no file matches the pattern", input)
		}
		slices.Sort(found)
		l.below(input[:strings.LastIndex(input[:first], "/")+1], found)
		return nil
	}
	if name == l.output {
		return fmt.Errorf("output %q is also an input folder, so its images would be overwritten\nFix: choose another output", l.output)
	}
	if slices.ContainsFunc(l.trees, func(t tree) bool { return t.folder == name }) {
		return nil
	}
	found, err := all(ctx, name+"/")
	if err != nil {
		return fmt.Errorf("input %q: %w", input, err)
	}
	if len(found) == 0 {
		return fmt.Errorf("input %q: no such file, and no files in a folder of that name", input)
	}
	slices.Sort(found)
	t := tree{folder: name, first: len(l.files)}
	l.below(name+"/", found)
	t.end = len(l.files)
	l.trees = append(l.trees, t)
	return nil
}

// below adds the images among the files found in a folder, whose name ends in a slash.
func (l *listing) below(folder string, found []string) {
	for _, file := range found {
		rel := strings.TrimPrefix(file, folder)
		hidden := strings.HasPrefix(rel, ".") || strings.Contains(rel, "/.")
		if hidden || strings.HasSuffix(rel, "/") || strings.HasPrefix(file, l.output+"/") {
			continue
		}
		l.add(file, filepath.FromSlash(rel), false)
	}
}

// add adds a file. Its name must be that of an image, unless it is an input itself.
func (l *listing) add(file, rel string, named bool) {
	switch {
	case l.seen[file]:
	case !filepath.IsLocal(rel) || !named && !pixels.Readable(rel):
		l.others = append(l.others, file)
	default:
		l.files = append(l.files, batch.Job{Input: file, Output: rel})
	}
	l.seen[file] = true
}

// all lists the files below a folder, whose name ends in a slash, at any depth.
func all(ctx context.Context, folder string) ([]string, error) {
	if schemeOf(folder) == "s3" {
		return allS3(ctx, folder)
	}
	system, err := systemOf(folder)
	if err != nil {
		return nil, err
	}
	if schemeOf(folder) == "gs" {
		return system.List(ctx, folder+"**")
	}
	// A star ends at a slash here, so each depth has its own pattern. Only tests get here, with
	// files at every depth.
	var found []string
	for pattern := folder + "*"; ; pattern += "/*" {
		level, err := system.List(ctx, pattern)
		if err != nil {
			return nil, err
		}
		if len(level) == 0 {
			return found, nil
		}
		found = append(found, level...)
	}
}

// allS3 lists objects by their prefix. In Beam's file system, patterns end at slashes, and each one
// lists all objects.
func allS3(ctx context.Context, folder string) ([]string, error) {
	bucket, prefix, _ := strings.Cut(strings.TrimPrefix(folder, "s3://"), "/")
	settings, err := config.LoadDefaultConfig(ctx) // as Beam's file system does
	if err != nil {
		return nil, err
	}
	pages := s3.NewListObjectsV2Paginator(s3.NewFromConfig(settings), &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String(prefix)})
	var found []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, object := range page.Contents {
			found = append(found, "s3://"+bucket+"/"+aws.ToString(object.Key))
		}
	}
	return found, nil
}
