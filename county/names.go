package county

// Invented names. None is meant to be anybody's.
var (
	families  = []string{"Ashdown", "Birchall", "Copley", "Dunmore", "Eastham", "Farrow", "Garside", "Holloway", "Inskip", "Jessop", "Kirkby", "Lowther", "Marsden", "Netherton", "Oldroyd", "Pemberton", "Quarmby", "Radley", "Sowerby", "Thackray", "Underhill", "Varley", "Wardle", "Yardley"}
	givens    = []string{"Ada", "Arthur", "Beryl", "Cyril", "Doris", "Edwin", "Freda", "Gordon", "Hilda", "Ivor", "Joan", "Kenneth", "Lilian", "Maurice", "Nora", "Oscar", "Phyllis", "Ronald", "Sheila", "Thomas", "Una", "Victor", "Winifred"}
	sexes     = []string{"Female", "Male"}
	streets   = []string{"Mill Lane", "Station Road", "Church Street", "The Green", "Park View", "High Street"}
	relations = []string{"Daughter", "Son", "Neighbour", "Wife", "Husband"}

	providerNames = []string{"Bluebell Care", "Oakfield Homecare", "Larkrise Support", "Willow House", "Hartside Care", "Meadowbank", "Fernlea Homecare", "Three Spires Care"}
)

// Codes as hospitals tell them (UK Core AdmissionMethodEngland, DischargeMethodEngland,
// DischargeDestinationEngland; NHS Data Dictionary, treatment function).
var (
	methods     = []weighed[string]{{50, "21"}, {8, "22"}, {3, "23"}, {3, "24"}, {2, "2A"}, {2, "2D"}, {2, "28"}, {1, "25"}, {1, "2C"}, {10, "11"}, {10, "12"}, {4, "13"}, {2, "31"}, {1, "32"}, {1, "99"}, {2, ""}}
	specialties = []weighed[string]{{30, "300"}, {25, "430"}, {12, "100"}, {12, "110"}, {4, "320"}, {3, "370"}, {3, "800"}, {4, "501"}, {1, "560"}, {6, ""}}
	pathways    = []weighed[string]{{40, "1"}, {14, "2"}, {6, "3"}, {6, "0"}, {3, ""}}
	homes       = map[string]string{"": "19", "0": "19", "1": "19", "2": "54", "3": "85"}
	hospitals   = []string{"51", "51", "51", "53", "87"}
	kinds       = []string{"HS", "R", "STRC"}
	reasons     = []string{"capacity", "contact", "therapy", "not-ready"}
)
