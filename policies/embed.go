// Package policies holds the sharing rules of Homeward as data: the rules, the
// schema that they are checked against, and the cases that an information
// governance lead signs. It decides nothing; package policy reads what is here.
package policies

import "embed"

// Files holds sharing.cedar, sharing.cedarschema and cases.txt.
//
//go:embed sharing.cedar sharing.cedarschema cases.txt
var Files embed.FS
