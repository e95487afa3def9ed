package care

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Format is the format of case documents that Write makes.
const Format = 1

// document is a case as a store keeps it. A document without a format is of
// format 1.
type document struct {
	Format int `json:"format"`
	Case
}

// upgrades lists what makes a document of format i+1 into one of format i+2.
// Each step is pure, is never changed once released, and has a golden document
// testdata/case-N.json of the format that it reads.
var upgrades = []func(map[string]json.RawMessage) error{}

// presentFormat is how a document begins that Write made.
var presentFormat = []byte(`{"format":` + itoa(Format) + `,`)

// Write makes the document of a case that Read reads.
func Write(c Case) ([]byte, error) {
	b, err := json.Marshal(document{Format, c})
	if err != nil {
		return nil, fmt.Errorf("writing the document of case %s: %w", c.ID, err)
	}
	return b, nil
}

// Read reads a case document of this or an earlier format. It refuses what it
// does not know, so that nothing is lost by writing the case back.
func Read(doc []byte) (Case, error) {
	doc, err := upgrade(doc)
	if err != nil {
		return Case{}, fmt.Errorf("reading a case document: %w", err)
	}
	var d document
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return Case{}, fmt.Errorf("reading a case document: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return Case{}, fmt.Errorf("reading a case document: more follows its end")
	}
	return d.Case, nil
}

// upgrade brings a document to the present format, step by step. A document of
// the present format is returned as it is.
func upgrade(doc []byte) ([]byte, error) {
	if bytes.HasPrefix(doc, presentFormat) {
		return doc, nil // as Write writes it: there is no need to read it twice
	}
	var v struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(doc, &v); err != nil {
		return nil, err
	}
	v.Format = max(v.Format, 1)
	if v.Format == Format {
		return doc, nil
	}
	if v.Format > Format {
		return nil, fmt.Errorf("it is of format %d, and this version knows up to %d", v.Format, Format)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(doc, &fields); err != nil {
		return nil, err
	}
	for i, step := range upgrades[v.Format-1:] {
		if err := step(fields); err != nil {
			return nil, fmt.Errorf("upgrading from format %d: %w", v.Format+i, err)
		}
	}
	fields["format"] = json.RawMessage(itoa(Format))
	return json.Marshal(fields)
}
