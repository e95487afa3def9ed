// Package codelists holds national code lists and the fields of returns as files, with
// where each comes from, and small readers of them. Lists that are known in part only
// say so. It decides nothing about anybody: what a code is suggested or needed for is
// said by the file, and worked out by whoever reads it (packages measure and returns).
//
// Each CSV has a column "source". What a file has from a national publication is under
// the Open Government Licence v3.0; README.md lists the files.
package codelists

import "embed"

// Files are the lists, each as README.md says.
//
//go:embed *.csv *.toml
var Files embed.FS
