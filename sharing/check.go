package sharing

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"homeward/nhs"
)

// shortText and longText are the most bytes that a line and a paragraph may have.
const shortText, longText = 200, 4000

// titles are the sections in words for a reader.
var titles = map[Section]string{
	Demographics: "Who the person is", Whereabouts: "Ward, bed and stay", Packages: "That packages exist", Provider: "Provider and telephone numbers",
	PackageDetail: "What packages consist of", Safeguarding: "Whether a safeguarding enquiry is open", Assessments: "Assessments", Risk: "Risks",
	Finance: "Money", Notes: "Notes for both sides", Referral: "The referral and its progress", Timeline: "What happened",
}

// Title is a section in words; a section that is not known is given as it stands.
func (s Section) Title() string {
	if t, ok := titles[s]; ok {
		return t
	}
	return string(s)
}

// Known reports whether the section is one of Sections.
func (s Section) Known() bool { return slices.Contains(Sections(), s) }

// Check lists all that keeps a version from being proposed, in the order of the
// page that it is written on.
func (a Agreement) Check() []Problem {
	var out []Problem
	line := func(field, v, missing, name string) {
		switch {
		case strings.TrimSpace(v) == "":
			out = append(out, Problem{field, missing})
		case len(v) > shortText:
			out = append(out, Problem{field, name + " must be 200 characters or fewer"})
		case strings.ContainsFunc(v, misleads):
			out = append(out, Problem{field, name + " must be one line, without characters that are not seen"})
		}
	}
	text := func(field, v, missing, name string) {
		switch {
		case strings.TrimSpace(v) == "":
			out = append(out, Problem{field, missing})
		case len(v) > longText:
			out = append(out, Problem{field, name + " must be 4,000 characters or fewer"})
		}
	}
	line("title", a.Title, "Enter a title", "The title")
	out = append(out, a.checkParties()...)
	text("purpose", a.Purpose, "Enter the purpose of the sharing", "The purpose")
	text("basis", a.Basis, "Enter the legal basis", "The legal basis")
	out = append(out, a.checkFlows()...)
	if a.From.IsZero() {
		out = append(out, Problem{"from", "Enter the first day"})
	}
	switch {
	case a.To.IsZero():
		out = append(out, Problem{"to", "Enter the last day. An agreement that never ends is never looked at again"})
	case a.To.Before(a.From):
		out = append(out, Problem{"to", "The last day must not be before the first day"})
	}
	out = append(out, a.checkSignatories()...)
	line("dpia", a.DPIA, "Enter the reference of the data protection impact assessment", "The reference")
	line("owner", a.Owner, "Enter who looks after the agreement, by their role", "The owner")
	line("contact", a.Contact, "Enter how to reach the owner", "The contact")
	return out
}

// misleads reports whether a character breaks a line, or turns the order in which
// text is shown: what is approved must be what is read.
func misleads(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// party reports whether an organisation is a party.
func (a Agreement) party(ods nhs.ODS) bool {
	return slices.ContainsFunc(a.Parties, func(p Party) bool { return p.ODS == ods })
}

func (a Agreement) checkParties() []Problem {
	if len(a.Parties) < 2 {
		return []Problem{{"parties", "Name at least 2 organisations"}}
	}
	var out []Problem
	seen := map[nhs.ODS]bool{}
	for i, p := range a.Parties {
		field := fmt.Sprintf("parties.%d.", i)
		_, err := nhs.ParseODS(string(p.ODS))
		switch {
		case err != nil:
			out = append(out, Problem{field + "ods", "Enter an ODS code, such as RK5"})
		case seen[p.ODS]:
			out = append(out, Problem{field + "ods", fmt.Sprintf("Organisation %s is named twice", p.ODS)})
		case strings.TrimSpace(p.Name) == "" || len(p.Name) > shortText || strings.ContainsFunc(p.Name, misleads):
			out = append(out, Problem{field + "name", "Enter the organisation's name, in one line of 200 characters or fewer"})
		}
		seen[p.ODS] = true
	}
	return out
}

func (a Agreement) checkFlows() []Problem {
	if len(a.Flows) == 0 {
		return []Problem{{"flows", "Say at least once who shares what with whom"}}
	}
	var out []Problem
	seen := map[[2]nhs.ODS]bool{}
	for i, f := range a.Flows {
		field := fmt.Sprintf("flows.%d", i)
		switch pair := [2]nhs.ODS{f.From, f.To}; {
		case !a.party(f.From):
			out = append(out, Problem{field + ".from", "Select who shares: one of the organisations that agree"})
		case !a.party(f.To):
			out = append(out, Problem{field + ".to", "Select with whom: one of the organisations that agree"})
		case f.From == f.To:
			out = append(out, Problem{field + ".to", "An organisation needs no agreement with itself"})
		case seen[pair]:
			out = append(out, Problem{field, fmt.Sprintf("What %s shares with %s is said twice", f.From, f.To)})
		case len(f.Sections) == 0:
			out = append(out, Problem{field + ".sections", fmt.Sprintf("Select what %s shares with %s", f.From, f.To)})
		default:
			seen[pair] = true
		}
		for j, s := range f.Sections {
			switch {
			case !s.Known():
				out = append(out, Problem{field + ".sections", fmt.Sprintf("%q is not a section of a record", string(s))})
			case slices.Contains(f.Sections[:j], s):
				out = append(out, Problem{field + ".sections", fmt.Sprintf("%q is named twice", s.Title())})
			}
		}
	}
	return out
}

// checkSignatories wants one for each party: an agreement that a party did not
// sign is not one.
func (a Agreement) checkSignatories() []Problem {
	var out []Problem
	for _, p := range a.Parties {
		if !slices.ContainsFunc(a.Signatories, func(s Signatory) bool { return s.ODS == p.ODS }) {
			out = append(out, Problem{"signatories", fmt.Sprintf("Name who signed for %s", p.ODS)})
		}
	}
	for i, s := range a.Signatories {
		field := fmt.Sprintf("signatories.%d.", i)
		switch {
		case strings.TrimSpace(s.Name) == "" || len(s.Name) > shortText || strings.ContainsFunc(s.Name, misleads):
			out = append(out, Problem{field + "name", "Enter the name of who signed, in one line of 200 characters or fewer"})
		case strings.TrimSpace(s.Role) == "" || len(s.Role) > shortText || strings.ContainsFunc(s.Role, misleads):
			out = append(out, Problem{field + "role", "Enter the role of who signed, such as Caldicott Guardian"})
		case !a.party(s.ODS):
			out = append(out, Problem{field + "ods", "Select for whom they signed: one of the organisations that agree"})
		case s.On.IsZero():
			out = append(out, Problem{field + "on", "Enter the day on which they signed"})
		}
	}
	return out
}

// A Difference is one thing that two versions say differently.
type Difference struct {
	What          string // in words
	Before, After string // "" where the version says nothing
}

// Diff lists what changes from one version to another, in the order of Check.
func Diff(old, new Agreement) []Difference {
	var out []Difference
	put := func(what, before, after string) {
		if before != after {
			out = append(out, Difference{what, before, after})
		}
	}
	put("Title", old.Title, new.Title)
	put("Organisations", partiesSay(old.Parties), partiesSay(new.Parties))
	put("Purpose", old.Purpose, new.Purpose)
	put("Legal basis", old.Basis, new.Basis)
	for _, pair := range pairs(old, new) {
		before, after := old.gives(pair[0], pair[1]), new.gives(pair[0], pair[1])
		for _, s := range Sections() {
			put(fmt.Sprintf("%s to %s: %s", pair[0], pair[1], s.Title()), sharedSay(before, s), sharedSay(after, s))
		}
	}
	put("First day", old.From.String(), new.From.String())
	put("Last day", old.To.String(), new.To.String())
	put("Signatories", signedSay(old.Signatories), signedSay(new.Signatories))
	put("Data protection impact assessment", old.DPIA, new.DPIA)
	put("Owner", old.Owner, new.Owner)
	put("Contact", old.Contact, new.Contact)
	return out
}

// pairs are who shares with whom in any of the versions.
func pairs(versions ...Agreement) (out [][2]nhs.ODS) {
	for _, a := range versions {
		for _, f := range a.Flows {
			if pair := [2]nhs.ODS{f.From, f.To}; !slices.Contains(out, pair) {
				out = append(out, pair)
			}
		}
	}
	return out
}

func sharedSay(sections []Section, s Section) string {
	if slices.Contains(sections, s) {
		return "shared"
	}
	return "not shared"
}

func partiesSay(ps []Party) string {
	var out []string
	for _, p := range ps {
		out = append(out, fmt.Sprintf("%s (%s)", p.Name, p.ODS))
	}
	return strings.Join(out, ", ")
}

func signedSay(ss []Signatory) string {
	var out []string
	for _, s := range ss {
		out = append(out, fmt.Sprintf("%s, %s, for %s, %s", s.Name, s.Role, s.ODS, s.On))
	}
	return strings.Join(out, "; ")
}
