// Package safety carries the hazard log. It is data: package governance reads
// it, and its tests check that every control points to something.
package safety

import _ "embed"

// Hazards is hazards.toml.
//
//go:embed hazards.toml
var Hazards []byte
