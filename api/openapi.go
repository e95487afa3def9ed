package api

import (
	_ "embed"
	"net/http"
)

// openAPI describes what is not FHIR (OpenAPI 3.1). The FHIR faces describe
// themselves in their CapabilityStatements.
//
//go:embed openapi.json
var openAPI []byte

// OpenAPIPath is where the description is given.
const OpenAPIPath = "/api/openapi.json"

// serveOpenAPI gives the description to anybody: it says nothing of anybody.
func serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(openAPI) // who hung up needs no answer
}
