package mapping

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// Decode reads JSON for Apply: whole numbers as int64, so that an id keeps all its
// digits, others as float64. It refuses what could be read in two ways: a name
// that stands twice in an object, text that is not UTF-8, and anything after the
// value. The error says where and holds nothing of the input.
func Decode(b []byte) (any, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("the JSON is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	v, err := decode(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the JSON has something after its end, at byte %d", d.InputOffset())
	}
	return v, nil
}

const maxDepth = 64

func decode(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("the JSON is nested more than %d deep", maxDepth)
	}
	tok, err := d.Token()
	if err != nil {
		return nil, broken(d, err)
	}
	switch t := tok.(type) {
	case json.Number:
		n, err := number(string(t))
		if err != nil {
			return nil, fmt.Errorf("a number of the JSON is too large, at byte %d", d.InputOffset())
		}
		return n, nil
	case json.Delim:
		if t == '[' {
			return decodeList(d, depth)
		}
		return decodeObject(d, depth)
	}
	return tok, nil
}

func decodeList(d *json.Decoder, depth int) (any, error) {
	list := []any{}
	for d.More() {
		v, err := decode(d, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	if _, err := d.Token(); err != nil {
		return nil, broken(d, err)
	}
	return list, nil
}

func decodeObject(d *json.Decoder, depth int) (any, error) {
	m := map[string]any{}
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return nil, broken(d, err)
		}
		name, _ := k.(string) // a decoder gives nothing else here
		if _, twice := m[name]; twice {
			return nil, fmt.Errorf("an object of the JSON has the same name twice, at byte %d", d.InputOffset())
		}
		if m[name], err = decode(d, depth+1); err != nil {
			return nil, err
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, broken(d, err)
	}
	return m, nil
}

func broken(d *json.Decoder, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the JSON ends before it is complete")
	}
	return fmt.Errorf("this is not JSON, at byte %d", d.InputOffset())
}

func number(s string) (any, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		return n, nil
	}
	return strconv.ParseFloat(s, 64)
}
