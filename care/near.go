package care

import (
	"strings"
	"time"

	"homeward/nhs"
)

// Nearness is why two records may be of one person. It decides nothing: a person
// compares the two, and joins them or says that they are two people.
type Nearness struct {
	Score   int      // higher is nearer
	Differs []string // what is not the same, in words without anybody's details
}

// Near compares two records of which at least one has no NHS number. False: they
// are not alike enough to ask anybody about.
func Near(a, b Case) (Nearness, bool) {
	if a.ID == b.ID || a.JoinedTo != "" || b.JoinedTo != "" || !a.NHS.IsZero() && !b.NHS.IsZero() {
		return Nearness{}, false
	}
	var n Nearness
	add := func(score int, word string) int {
		n.Score += score
		if word != "" {
			n.Differs = append(n.Differs, word)
		}
		return score
	}
	born := add(nearBorn(a.Person.Born, b.Person.Born))
	family := add(nearName("Family name", a.Person.Family, b.Person.Family))
	given := add(nearName("First name", a.Person.Given, b.Person.Given))
	place := 0
	pa, pb := strings.ReplaceAll(strings.ToUpper(a.Person.Address.Postcode), " ", ""), strings.ReplaceAll(strings.ToUpper(b.Person.Address.Postcode), " ", "")
	switch {
	case pa == "" || pb == "":
		add(0, "Postcode: not known of both")
	case pa == pb:
		place = add(2, "")
	default:
		add(0, "Postcode: another")
	}
	// Names alone are no match, nor is a birthday; a family name may have changed.
	return n, born >= 2 && family >= 2 && n.Score >= 6 || born == 4 && given == 3 && place == 2
}

// nearBorn compares dates of birth: the same, day and month in the other order, or
// one digit mistyped or two changed about.
func nearBorn(a, b nhs.Date) (score int, differs string) {
	switch x, y := a.String(), b.String(); {
	case a.IsZero() || b.IsZero():
		return 0, "Date of birth: not known of both"
	case a == b:
		return 4, ""
	case a.Year == b.Year && a.Day == int(b.Month) && b.Day == int(a.Month):
		return 3, "Date of birth: day and month the other way round"
	case slip(x, y):
		return 2, "Date of birth: one digit"
	default:
		return 0, "Date of birth: another"
	}
}

func nearName(which, a, b string) (score int, differs string) {
	switch x, y := plainName(a), plainName(b); {
	case x == "" || y == "":
		return 0, which + ": not known of both"
	case x == y:
		return 3, ""
	case slip(x, y):
		return 2, which + ": one letter"
	case soundsLike(x) == soundsLike(y):
		return 2, which + ": sounds alike"
	case x[0] == y[0]:
		return 1, which + ": the same initial"
	default:
		return 0, which + ": another"
	}
}

// slip reports whether two texts of one length differ in one place, or in two
// places beside each other that have changed about; or one has one letter more.
func slip(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	switch len(b) - len(a) {
	case 0:
		if i == len(a) || a[i+1:] == b[i+1:] {
			return true
		}
		return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
	case 1:
		return a[i:] == b[i+1:]
	}
	return false
}

// soundsLike is the American Soundex of a plain name: its first letter and three
// digits for the consonants after it.
func soundsLike(name string) string {
	out := []byte{name[0]}
	last := soundOf(name[0])
	for i := 1; i < len(name) && len(out) < 4; i++ {
		c := soundOf(name[i])
		if c != 0 && c != last {
			out = append(out, c)
		}
		if name[i] != 'h' && name[i] != 'w' {
			last = c
		}
	}
	return string(out) + strings.Repeat("0", 4-len(out))
}

func soundOf(letter byte) byte {
	for i, group := range []string{"bfpv", "cgjkqsxz", "dt", "l", "mn", "r"} {
		if strings.IndexByte(group, letter) >= 0 {
			return byte('1' + i)
		}
	}
	return 0
}

// Unnumbered reports whether somebody is in hospital without an NHS number, and
// since when.
func Unnumbered(c Case) (since time.Time, yes bool) {
	if c.Stay == nil || !c.NHS.IsZero() || c.JoinedTo != "" {
		return time.Time{}, false
	}
	return c.Stay.Admitted, true
}
