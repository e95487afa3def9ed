package returns

import "homeward/care"

var (
	hospitals = []care.OrgKind{care.Trust}
	councils  = []care.OrgKind{care.Council}

	// sitrepColumns are those of the publication's file.
	sitrepColumns = []string{"Period", "Level", "Region", "ICB", "Org Code", "Org Name", "Metric", "Metric Type", "Metric Group", "Value"}

	namesOurs = Part{"Names of metrics", "The columns are those of the publication. What stands in Metric, Metric Type and Metric Group is ours, but for reasons and destinations: the published names could not be established."}
	placeless = Part{"Region and ICB", "Homeward does not hold which region and integrated care board a hospital belongs to. The columns are empty."}
	snapshot  = Part{"Time of the snapshot", "People are counted at one time of each day, of the morning board round. The time is in a list that can be replaced, and ours."}
	times     = Part{"When it is due", "The day is from a list that can be replaced, and ours: confirm it with whoever collects the return."}
)

// list is the returns; Columns of Client Level Data, and times, are laid over it by List.
var list = []Return{
	{ID: Acute, Title: "Acute daily discharge situation report", For: hospitals, Columns: sitrepColumns, Cite: "Acute discharge sitrep",
		Definition: "For each day: people in a bed who did not meet the criteria to reside at the snapshot; of those, who was discharged that day and who remained, by pathway and by nights in hospital (7, 14 and 21 or more); why those who remained with 7 nights or more did; and where everybody went who was discharged. Numbers are of people, and not suppressed.",
		Known: []Part{namesOurs, placeless, snapshot, times,
			{"Destinations", "The 12 labels are those of 2022-23, verbatim. Which label a discharge destination code and a pathway have is ours. Hotel, designated settings and the community rehabilitation setting have no code that tells them: nobody is counted there."},
			{"Pathway", "It is that of the referral of the stay. Who left without a referral has none recorded, and is counted as not known, not as pathway 0."}}},
	{ID: Community, Title: "Community discharge situation report", For: hospitals, Columns: sitrepColumns, Cite: "Acute discharge sitrep",
		Definition: "For each day: people who did not meet the criteria to reside at the snapshot; of those, who was discharged before 17:00, who from 17:00 on, and who remained; and of those who remained with 14 and 21 nights or more, the additional days since they did not meet the criteria.",
		Known: []Part{namesOurs, placeless, snapshot, times,
			{"Whose return it is", "It is for community trusts. Homeward does not know which beds are community beds: it counts every stay in a bed of this hospital."},
			{"What is missing", "The published list of reasons and destinations of the community report could not be established: it is made without them. Beds open and occupied are not known to Homeward."}}},
	{ID: CLD, Title: "Client Level Data", For: councils, Personal: true, Cite: "CLD R2",
		Definition: "Release 2. Requests (referrals from hospital, once the council decided about them), assessments (once approved) and services (also those that go on) of the council in the period. The rows have NHS numbers: they are for the council itself.",
		Known: []Part{times,
			{"What stands in it", "Only what Homeward holds: requests that come from a hospital, assessments written here, care that was arranged here or told by the council’s system. Reviews and carers’ rows are not made: Homeward holds no reviews, and a carer’s conversation is about somebody who has no record of their own."},
			{"Lists of values", "Types of event, client, service and outcome, and components, are of release 2. Route of access, delivery mechanism and other lists are of release 1: those of release 2 could not be established. Method of assessment, gender and eligible needs are given in our words: no list is known."},
			{"Dates", "Dates are written as year-month-day: the form that is asked for could not be established."},
			{"Code of the council", "It is the code in the configuration of this service. Check that it is the one that the collection uses."},
			{"Kinds of care", "Which type and component a kind of care has is a list of ours. Home care counts as long-term support in the community."},
			{"Outcome of a request", "The first in the order of the national list that is true by now: reablement arranged, assessment begun or written, care arranged."}}},
	{ID: ASCOF, Title: "ASCOF 2D: reablement after hospital", For: councils, Personal: true, Cite: "ASCOF 2D",
		Definition: "Each start of short-term support to maximise independence (ST-Max: reablement) in the period, and the hospital discharge that it is linked to: from 7 days before to 3 days after the start. For those linked, what happened within 84 days of the discharge.",
		Columns:    []string{"Event_Reference", "LA_Person_Unique_Identifier", "ST-Max start", "Age at start", "Linked", "Why not", "Discharge", "Days from discharge to start", "Window ends", "Outcome", "Outcome date"},
		Known: []Part{times,
			{"The published measure", "Only the rule that links and the window of 84 days could be established. Whom the published figure leaves out could not: compare, and do not publish it as ASCOF 2D."},
			{"Moves to a care home", "Only those that this council arranged or told of are known."},
			{"People who are not told of", "Of people who object to sharing, or whose whereabouts are suppressed, no hospital stay is used: they stand here as not linked."},
			{"Age", "The measure is about people of 65 and over. Everybody is listed, with their age, and 65 and over is counted beside."}}},
	{ID: BCF, Title: "Better Care Fund metrics", For: []care.OrgKind{care.Trust, care.Council}, Columns: []string{"Period", "Org Code", "Metric", "Group", "Value", "Of"}, Cite: "Better Care Fund 2025",
		Definition: "The average delay of discharge: the share discharged on the discharge-ready date, the average days of the others, and the average of all, which is one minus that share, times the average of the others. Beside it, as counts, emergency admissions of people of 65 and over (hospitals), and admissions to long-term care homes of people of 65 and over (councils).",
		Known: []Part{times,
			{"Rates", "The fund’s other two metrics are rates per 100,000 people. Homeward holds no population: they are given as counts."},
			{"Definitions", "The fund’s own definitions of 2025-26 could not be read. The average delay follows the discharge-ready date guidance; which hospital or council a person counts for is ours: the hospital that they left, and the council that they were referred to."},
			{"Councils", "People who left without a referral belong to no council here: a council’s average is of those who were referred to it."}}},
}
