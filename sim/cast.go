package sim

import "homeward/nhs"

// The trusts of the county.
const (
	KingsMill nhs.ODS = "RK5"
	Queens    nhs.ODS = "RX1"
	Bassetlaw nhs.ODS = "RP5"
)

// Part is somebody of the cast and what they are there to show.
type Part struct {
	Person Person
	Shows  string
	In     Place // the bed where Play puts them; zero: not in hospital
	Days   int   // since they were admitted
	Fit    int   // days since they were fit to leave; -1: they are not
}

// Cast lists the invented people whom stories name. They are the same for every
// seed; only dates count back from today.
func Cast(today nhs.Date) []Part {
	return []Part{
		{Barbara(today), "care in place, from two providers with out-of-hours numbers; no open safeguarding enquiry; at home", Place{}, 0, -1},
		{PrivatePayer(), "pays for her own care: the council holds nothing about her", Place{}, 0, -1},
		{Ready(today), "ready to go home from ward 12 and not yet referred", Place{"12", "2", "4"}, 5, 1},
		{Dying(today), "on ward 31; dies after the referral", Place{"31", "1", "2"}, 9, 3},
		{Paused(today), "home care paused while he is in hospital", Place{"12", "3", "1"}, 6, 2},
		{DirectPayment(today), "buys his own care with a direct payment: there is no provider to ring", Place{}, 0, -1},
		{Safeguarded(today), "an open safeguarding enquiry", Place{"31", "2", "3"}, 4, 0},
		{Restricted(today), "a record that the council restricts: looks as if nothing were held", Place{}, 0, -1},
		{Child(today), "under 18: looks as if nothing were held", Place{}, 0, -1},
		{Deceased(today), "died last month, and the council knows", Place{}, 0, -1},
		{Sensitive(today), "whereabouts are not to be told", Place{"31", "3", "1"}, 3, -1},
		{Zofia(today), "a name that needs UTF-8, and a name that she prefers", Place{"A4", "B", "2"}, 7, 4},
		{Straddler(), "lives in a postcode of two councils", Place{"C52", "1", "3"}, 4, 1},
		{Neighbour(), "lives in Nottingham City: not this council's", Place{"C52", "2", "1"}, 8, 6},
	}
}

func born(y, m, d int) nhs.Date {
	b, err := nhs.NewDate(y, m, d)
	if err != nil {
		panic(err) // the table below has a day that does not exist
	}
	return b
}

// named is a person of the cast who lives in the n-th of places.
func named(n, number int, title, given, family, sex string, b nhs.Date, at int) Person {
	p := Person{N: n, NHS: nhs.Test(number), Title: title, Given: given, Family: family, Sex: sex, Born: b, Home: places[at].trust,
		Phone: "01632 960 0" + string([]byte{'0' + byte(n/10), '0' + byte(n%10)}), Kin: family + "^Alex", KinIs: "Daughter", KinPhone: "01632 960 590"}
	p.house(2+3*n, streets[n%len(streets)], places[at], string([]byte{'0' + byte(n%10), inward[n%6], 'K'}))
	return p
}

// held is what the council holds of a person of the cast.
func (p Person) held(packages ...Package) Person {
	p.Held = &Held{ID: councilID(p.N), Team: "T1", Worker: "A Patel", Safeguarding: "no", Packages: packages}
	return p
}

// homeCare is care by Bluebell Homecare, four calls a day.
func homeCare(id, status string, start nhs.Date) Package {
	return Package{ID: id, Kind: "HS", Title: "Home care, 4 calls a day", Status: status, Start: start, Provider: "P001", Funding: "Council"}
}

// Barbara comes to the emergency department in the evening, after her carer
// missed a visit.
func Barbara(today nhs.Date) Person {
	p := named(1, 123456, "Mrs", "Barbara", "Oakley", "Female", born(1941, 3, 14), 0).held(
		homeCare("K00001-1", "active", daysBefore(today, 172)),
		Package{ID: "K00001-2", Kind: "EQ", Title: "Personal alarm and falls sensor", Status: "active", Start: daysBefore(today, 102), Provider: "P002", Funding: "Council"})
	p.Preferred = "Barb"
	p.Held.Equipment = []Equipment{{ID: "D00001", Title: "Key safe", Status: "delivered", Delivered: daysBefore(today, 172)}}
	return p
}

// PrivatePayer is known to nobody: no hospital has seen her, no council helps her.
func PrivatePayer() Person {
	return named(2, 123470, "Miss", "Constance", "Thwaite", "Female", born(1936, 8, 2), 1)
}

// Ready is on ward 12 and could go home.
func Ready(today nhs.Date) Person {
	return named(3, 123480, "Mr", "Walter", "Pemberton", "Male", born(1938, 5, 21), 1).held(homeCare("K00003-1", "active", daysBefore(today, 400)))
}

// Dying is on ward 31 and dies after the referral was made.
func Dying(today nhs.Date) Person {
	return named(4, 123490, "Mrs", "Edith", "Marlowe", "Female", born(1931, 11, 30), 0).held(homeCare("K00004-1", "active", daysBefore(today, 90)))
}

// Paused has home care that waits until he is back.
func Paused(today nhs.Date) Person {
	return named(5, 123500, "Mr", "Harold", "Finch", "Male", born(1944, 1, 9), 2).held(homeCare("K00005-1", "onhold", daysBefore(today, 300)))
}

// DirectPayment employs a personal assistant.
func DirectPayment(today nhs.Date) Person {
	p := named(6, 123510, "Mr", "Winston", "Claremont", "Male", born(1958, 6, 17), 0).held()
	p.Held.Packages = []Package{{ID: "K00006-1", Kind: "DP", Title: "Direct payment for a personal assistant", Status: "active", Start: daysBefore(today, 600), Funding: "Council"}}
	return p
}

// Safeguarded has an enquiry that is open.
func Safeguarded(today nhs.Date) Person {
	p := named(7, 123520, "Mrs", "Joan", "Whitelock", "Female", born(1940, 9, 5), 2).held(homeCare("K00007-1", "active", daysBefore(today, 220)))
	p.Held.Safeguarding, p.Held.Opened = "yes", daysBefore(today, 12)
	return p
}

// Restricted has a record that most of the council's own staff cannot open.
func Restricted(today nhs.Date) Person {
	p := named(8, 123530, "Mr", "Derek", "Stanhope", "Male", born(1949, 2, 27), 0).held(homeCare("K00008-1", "active", daysBefore(today, 80)))
	p.Held.Restricted = true
	return p
}

// Child is fourteen.
func Child(today nhs.Date) Person {
	p := named(9, 123540, "Miss", "Mia", "Thornley", "Female", nhs.DateOf(today.Time().AddDate(-14, -2, -3)), 1).held()
	p.Held.Packages = []Package{{ID: "K00009-1", Kind: "C-R", Title: "Short breaks", Status: "active", Start: daysBefore(today, 150), Provider: "P008", Funding: "Council"}}
	return p
}

// Deceased died last month.
func Deceased(today nhs.Date) Person {
	p := named(10, 123550, "Mrs", "Eileen", "Barlow", "Female", born(1933, 4, 18), 0).held(homeCare("K00010-1", "finished", daysBefore(today, 500)))
	p.Held.Died = daysBefore(today, 33)
	p.Held.Packages[0].End = p.Held.Died
	return p
}

// Sensitive is safe only as long as nobody is told where she is.
func Sensitive(today nhs.Date) Person {
	p := named(11, 123560, "Ms", "Fatima", "Rahmani", "Female", born(1975, 10, 11), 0).held(homeCare("K00011-1", "active", daysBefore(today, 45)))
	p.Sensitive, p.Held.ExDirectory = true, true
	return p
}

// Zofia is in Bassetlaw, whose system writes her name as it is.
func Zofia(today nhs.Date) Person {
	p := named(12, 123570, "Ms", "Zofia", "Kowalska-Ní Bhriain", "Female", born(1946, 7, 23), 8).held(homeCare("K00012-1", "active", daysBefore(today, 260)))
	p.Preferred, p.Language = "Zosia", "Polish"
	p.Held.Team, p.Held.Worker = "T3", "M Okafor"
	return p
}

// Straddler lives where the postcode does not say which council is his.
func Straddler() Person {
	p := named(13, 123580, "Mr", "Norman", "Peel", "Male", born(1939, 12, 1), 5)
	p.Postcode = StraddlingPostcode
	return p
}

// Neighbour lives in the next council.
func Neighbour() Person {
	return named(14, 123590, "Mrs", "Gwendolyn", "Achebe", "Female", born(1942, 3, 3), 7)
}
