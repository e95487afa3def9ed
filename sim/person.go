package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"homeward/nhs"
)

// The councils of the county.
const (
	Nottinghamshire nhs.ODS = "511"
	NottinghamCity  nhs.ODS = "512"
	Derbyshire      nhs.ODS = "506"
)

// StraddlingPostcode has houses in Nottinghamshire and in Nottingham City.
const StraddlingPostcode = "NG5 7VV"

// Person is somebody invented. Zero fields are not known.
type Person struct {
	N         int // counts everybody from 1; hospital and council numbers come from it
	NHS       nhs.Number
	Title     string
	Given     string
	Family    string
	Preferred string
	Born      nhs.Date
	Sex       string // Female or Male
	Address   []string
	Postcode  string
	UPRN      string
	Lives     nhs.ODS // the council responsible for the address
	Phone     string
	Language  string
	GP        string // ODS code of the practice
	GPName    string
	Kin       string // family name and given name with ^ between them
	KinIs     string // daughter, son ...
	KinPhone  string
	Sensitive bool // whereabouts are not to be told

	Home nhs.ODS // the trust whose hospital they go to
	Held *Held   // what the council holds; nil: nothing
}

// Held is what the council holds about somebody.
type Held struct {
	ID           string // the council's number of the person
	Died         nhs.Date
	ExDirectory  bool
	Restricted   bool
	Team, Worker string
	Packages     []Package
	Equipment    []Equipment
	Safeguarding string // "yes": open, "no": none, "ended", "": the council does not say
	Opened       nhs.Date
	Ended        nhs.Date
}

// Package is one element of care. Kind is an Interweave-SocialCareServiceType
// code and Status an EpisodeOfCare status (Interweave R4).
type Package struct {
	ID, Kind, Title, Status string
	Start, End              nhs.Date
	Provider, Funding       string
}

// Equipment is something that was delivered to a home.
type Equipment struct {
	ID, Title, Status string // ordered, delivered, collected
	Delivered         nhs.Date
}

// place is a town with its postcode district and its council.
type place struct {
	town, district string
	council        nhs.ODS
	trust          nhs.ODS // whose hospital is nearest
}

var places = []place{
	{"Mansfield", "NG18", Nottinghamshire, KingsMill}, {"Sutton-in-Ashfield", "NG17", Nottinghamshire, KingsMill},
	{"Mansfield Woodhouse", "NG19", Nottinghamshire, KingsMill}, {"Shirebrook", "NG20", Derbyshire, KingsMill},
	{"Beeston", "NG9", Nottinghamshire, Queens}, {"Arnold", "NG5", Nottinghamshire, Queens},
	{"West Bridgford", "NG2", Nottinghamshire, Queens}, {"Nottingham", "NG7", NottinghamCity, Queens},
	{"Worksop", "S80", Nottinghamshire, Bassetlaw}, {"Retford", "DN22", Nottinghamshire, Bassetlaw},
	{"Worksop", "S81", Nottinghamshire, Bassetlaw},
}

var streets = []string{"Larkspur Row", "Teasel Close", "Candlewick Lane", "Foxglove Drive", "Old Maltings", "Quarry Bank",
	"Weaver's Yard", "Sycamore Rise", "Hollybush Terrace", "Linnet Avenue", "Pinfold Green", "Tansy Road", "Cobbler's Hill", "Almond Court"}

var women = []string{"Margaret", "Joan", "Doreen", "Sheila", "Maureen", "Jean", "Patricia", "Dorothy", "Brenda", "Beryl",
	"Kathleen", "Audrey", "Rita", "Hazel", "Parminder", "Fatima", "Agnieszka", "Shirley", "Gladys", "Nasreen", "Yvonne", "Ruth"}

var men = []string{"Ronald", "Kenneth", "Derek", "Raymond", "Dennis", "Gordon", "Stanley", "Roy", "Brian", "Leonard",
	"Alan", "Trevor", "Cecil", "Mohammed", "Gurdev", "Winston", "Clifford", "Edwin", "Janusz", "Desmond", "Norman", "Terence"}

var families = []string{"Ashdown", "Birkett", "Calloway", "Dunmore", "Ellerby", "Fairweather", "Garside", "Hollins", "Ingleby", "Jessop",
	"Kirkby", "Lindley", "Merriman", "Nettleship", "Oldershaw", "Pennington", "Quarmby", "Radford", "Stocks", "Tindall",
	"Underwood", "Vickers", "Wainwright", "Yardley", "Bains", "Chowdhury", "Dhillon", "Hussain", "Nowak", "Osei",
	"Begum", "Grant", "O'Malley", "St John", "Bramley", "Cutts", "Duckmanton", "Eyre", "Flint", "Gadsby"}

// accented families live where the hospital can write them.
var accented = []string{"Müller", "Ó Dálaigh", "Łukaszewicz", "Fernández"}

// inward are letters that no postcode ends with, so that no invented one is real.
const inward = "CIKMOV"

const (
	everybody = 260
	holds     = 200 // of whom the council holds something
)

// population makes everybody, the cast first. It depends on today only in dates
// that lie some days back.
func population(seed uint64, today nhs.Date) []Person {
	r := Config{Seed: seed}.random(streamPeople)
	var all []Person
	held := 0
	for _, c := range Cast(today) {
		all = append(all, c.Person)
		if c.Person.Held != nil {
			held++
		}
	}
	last := nhs.Test(200_000)
	for n := len(all) + 1; n <= everybody; n++ {
		p := someone(r, n)
		for i := 200_000 + 4*n; ; i++ { // where no check digit fits, Test goes on to the next number
			if p.NHS = nhs.Test(i); p.NHS != last {
				last = p.NHS
				break
			}
		}
		if p.Lives == Nottinghamshire && held < holds {
			p.Held = someHeld(r, p, today)
			held++
		}
		all = append(all, p)
	}
	return all
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func someone(r *rand.Rand, n int) Person {
	at := pick(r, places)
	p := Person{N: n, Sex: "Female", Given: pick(r, women), Title: pick(r, []string{"Mrs", "Mrs", "Miss", "Ms"}),
		Family: pick(r, families), Lives: at.council, Home: at.trust, Born: nhs.Date{Year: 1930 + r.IntN(34), Month: 1, Day: 1}}
	p.Born = nhs.DateOf(p.Born.Time().AddDate(0, 0, r.IntN(364)))
	if r.IntN(5) < 2 {
		p.Sex, p.Given, p.Title = "Male", pick(r, men), "Mr"
	}
	if p.Home == Bassetlaw && r.IntN(6) == 0 {
		p.Family = pick(r, accented)
	}
	p.house(1+r.IntN(120), pick(r, streets), at, fmt.Sprintf("%d%c%c", r.IntN(10), inward[r.IntN(6)], inward[r.IntN(6)]))
	p.Phone = fmt.Sprintf("01632 960 %03d", 100+n%300)
	p.Kin, p.KinIs = p.Family+"^"+pick(r, slices.Concat(women, men)), pick(r, []string{"Daughter", "Son", "Niece", "Friend"})
	p.KinPhone = fmt.Sprintf("01632 960 %03d", 600+n%300)
	return p
}

// house gives the address. The property number is invented.
func (p *Person) house(number int, street string, at place, inward string) {
	p.Address = []string{fmt.Sprintf("%d %s", number, street), at.town}
	p.Postcode = at.district + " " + inward
	p.UPRN = fmt.Sprintf("9990001%05d", p.N)
	p.Lives = at.council
	p.GP, p.GPName = fmt.Sprintf("Y990%02d", slices.Index(places, at)), at.town+" Invented Surgery"
}

// someHeld invents what the council holds.
func someHeld(r *rand.Rand, p Person, today nhs.Date) *Held {
	team := pick(r, Teams())
	h := &Held{ID: councilID(p.N), Team: team.ID, Worker: pick(r, team.workers), Safeguarding: "no"}
	for range 1 + r.IntN(3) {
		h.Packages = append(h.Packages, somePackage(r, fmt.Sprintf("K%05d-%d", p.N, len(h.Packages)+1), today))
	}
	if r.IntN(3) == 0 {
		h.Equipment = append(h.Equipment, Equipment{ID: fmt.Sprintf("D%05d", p.N), Title: pick(r, []string{"Hospital bed", "Commode", "Key safe",
			"Grab rails", "Raised toilet seat"}), Status: "delivered", Delivered: daysBefore(today, 20+r.IntN(400))})
	}
	switch n := r.IntN(40); {
	case n == 0:
		h.Safeguarding, h.Opened = "yes", daysBefore(today, 3+r.IntN(30))
	case n < 4:
		h.Safeguarding, h.Opened, h.Ended = "ended", daysBefore(today, 300+r.IntN(90)), daysBefore(today, 100+r.IntN(90))
	case n < 7:
		h.Safeguarding = "" // the council says nothing about this person
	}
	h.Restricted = r.IntN(60) == 0
	h.ExDirectory = r.IntN(15) == 0
	return h
}

// offer is a kind of care with the providers that give it.
type offer struct {
	kind, title, funding string
	providers            []string
}

var offers = []offer{
	{"HS", "Home care, 4 calls a day", "Council", []string{"P001", "P003", "P004", "P005"}},
	{"HS", "Home care, 2 calls a day", "Council", []string{"P001", "P003", "P004", "P005"}},
	{"R", "Reablement at home", "Joint", []string{"P006"}},
	{"EQ", "Personal alarm and falls sensor", "Council", []string{"P002"}},
	{"M", "Hot meals, 7 days", "Council", []string{"P007"}},
	{"DS", "Day centre, 2 days a week", "Council", []string{"P008"}},
	{"LTRC", "Residential care", "Council", []string{"P009", "P010"}},
	{"DP", "Direct payment for a personal assistant", "Council", []string{""}},
}

func somePackage(r *rand.Rand, id string, today nhs.Date) Package {
	o := pick(r, offers)
	k := Package{ID: id, Kind: o.kind, Title: o.title, Status: "active", Start: daysBefore(today, 30+r.IntN(900)), Provider: pick(r, o.providers), Funding: o.funding}
	switch r.IntN(10) {
	case 0:
		k.Status = "onhold"
	case 1:
		k.Status, k.End = "finished", daysBefore(today, r.IntN(30))
	case 2:
		k.Status, k.Start = "planned", daysBefore(today, -3-r.IntN(10))
	}
	return k
}

func daysBefore(d nhs.Date, n int) nhs.Date { return nhs.DateOf(d.Time().AddDate(0, 0, -n)) }

func councilID(n int) string { return fmt.Sprintf("5%06d", n) }
