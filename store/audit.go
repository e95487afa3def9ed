package store

import "golang.org/x/mod/sumdb/tlog"

// edge is the right edge of the audit log's tree.
type edge struct {
	size  int64
	right [48]tlog.Hash
}
