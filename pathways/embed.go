// Package pathways holds the released pathways and forms as files, with SUMS,
// their SHA-256, and nothing else. Package form reads and checks them; this
// package does not know what is in them.
//
// A released file never changes. To change a form, add the next version beside
// it and renew SUMS:
//
//	cd pathways && sha256sum */*.toml > SUMS
package pathways

import "embed"

// Files are ID/VERSION.toml for every version of every pathway, and SUMS.
//
//go:embed SUMS */*.toml
var Files embed.FS
