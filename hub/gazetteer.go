package hub

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"homeward/care"
	"homeward/nhs"
)

// Gazetteer says which council is responsible for an address. A property
// number (UPRN) is sure; a postcode is sure only when all of it lies in one
// council, for postcodes straddle boundaries (Healthcare Locator Service).
type Gazetteer struct {
	uprn       map[string]nhs.ODS
	postcode   map[string][]nhs.ODS
	properties map[string][]property // by postcode, where addresses are given
}

// ReadGazetteer reads CSV with the header uprn,postcode,council, and perhaps
// address, whose parts have commas between: a row has a UPRN or a postcode or both.
// The error names the line and the field.
func ReadGazetteer(r io.Reader) (*Gazetteer, error) {
	g := &Gazetteer{uprn: map[string]nhs.ODS{}, postcode: map[string][]nhs.ODS{}, properties: map[string][]property{}}
	cr := csv.NewReader(r)
	head, err := cr.Read()
	known := []string{"uprn", "postcode", "council", "address"}
	if err != nil || len(head) < 3 || len(head) > 4 || !slices.Equal(head, known[:len(head)]) {
		return nil, errors.New("gazetteer: line 1 must be the header uprn,postcode,council, and perhaps address behind it")
	}
	for line := 2; ; line++ {
		row, err := cr.Read()
		if errors.Is(err, io.EOF) {
			return g, nil
		}
		if err != nil {
			return nil, fmt.Errorf("gazetteer: line %d: %w", line, err)
		}
		ods, err := nhs.ParseODS(row[2])
		if err != nil {
			return nil, fmt.Errorf("gazetteer: line %d: council: %w", line, err)
		}
		up, pc := strings.TrimSpace(row[0]), normalPostcode(row[1])
		if up == "" && pc == "" {
			return nil, fmt.Errorf("gazetteer: line %d: uprn or postcode must be filled", line)
		}
		if up != "" {
			g.uprn[up] = ods
		}
		if pc != "" && !slices.Contains(g.postcode[pc], ods) {
			g.postcode[pc] = append(g.postcode[pc], ods)
		}
		if len(row) > 3 && pc != "" && row[3] != "" {
			g.properties[pc] = append(g.properties[pc], property{addressParts(row[3]), ods})
		}
	}
}

// Resolve gives the responsible council, or "" with the candidates when the
// address does not settle it. It never guesses.
func (g *Gazetteer) Resolve(a care.Address) (council nhs.ODS, likely []nhs.ODS) {
	if g == nil {
		return "", nil
	}
	if ods, ok := g.uprn[a.UPRN]; ok && a.UPRN != "" {
		return ods, nil
	}
	found := g.postcode[normalPostcode(a.Postcode)]
	if len(found) == 1 {
		return found[0], nil
	}
	return "", slices.Clone(found)
}

func normalPostcode(s string) string {
	return strings.ToUpper(strings.Join(strings.Fields(s), ""))
}
