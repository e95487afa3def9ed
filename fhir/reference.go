package fhir

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"iter"
	"slices"
	"strings"
)

// A Reference is one place of a tree that points to a resource.
type Reference struct {
	Path string // of the element, from the resource: "Task.for", "Bundle.entry.resource.subject"
	At   *Node  // the object with the member "reference", which may be changed
	Text string // what it says
}

// References are all elements of a tree that have a reference, in the tree's order,
// those of contained resources and of the entries of a Bundle too.
func References(n *Node) iter.Seq[Reference] {
	return func(yield func(Reference) bool) {
		references(n, n.Type(), yield)
	}
}

func references(n *Node, path string, yield func(Reference) bool) bool {
	if n == nil {
		return true
	}
	for _, x := range n.Items {
		if !references(x, path, yield) {
			return false
		}
	}
	for _, m := range n.Members {
		if m.Value == nil {
			continue
		}
		if m.Name == "reference" && m.Value.Kind == String && !yield(Reference{path, n, m.Value.Text}) {
			return false
		}
		if m.Value.Kind < Array {
			continue
		}
		below := m.Name
		if path != "" {
			below = path + "." + m.Name
		}
		if !references(m.Value, below, yield) {
			return false
		}
	}
	return true
}

// Target is what a reference says (FHIR R4 2.3.0): a contained resource ("#id"), one of
// this server ("Patient/1"), one by its address, or one by a UUID or OID.
type Target struct {
	Base      string // "https://far.example/fhir"; "" when relative
	Type, ID  string // of a relative one, and of an address that ends as FHIR's do
	Version   string // of _history/version
	Contained string // without #; the resource itself is "" with Own
	Own       bool   // "#": the resource that contains this one
	URN       string // "urn:uuid:..." or "urn:oid:..."
}

// ParseRef reads the text of a reference. The error does not repeat it.
func ParseRef(s string) (Target, error) {
	switch {
	case s == "#":
		return Target{Own: true}, nil
	case strings.HasPrefix(s, "#"):
		if !isID(s[1:]) {
			return Target{}, errors.New("a reference to a contained resource has no id after its #")
		}
		return Target{Contained: s[1:]}, nil
	case strings.HasPrefix(s, "urn:uuid:") && isUUID(strings.ToLower(s[9:])), isOID(s):
		return Target{URN: s}, nil
	case s == "" || !isURI(s):
		return Target{}, errors.New("a reference is empty or has white space")
	}
	base, path := "", s
	if i := strings.Index(s, "://"); i > 0 {
		slash := strings.IndexByte(s[i+3:], '/')
		if slash < 0 {
			return Target{}, errors.New("a reference is an address without a resource")
		}
		base, path = s, s[i+3+slash+1:]
	}
	parts := strings.Split(path, "/")
	r := Target{}
	if k := len(parts); k >= 4 && parts[k-2] == "_history" && isID(parts[k-1]) {
		r.Version, parts = parts[k-1], parts[:k-2]
	}
	k := len(parts)
	if k < 2 || !resourceName(parts[k-2]) || !isID(parts[k-1]) || base == "" && k != 2 {
		if base != "" {
			return Target{Base: base}, nil // an address of something else
		}
		return Target{}, errors.New("a reference is not Type/id, an address, #id or a URN")
	}
	r.Type, r.ID = parts[k-2], parts[k-1]
	if base != "" {
		tail := r.Type + "/" + r.ID
		if r.Version != "" {
			tail += "/_history/" + r.Version
		}
		r.Base = strings.TrimSuffix(strings.TrimSuffix(s, tail), "/")
	}
	return r, nil
}

func resourceName(s string) bool {
	return s != "" && s[0] >= 'A' && s[0] <= 'Z' && plainName(s)
}

// Contained is the contained resource of a reference such as "#id"; nil when there
// is none. "#" is the resource itself.
func Contained(n *Node, ref string) *Node {
	id, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil
	}
	if id == "" {
		return n
	}
	for _, c := range n.All("contained") {
		if c.ID() == id {
			return c
		}
	}
	return nil
}

// versionText spells hashes in the letters and digits that an id may have.
var versionText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Hash is the same for trees of the same content, 26 letters and digits: the version
// of a resource and its ETag. meta.versionId and meta.lastUpdated do not count, nor
// does the order of an object's members.
func Hash(n *Node) string {
	sum := sha256.Sum256(appendCanonical(make([]byte, 0, 1024), n, 0))
	return versionText.EncodeToString(sum[:16])
}

// appendCanonical writes JSON with the members in the order of their names. level 0 is
// the resource, 1 its meta.
func appendCanonical(b []byte, n *Node, level int) []byte {
	if n == nil || n.Kind < Array {
		return appendJSON(b, n)
	}
	if n.Kind == Array {
		b = append(b, '[')
		for _, x := range n.Items {
			b = append(appendCanonical(b, x, 2), ',')
		}
		return append(b, ']')
	}
	names := n.Members
	byName := func(x, y Member) int { return strings.Compare(x.Name, y.Name) }
	if !slices.IsSortedFunc(names, byName) {
		names = slices.Clone(names)
		slices.SortStableFunc(names, byName)
	}
	b = append(b, '{')
	for _, m := range names {
		if level == 1 && (m.Name == "versionId" || m.Name == "lastUpdated") {
			continue
		}
		below := 2
		if level == 0 && m.Name == "meta" {
			if below = 1; !saysMore(m.Value) {
				continue
			}
		}
		b = append(append(appendString(b, m.Name), ':'), '\n')
		b = append(appendCanonical(b, m.Value, below), ',')
	}
	return append(b, '}')
}

// saysMore reports whether meta has anything but the version and its time.
func saysMore(meta *Node) bool {
	if meta == nil {
		return false
	}
	for _, m := range meta.Members {
		if m.Name != "versionId" && m.Name != "lastUpdated" {
			return true
		}
	}
	return false
}
