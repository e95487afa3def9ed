package care

import (
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"
)

// resourceCode writes a hash with small letters and digits, which a FHIR id may
// hold (FHIR R4 2.24.0.1): 16 of them for ten bytes.
var resourceCode = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// ResourceID is the id of a resource of a case: "<case>.<suffix>", where the suffix
// is made by hashing from the kind of resource ("Encounter") and from those parts
// of it that never change (of a stay, its visit). So a read needs no index, and
// nothing of the parts can be read from an id.
func ResourceID(c CaseID, kind string, parts ...string) string {
	h := sha256.New()
	for _, s := range append([]string{string(c), kind}, parts...) {
		h.Write([]byte(strconv.Itoa(len(s))))
		h.Write([]byte{':'})
		h.Write([]byte(s))
	}
	return string(c) + "." + resourceCode.EncodeToString(h.Sum(nil)[:10])
}

// CaseOf is the case of a resource's id: of a Patient the id itself.
func CaseOf(id string) CaseID {
	c, _, _ := strings.Cut(id, ".")
	return CaseID(c)
}
