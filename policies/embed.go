// Package policies holds the sharing rules of Homeward as data: the rules, the
// schema that they are checked against, and the cases that an information
// governance lead signs. It decides nothing; package policy reads what is here.
package policies

import "embed"

// Files holds sharing.cedar, sharing.cedarschema, cases.txt and retention.toml.
//
//go:embed sharing.cedar sharing.cedarschema cases.txt retention.toml
var Files embed.FS
