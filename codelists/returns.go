package codelists

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// CLDField is a field of Client Level Data.
type CLDField struct {
	Module, Name string
	Event        string // Request, Assessment, Service, Review or Carer; "" it stands in all rows
	Held         string // yes: Homeward should have it; some: where it applies; no: it does not hold it
	Mend, Who    string // what to do where it is missing, and who can
}

// In reports whether a field applies to rows of an event type.
func (f CLDField) In(event string) bool { return f.Event == "" || f.Event == event }

// CLDValue is a value that a field of Client Level Data may have.
type CLDValue struct {
	List     string // the field in lower case, such as event_outcome
	Release  string // of the specification that it is from: 1 or 2
	Value    string // verbatim; the order in the file is the list's
	Complete string // yes: the list is whole; else how much of it is known
}

// CLDKind is what a kind of care is in Client Level Data.
type CLDKind struct {
	Kind                         string // Interweave-SocialCareServiceType code
	Type, Component, Arrangement string // "" in Arrangement: not said
}

// SitrepPlace is which label of the discharge situation report a destination has.
type SitrepPlace struct {
	Pathway     string // 0 to 3
	Destination string // DISCHARGE DESTINATION CODE
	Label       string
}

// ReturnTime is when a return is made.
type ReturnTime struct {
	Return   string
	Every    string // day, month, quarter
	DueDays  int    // after the last day of the period
	Snapshot int    // minutes after midnight at which people are counted; 0: it has none
	Source   string
}

// CLDFields lists the fields of Client Level Data, release 2, in the order of its file.
func CLDFields() ([]CLDField, error) {
	return rowsOf("cld-fields.csv", 7, func(r []string) (CLDField, error) {
		f := CLDField{Module: r[0], Name: r[1], Event: r[2], Held: r[3], Mend: r[4], Who: r[5]}
		if !slices.Contains([]string{"yes", "some", "no"}, f.Held) {
			return f, fmt.Errorf("held is %q. Write yes, some or no", f.Held)
		}
		return f, nil
	})
}

// CLDValues lists the values that are known of the fields of Client Level Data.
func CLDValues() ([]CLDValue, error) {
	return rowsOf("cld-values.csv", 5, func(r []string) (CLDValue, error) {
		return CLDValue{List: r[0], Release: r[1], Value: r[2], Complete: r[3]}, nil
	})
}

// CLDKinds lists what the kinds of care are in Client Level Data.
func CLDKinds() ([]CLDKind, error) {
	return rowsOf("cld-kinds.csv", 5, func(r []string) (CLDKind, error) {
		return CLDKind{Kind: r[0], Type: r[1], Component: r[2], Arrangement: r[3]}, nil
	})
}

// SitrepDestinations lists the labels of the acute discharge situation report of
// 2022-23 for where people went.
func SitrepDestinations() ([]string, error) {
	return rowsOf("sitrep-destinations-2022.csv", 2, func(r []string) (string, error) { return r[0], nil })
}

// SitrepPlaces lists which label a pathway and a destination have.
func SitrepPlaces() ([]SitrepPlace, error) {
	return rowsOf("sitrep-destination-map.csv", 4, func(r []string) (SitrepPlace, error) {
		return SitrepPlace{Pathway: r[0], Destination: r[1], Label: r[2]}, nil
	})
}

// ReturnTimes lists when returns are made.
func ReturnTimes() ([]ReturnTime, error) {
	return rowsOf("returns.csv", 5, func(r []string) (ReturnTime, error) {
		x := ReturnTime{Return: r[0], Every: r[1], Source: r[4]}
		var err error
		if x.DueDays, err = strconv.Atoi(r[2]); err != nil {
			return x, fmt.Errorf("due_days is %q. Write how many days", r[2])
		}
		if r[3] == "" {
			return x, nil
		}
		hour, minute, ok := strings.Cut(r[3], ":")
		h, err := strconv.Atoi(hour)
		m, err2 := strconv.Atoi(minute)
		if !ok || err != nil || err2 != nil || h < 0 || h > 23 || m < 0 || m > 59 {
			return x, fmt.Errorf("snapshot is %q. Write a time such as 09:00", r[3])
		}
		x.Snapshot = h*60 + m
		return x, nil
	})
}

// rowsOf reads one of our files: a header, then rows of so many columns.
func rowsOf[T any](name string, columns int, read func([]string) (T, error)) ([]T, error) {
	f, err := Files.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading a code list: %w", err)
	}
	defer f.Close()
	return readRows(name, f, columns, read)
}

func readRows[T any](name string, from io.Reader, columns int, read func([]string) (T, error)) ([]T, error) {
	c := csv.NewReader(from)
	c.FieldsPerRecord = columns
	rows, err := c.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(rows) < 2 {
		return nil, fmt.Errorf("reading %s: it has no rows", name)
	}
	out := make([]T, 0, len(rows)-1)
	for i, r := range rows[1:] {
		x, err := read(r)
		if err != nil {
			return nil, fmt.Errorf("reading %s, row %d: %w", name, i+2, err)
		}
		out = append(out, x)
	}
	return out, nil
}
