// Package stories holds what people do with Homeward, from end to end, in words
// that a manager can read. Its tests run each story against the built program,
// over real sockets, on both databases. It is no part of the product: it knows
// only what stands on the screens and on the wire, never what is behind them.
//
// docs/design/stories.md is the grammar.
package stories

import "embed"

// Files are the stories, as they are read and run.
//
//go:embed *.txt
var Files embed.FS
