package extract

// Table names a table of the extract.
type Table string

// The tables. Addresses and Phones are joined to people by the person id, for
// systems that keep them apart.
const (
	People       Table = "people"
	Packages     Table = "packages"
	Providers    Table = "providers"
	Teams        Table = "teams"
	Safeguarding Table = "safeguarding"
	Equipment    Table = "equipment"
	Addresses    Table = "addresses"
	Phones       Table = "phones"
)

// Tables lists every table in the order in which they are read: the ones that
// others refer to come first.
func Tables() []Table {
	return []Table{Providers, Teams, People, Packages, Equipment, Safeguarding, Addresses, Phones}
}

// Columns of people.
const (
	pID = iota
	pNHS
	pTitle
	pGiven
	pFamily
	pPreferred
	pBorn
	pSex
	pAddress1
	pAddress2
	pAddress3
	pAddress4
	pPostcode
	pUPRN
	pPhone
	pPhoneType
	pDied
	pRestricted
	pTeam
	pWorker
	pLanguage
)

// Columns of packages.
const (
	kID = iota
	kPerson
	kKind
	kTitle
	kStatus
	kStart
	kEnd
	kProvider
	kFunding
)

// Columns of providers.
const (
	vID = iota
	vName
	vPhone
	vOutOfHours
	vHours
	vEmail
	vCQC
	vVerified
)

// Columns of teams.
const (
	tID = iota
	tName
	tPhone
	tOutOfHours
)

// Columns of safeguarding.
const (
	sPerson = iota
	sOpen
	sOpened
	sEnded
)

// Columns of equipment.
const (
	eID = iota
	ePerson
	eTitle
	eStatus
	eDelivered
)

// Columns of addresses.
const (
	aPerson = iota
	aLine1
	aLine2
	aLine3
	aLine4
	aPostcode
	aUPRN
	aStart
)

// Columns of phones.
const (
	nPerson = iota
	nPhone
	nType
)

// columns names each table's columns: the documented format, docs/extract.md.
var columns = map[Table][]string{
	People: {pID: "person_id", pNHS: "nhs_number", pTitle: "title", pGiven: "given", pFamily: "family",
		pPreferred: "preferred", pBorn: "born", pSex: "sex", pAddress1: "address1", pAddress2: "address2",
		pAddress3: "address3", pAddress4: "address4", pPostcode: "postcode", pUPRN: "uprn", pPhone: "phone",
		pPhoneType: "phone_type", pDied: "died", pRestricted: "restricted", pTeam: "team_id",
		pWorker: "worker", pLanguage: "language"},
	Packages: {kID: "package_id", kPerson: "person_id", kKind: "kind", kTitle: "title", kStatus: "status",
		kStart: "start", kEnd: "end", kProvider: "provider_id", kFunding: "funding"},
	Providers: {vID: "provider_id", vName: "name", vPhone: "phone", vOutOfHours: "out_of_hours_phone",
		vHours: "out_of_hours_hours", vEmail: "email", vCQC: "cqc_location_id", vVerified: "verified"},
	Teams:        {tID: "team_id", tName: "name", tPhone: "phone", tOutOfHours: "out_of_hours_phone"},
	Safeguarding: {sPerson: "person_id", sOpen: "open", sOpened: "opened", sEnded: "ended"},
	Equipment:    {eID: "delivery_id", ePerson: "person_id", eTitle: "title", eStatus: "status", eDelivered: "delivered"},
	Addresses: {aPerson: "person_id", aLine1: "address1", aLine2: "address2", aLine3: "address3",
		aLine4: "address4", aPostcode: "postcode", aUPRN: "uprn", aStart: "start"},
	Phones: {nPerson: "person_id", nPhone: "phone", nType: "phone_type"},
}

// needed lists the columns without which a table cannot be read.
var needed = map[Table][]int{
	People:       {pID, pNHS, pFamily, pBorn, pRestricted},
	Packages:     {kID, kPerson, kStatus},
	Providers:    {vID, vName},
	Teams:        {tID, tName},
	Safeguarding: {sPerson},
	Equipment:    {eID, ePerson, eTitle, eStatus},
	Addresses:    {aPerson},
	Phones:       {nPerson, nPhone, nType},
}

// personColumn is where a table says whose the row is; tables that are not
// about people are absent.
var personColumn = map[Table]int{
	People: pID, Packages: kPerson, Safeguarding: sPerson, Equipment: ePerson, Addresses: aPerson, Phones: nPerson,
}

// kinds turns a service type in words into its code. The codes are those of
// Interweave-SocialCareServiceType; the words are its displays and the service
// components of Client Level Data release 2.
var kinds = map[string]string{
	"r": "R", "reablement": "R",
	"stnc": "STNC", "short term nursing care": "STNC",
	"strc": "STRC", "short term residential care": "STRC",
	"ltnc": "LTNC", "long term nursing care": "LTNC",
	"ltrc": "LTRC", "long term residential care": "LTRC",
	"hs": "HS", "home support": "HS", "home support or domiciliary care": "HS", "home care": "HS", "domiciliary care": "HS",
	"ds": "DS", "day support": "DS",
	"m": "M", "meals": "M",
	"tran": "TRAN", "transport": "TRAN",
	"eq": "EQ", "equipment": "EQ",
	"dp": "DP", "direct payment": "DP",
	"sl": "SL", "shared lives": "SL",
	"csl": "CSL", "community supported living": "CSL",
	"ps": "PS", "professional support": "PS", "professional support: other": "PS",
	"ps-sw": "PS-SW", "professional support- social worker": "PS-SW", "professional support: social worker": "PS-SW",
	"lees": "LEES", "learning/education/employment support": "LEES", "learning, education or employment support": "LEES",
	"eol": "EOL", "end of life care": "EOL",
	"es": "ES", "emergency support": "ES",
	"osts": "OSTS", "other short term support": "OSTS",
	"olts": "OLTS", "other long term support": "OLTS", "extra care housing": "OLTS",
	"c-r": "C-R", "carer respite": "C-R", "unpaid carer respite": "C-R",
	"c-ss": "C-SS", "carer sitting service": "C-SS", "unpaid carer sitting service": "C-SS",
	"c-us": "C-US", "carer universal services": "C-US", "unpaid carer universal services": "C-US",
	"c-oth": "C-OTH", "other carer support": "C-OTH", "other unpaid carer support": "C-OTH",
	"dnh-sl": "DNH-SL", "dnh-il": "DNH-IL", "oth": "OTH", "other": "OTH",
}

// statuses turns a word for the state of a package into Interweave's
// EpisodeOfCare status.
var statuses = map[string]string{
	"planned": "planned", "proposed": "planned", "approved": "planned", "awaiting start": "planned",
	"active": "active", "current": "active", "open": "active", "started": "active", "in place": "active",
	"onhold": "onhold", "on hold": "onhold", "on-hold": "onhold", "suspended": "onhold", "paused": "onhold",
	"finished": "finished", "ended": "finished", "closed": "finished", "complete": "finished",
	"completed": "finished", "stopped": "finished", "cancelled": "finished",
}

// deliveries turns a word for the state of a delivery into ours.
var deliveries = map[string]string{
	"ordered": "ordered", "requested": "ordered", "on order": "ordered",
	"delivered": "delivered", "issued": "delivered", "fitted": "delivered", "installed": "delivered",
	"collected": "collected", "returned": "collected", "removed": "collected",
}

// sexes turns a code or word into the word that care.Person holds. NHS Data
// Dictionary, PERSON STATED GENDER CODE.
var sexes = map[string]string{
	"0": "Not known", "1": "Male", "2": "Female", "9": "Not specified", "x": "Not known",
	"m": "Male", "f": "Female", "i": "Not specified", "u": "Not known",
	"male": "Male", "female": "Female", "not specified": "Not specified", "indeterminate": "Not specified",
	"not known": "Not known", "unknown": "Not known",
}

// answers turns yes and no, as systems write them, into a value.
var answers = map[string]bool{
	"y": true, "yes": true, "true": true, "1": true, "t": true,
	"n": false, "no": false, "false": false, "0": false, "f": false,
}

// phoneRanks orders the types of a person's number: the lowest is shown. A type
// that is not here, or is hidden, is never shown.
var phoneRanks = map[string]uint8{
	"primary": 1, "home": 2, "mobile": 3, "mobile-secondary": 4, "work": 5,
	"fax": hidden, "pager": hidden, "ex-directory": secret,
}

// The ranks of numbers that are not for the screen. hidden is of no use there;
// secret must not be disclosed, under any other type either.
const (
	hidden uint8 = 254
	secret uint8 = 255
)
