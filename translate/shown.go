package translate

import (
	"time"

	"homeward/care"
	"homeward/form"
	"homeward/nhs"
)

// Shown is a case as one reader may see it. What may not be seen is not in Case;
// Sees says which sections are shown at all, so that an absence can be told from
// a section that is not shared. Faces write resources from this and nothing else.
type Shown struct {
	Case     care.Case
	By       care.Actor
	Sees     Sees
	Councils []ShownCouncil
	Orgs     map[nhs.ODS]care.Org // all that the case names
	Forms    func(id string, version int) (*form.Pathway, bool)
	Now      time.Time
	// Changed is when what is shown of a resource last changed, by "Type/id"; where
	// nothing is known of it, Case.News.
	Changed map[string]time.Time
	// Kept is what came in for a resource, by "Type/id".
	Kept map[string]Kept
}

// Sees says which sections a reader sees of a case.
type Sees struct {
	Person, Whereabouts, Packages, Provider, Safeguarding, Assessments, Risk, Referral, Notes, Timeline bool
}

// ShownCouncil is what one council holds of the person, as far as it is shown, and
// how fresh that is. With Gone, Stale or Withheld the absence of packages says nothing.
type ShownCouncil struct {
	Council   care.Org
	Holding   *care.Holding // nil: nothing is held, or nothing may be shown
	Providers map[string]care.Provider
	Team      *care.Team
	AsAt      time.Time
	Stale     bool // out of date
	Gone      bool // so old that it is not shown
	Withheld  bool // not shared with this reader
}
