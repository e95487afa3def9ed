package fhir

// Format is how a resource is written.
type Format uint8

// The formats.
const (
	JSON Format = iota
	XML
)

// Limits bound what Parse takes. Zero values take the defaults.
type Limits struct {
	Bytes int // 10 MB
	Depth int // 64
	Nodes int // 500,000
}
