package care

import (
	"strings"
	"testing"

	"homeward/nhs"
)

// A provider's code is one that an organisation may have, the same each time,
// and another one for another council or another number.
func TestProviderCode(t *testing.T) {
	seen := map[nhs.ODS]string{}
	for _, council := range []nhs.ODS{"511", "512", "51"} {
		for _, id := range []string{"P1", "P2", "1P1", "", "a long name & more"} {
			code := ProviderCode(council, id)
			if parsed, err := nhs.ParseODS(string(code)); err != nil || parsed != code || len(code) != 10 || !strings.HasPrefix(string(code), "V") {
				t.Errorf("%s of %s has the code %q: %v", id, council, code, err)
			}
			if other, met := seen[code]; met {
				t.Errorf("%s of %s has the code of %s", id, council, other)
			}
			seen[code] = id + " of " + string(council)
		}
	}
	// Accounts and records keep the code, so how it is made must never change.
	if got := ProviderCode("511", "P1"); got != "VRANV2HXUV" {
		t.Errorf("P1 of 511 has another code than before: %s", got)
	}
}
