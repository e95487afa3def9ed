package policy

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	cedar "github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/types"
	xast "github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/resolved"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"
)

// A Set is a released set of rules that passed every check at loading. It does
// not change, and many goroutines may ask it at once.
type Set struct {
	rules    []Rule
	says     map[types.PolicyID]string
	check    *validate.Validator
	schema   *resolved.Schema
	actions  map[types.EntityUID]types.Entity // with all groups that each belongs to
	byAction map[types.EntityUID]ruleList     // the rules whose scope can hold for the action
	version  string
	memory   memory
	open     [1 << 12]atomic.Pointer[types.Set] // of sections, by which of Sections are in it
}

// A Rule is one rule as it is shown to those who govern.
type Rule struct {
	ID      string
	Permits bool   // otherwise it forbids
	Says    string // one sentence
	Basis   string // the ground in law or agreement; "" where none is given
	Cedar   string // the rule as it is evaluated
	policy  *cedar.Policy
}

// ruleList is the rules that Cedar goes through for one action, in file order.
type ruleList []Rule

// All lets cedar.Authorize range over the rules.
func (l ruleList) All() iter.Seq2[types.PolicyID, *cedar.Policy] {
	return func(yield func(types.PolicyID, *cedar.Policy) bool) {
		for _, r := range l {
			if !yield(types.PolicyID(r.ID), r.policy) {
				return
			}
		}
	}
}

// Load reads the rules and the schema and checks all that can be checked before
// the first question: every rule is strictly typed against the schema, has an
// @id of its own and an @says that is a sentence, and names only roles, purposes
// and actions that exist; and the schema has exactly the words that this
// package has. The error names the rule and what to mend.
func Load(rules, schemaText []byte) (*Set, error) {
	var doc schema.Schema
	if err := doc.UnmarshalCedar(schemaText); err != nil {
		return nil, fmt.Errorf("reading the policy schema: %w", err)
	}
	rs, err := doc.Resolve()
	if err != nil {
		return nil, fmt.Errorf("resolving the policy schema: %w", err)
	}
	if err := checkVocabulary(rs); err != nil {
		return nil, fmt.Errorf("checking the policy schema: %w", err)
	}
	s := &Set{
		schema:  rs,
		check:   validate.New(rs, validate.WithStrict()),
		actions: closeGroups(rs),
		says:    map[types.PolicyID]string{},
		version: fingerprint(rules, schemaText),
	}
	list, err := cedar.NewPolicyListFromBytes("sharing.cedar", rules)
	if err != nil {
		return nil, fmt.Errorf("reading the sharing rules: %w", err)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("reading the sharing rules: there are none")
	}
	for _, p := range list {
		if err := s.add(p); err != nil {
			return nil, fmt.Errorf("rule at line %d of the sharing rules: %w", p.Position().Line, err)
		}
	}
	s.index()
	return s, nil
}

// add checks one rule and takes it in.
func (s *Set) add(p *cedar.Policy) error {
	notes := p.Annotations()
	r := Rule{
		ID:      string(notes["id"]),
		Permits: p.Effect() == cedar.Permit,
		Says:    string(notes["says"]),
		Basis:   string(notes["basis"]),
		Cedar:   string(p.MarshalCedar()),
		policy:  p,
	}
	if r.ID == "" {
		return fmt.Errorf("give the rule an @id")
	}
	if _, twice := s.says[types.PolicyID(r.ID)]; twice {
		return fmt.Errorf("@id %q is used twice", r.ID)
	}
	if !isSentence(r.Says) {
		return fmt.Errorf("rule %q: give it an @says that is one sentence, from its capital to its full stop", r.ID)
	}
	for k := range notes {
		if k != "id" && k != "says" && k != "basis" {
			return fmt.Errorf("rule %q: @%s is not known; use @id, @says and @basis", r.ID, k)
		}
	}
	if err := s.check.Policy(r.ID, (*xast.Policy)(p.AST())); err != nil {
		return fmt.Errorf("rule %q does not fit the schema: %w", r.ID, err)
	}
	if err := checkNames(p, s.schema); err != nil {
		return fmt.Errorf("rule %q: %w", r.ID, err)
	}
	s.rules = append(s.rules, r)
	s.says[types.PolicyID(r.ID)] = r.Says
	return nil
}

func isSentence(s string) bool {
	return len(strings.Fields(s)) >= 3 && s[0] >= 'A' && s[0] <= 'Z' && strings.HasSuffix(s, ".")
}

// index sorts the rules by the actions that they can hold for, so that a
// decision does not go through rules about something else.
func (s *Set) index() {
	s.byAction = make(map[types.EntityUID]ruleList, len(s.actions))
	for uid, entity := range s.actions {
		for _, r := range s.rules {
			if inScope((*xast.Policy)(r.policy.AST()).Action, entity) {
				s.byAction[uid] = append(s.byAction[uid], forAction(r))
			}
		}
	}
}

// forAction is a rule for one action for which its scope of actions holds: the
// same without that scope, which need not be weighed again at every question. A
// test compares what the index answers with what all rules as written do.
func forAction(r Rule) Rule {
	short := *(*xast.Policy)(r.policy.AST())
	switch short.Action.(type) {
	case xast.ScopeTypeEq, xast.ScopeTypeIn, xast.ScopeTypeInSet:
	default:
		return r
	}
	short.Action = xast.Scope{}.All()
	r.policy = cedar.NewPolicyFromAST((*ast.Policy)(&short))
	return r
}

// inScope says whether a rule's action scope can hold for an action. A kind of
// scope that it does not know counts as held, so that no forbid is ever left out.
func inScope(scope xast.IsActionScopeNode, action types.Entity) bool {
	within := func(uid types.EntityUID) bool { return uid == action.UID || action.Parents.Contains(uid) }
	switch sc := scope.(type) {
	case xast.ScopeTypeEq:
		return sc.Entity == action.UID
	case xast.ScopeTypeIn:
		return within(sc.Entity)
	case xast.ScopeTypeInSet:
		return slices.ContainsFunc(sc.Entities, within)
	}
	return true
}

// closeGroups gives each action entity all groups that it belongs to, directly
// or through another group.
func closeGroups(rs *resolved.Schema) map[types.EntityUID]types.Entity {
	out := make(map[types.EntityUID]types.Entity, len(rs.Actions))
	for uid := range rs.Actions {
		seen := map[types.EntityUID]bool{}
		var climb func(types.EntityUID)
		climb = func(u types.EntityUID) {
			for parent := range rs.Actions[u].Entity.Parents.All() {
				if !seen[parent] {
					seen[parent] = true
					climb(parent)
				}
			}
		}
		climb(uid)
		out[uid] = types.Entity{UID: uid, Parents: types.NewEntityUIDSet(slices.Collect(maps.Keys(seen))...)}
	}
	return out
}

// checkVocabulary makes sure that schema and package have the same words, so
// that neither can say something that the other has never heard of.
func checkVocabulary(rs *resolved.Schema) error {
	var want []string
	for _, a := range actions {
		want = append(want, string(a.action))
	}
	var got []string
	for uid, a := range rs.Actions {
		if a.AppliesTo != nil { // the others are groups
			got = append(got, string(uid.ID))
		}
	}
	if err := sameWords("actions", got, want); err != nil {
		return err
	}
	for typ, words := range vocabulary() {
		enum, ok := rs.Enums[typ]
		if !ok {
			return fmt.Errorf("%s must be an enum", typ)
		}
		got = got[:0]
		for _, v := range enum.Values {
			got = append(got, string(v.ID))
		}
		if err := sameWords(string(typ), got, words); err != nil {
			return err
		}
	}
	return nil
}

// vocabulary lists the values of each enum of the schema.
func vocabulary() map[types.EntityType][]string {
	v := map[types.EntityType][]string{
		orgKindType:      {string(Trust), string(Council), string(Provider), string(System)},
		purposeType:      {none, string(DirectCare), string(DischargePlanning), string(OtherPurpose), string(Operations), string(Governance)},
		relationshipType: {none, string(Stay), string(Referral), string(Involvement), string(Declared), string(Emergency)},
		audienceType:     {none, string(ForBoth), string(ForCouncil), string(ForHospital)},
	}
	for _, s := range Sections() {
		v[sectionType] = append(v[sectionType], string(s))
	}
	for _, r := range roles {
		v[roleType] = append(v[roleType], string(r.role))
	}
	return v
}

func sameWords(what string, got, want []string) error {
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		return fmt.Errorf("%s in the schema are %s; they must be %s", what, strings.Join(got, " "), strings.Join(want, " "))
	}
	return nil
}

func fingerprint(rules, schemaText []byte) string {
	h := sha256.New()
	for _, part := range [][]byte{rules, schemaText} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// Version names this very text of rules and schema: the first 16 hexadecimal
// digits of a SHA-256 over both. An audit entry keeps it.
func (s *Set) Version() string { return s.version }

// About says of what an action may be asked: of a person, of nobody, or of either.
func (s *Set) About(a Action) (person, nobody bool) {
	to := s.schema.Actions[types.NewEntityUID(actionType, types.String(a))].AppliesTo
	if to == nil {
		return false, false
	}
	return slices.Contains(to.Resources, personType), slices.Contains(to.Resources, serviceType)
}

// Rules lists the rules in the order of the file.
func (s *Set) Rules() []Rule { return slices.Clone(s.rules) }
