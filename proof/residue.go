package proof

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"slices"
	"strings"
	"time"
)

// Left is what is left of a record whose content was erased.
type Left struct {
	At      time.Time `json:"at"`
	Actor   string    `json:"actor"`
	Org     string    `json:"org"`
	Case    string    `json:"case"`
	Action  string    `json:"action"`
	Allowed bool      `json:"allowed"`
}

// Residue is a sum over what is left of the erased records about one case, in
// their order. The record that tells of the erasing says it, so that what is
// left cannot be changed, and no other record can be called erased.
type Residue struct{ sum hash.Hash }

// Add adds what is left of record n.
func (r *Residue) Add(n int64, l Left) {
	if r.sum == nil {
		r.sum = sha256.New()
	}
	fmt.Fprintf(r.sum, "%d %d %q %q %q %q %t\n", n, l.At.UnixMicro(), l.Actor, l.Org, l.Case, l.Action, l.Allowed)
}

// Sum is the sum so far, in hexadecimal.
func (r *Residue) Sum() string {
	if r.sum == nil {
		r.sum = sha256.New()
	}
	return hex.EncodeToString(r.sum.Sum(nil)[:16])
}

// Told reads from the text of a record which case it says was erased, and the
// sum over what was left; "" when it tells of no erasing.
func Told(text string) (id, sum string) {
	var r struct {
		Case, Action, Outcome string
		Allowed               bool
	}
	if json.Unmarshal([]byte(text), &r) != nil || r.Action != "reviewRetention" || !r.Allowed || !strings.HasPrefix(r.Outcome, "erased") {
		return "", ""
	}
	_, sum, _ = strings.Cut(r.Outcome, "; residue ")
	if sum == "" {
		return "", ""
	}
	return r.Case, sum
}

// Erasings checks that each erased record of a log belongs to an erasing that
// the log tells of. It is told all records in their order.
type Erasings struct {
	open map[string]*erasing
}

type erasing struct {
	first int64
	left  Residue
}

// Erased is told of an erased record.
func (e *Erasings) Erased(n int64, l Left) {
	if e.open == nil {
		e.open = map[string]*erasing{}
	}
	if e.open[l.Case] == nil {
		e.open[l.Case] = &erasing{first: n}
	}
	e.open[l.Case].left.Add(n, l)
}

// Record is told of the text of a record that is whole.
func (e *Erasings) Record(text string) {
	if len(e.open) == 0 {
		return
	}
	if id, sum := Told(text); id != "" && e.open[id] != nil && e.open[id].left.Sum() == sum {
		delete(e.open, id)
	}
}

// Finish names the first record that has lost its content and of whose erasing,
// as it is left, no later record tells.
func (e *Erasings) Finish() error {
	var first []int64
	for _, o := range e.open {
		first = append(first, o.first)
	}
	if len(first) == 0 {
		return nil
	}
	return fmt.Errorf("record %d has lost its content, and no record tells that it was erased as it is left", slices.Min(first))
}
