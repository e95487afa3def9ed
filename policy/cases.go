package policy

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Result is one sentence of the case file, and whether the rules agree with it.
type Result struct {
	Line     int // from 1
	Text     string
	Request  Request
	Want     bool     // MAY
	Rules    []string // that must be among those that decided; nil when the sentence names none
	NoRule   bool     // the sentence says that no rule decides
	Decision Decision
	Pass     bool
	Problem  string // one sentence; "" when Pass
}

// RunCases reads sentences and asks the rules about each. The grammar stands at
// the top of policies/cases.txt. A sentence that the rules disagree with is a
// Result that did not pass; a sentence that cannot be read is an error that
// names its line.
func RunCases(set *Set, r io.Reader) ([]Result, error) {
	var out []Result
	kinds := map[string]OrgKind{}
	seen := map[string]int{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		text = strings.Join(words, " ")
		if first := seen[text]; first != 0 {
			return nil, fmt.Errorf("line %d: the same sentence stands on line %d", n, first)
		}
		seen[text] = n
		if isDeclaration(words) {
			if err := declare(kinds, words); err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			continue
		}
		res, err := readSentence(kinds, words)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		for _, id := range res.Rules {
			if set.line(id) == "" {
				return nil, fmt.Errorf("line %d: there is no rule %q", n, id)
			}
		}
		res.Line, res.Text = n, text
		res.judge(set.Decide(res.Request))
		out = append(out, res)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the cases: %w", err)
	}
	return out, nil
}

// judge compares a decision with what the sentence says.
func (r *Result) judge(d Decision) {
	r.Decision = d
	switch {
	case len(d.Errors) > 0:
		r.Problem = "The question is not a good one: " + strings.Join(d.Errors, "; ") + "."
	case d.Allow != r.Want && d.Allow:
		r.Problem = "The rules allow it: " + d.Why
	case d.Allow != r.Want:
		r.Problem = "The rules refuse it: " + d.Why
	case r.NoRule && len(d.Policies) > 0:
		r.Problem = "Decided by " + strings.Join(d.Policies, ", ") + ", and not by the lack of a rule."
	default:
		for _, id := range r.Rules {
			if !slices.Contains(d.Policies, id) {
				r.Problem = fmt.Sprintf("Not decided by %s, but by [%s].", id, strings.Join(d.Policies, ", "))
			}
		}
	}
	r.Pass = r.Problem == ""
}

// isDeclaration tells "RK5 is a trust" from a sentence.
func isDeclaration(words []string) bool { return len(words) > 1 && words[1] == "is" }

func declare(kinds map[string]OrgKind, words []string) error {
	if len(words) != 4 || words[2] != "a" {
		return fmt.Errorf("write \"RK5 is a trust\" or \"511 is a council\"")
	}
	kind := OrgKind(words[3])
	if kind != Trust && kind != Council && kind != Provider {
		return fmt.Errorf("%q is not a kind of organisation here; write trust, council or provider", words[3])
	}
	if _, twice := kinds[words[0]]; twice {
		return fmt.Errorf("%s is said twice to be something", words[0])
	}
	kinds[words[0]] = kind
	return nil
}

// A sentence is read from left to right, always taking the longest phrase that fits.
type sentence struct {
	kinds map[string]OrgKind
	done  []string
	rest  []string
	res   Result

	agreed []Section // what others share with the actor's organisation
	said   bool      // the sentence says what is agreed
}

func readSentence(kinds map[string]OrgKind, words []string) (Result, error) {
	s := &sentence{kinds: kinds, rest: words}
	for _, step := range []func() error{s.who, s.may, s.deed, s.details, s.verdict} {
		if err := step(); err != nil {
			return Result{}, err
		}
	}
	ctx := &s.res.Request.Context
	if ctx.ReasonGiven && ctx.Purpose == "" {
		ctx.Purpose = DirectCare
	}
	if ctx.Relationship == "" {
		ctx.Relationship = Relate(s.res.Request.Actor, s.res.Request.Case, ctx.Purpose != "" || ctx.ReasonGiven)
	}
	if !s.said {
		s.agreed = Sections()
	}
	ctx.Open = slices.Concat(Own(s.res.Request.Actor, s.res.Request.Case), s.agreed)
	return s.res, nil
}

// take removes the longest key of phrases that the rest begins with.
func take[T any](s *sentence, phrases map[string]T) (T, bool) {
	for n := min(len(s.rest), 6); n > 0; n-- {
		if v, ok := phrases[strings.Join(s.rest[:n], " ")]; ok {
			s.done, s.rest = append(s.done, s.rest[:n]...), s.rest[n:]
			return v, true
		}
	}
	var zero T
	return zero, false
}

// lost is the error for a word that fits nowhere.
func (s *sentence) lost(wanted string) error {
	if len(s.rest) == 0 {
		return fmt.Errorf("the sentence ends after %q, where %s is wanted", strings.Join(s.done, " "), wanted)
	}
	return fmt.Errorf("%q after %q is not understood, where %s is wanted", s.rest[0], strings.Join(s.done, " "), wanted)
}

// org takes one ODS code that was declared, of one of the kinds.
func (s *sentence) org(kinds ...OrgKind) (string, error) {
	if len(s.rest) == 0 {
		return "", s.lost("an organisation")
	}
	code := s.rest[0]
	got, ok := s.kinds[code]
	if !ok {
		return "", fmt.Errorf("organisation %q is not declared above", code)
	}
	if !slices.Contains(kinds, got) {
		return "", fmt.Errorf("%s is a %s; a %s is wanted after %q", code, got, kinds[0], strings.Join(s.done, " "))
	}
	s.done, s.rest = append(s.done, code), s.rest[1:]
	return code, nil
}

// who reads "A&E nurse of RK5".
func (s *sentence) who() error {
	titles := map[string]roleWords{}
	for _, w := range roles {
		titles[w.title] = w
	}
	w, ok := take(s, titles)
	if !ok {
		return s.lost("a role")
	}
	a := &s.res.Request.Actor
	*a = Actor{ID: "someone", Org: "homeward", OrgKind: w.kind, Role: w.role}
	if w.kind == System {
		return nil
	}
	if _, ok := take(s, map[string]bool{"of": true}); !ok {
		return s.lost(`"of" and an organisation`)
	}
	code, err := s.org(Trust, Council, Provider) // a role in the wrong kind of organisation is a sentence worth writing
	if err != nil {
		return err
	}
	a.Org, a.OrgKind = code, s.kinds[code]
	return nil
}

func (s *sentence) may() error {
	want, ok := take(s, map[string]bool{"MAY": true, "MAY NOT": false})
	if !ok {
		return s.lost("MAY or MAY NOT")
	}
	s.res.Want = want
	return nil
}

// A deed is an action in the words of the case file.
type deed struct {
	action   Action
	person   bool // a person follows
	audience Audience
}

var deeds = map[string]deed{
	"look people up":              {action: Lookup},
	"look up":                     {Lookup, true, ""},
	"see demographics of":         {SeeDemographics, true, ""},
	"see packages of":             {SeePackages, true, ""},
	"see the provider of":         {SeeProvider, true, ""},
	"see package detail of":       {SeePackageDetail, true, ""},
	"see the safeguarding of":     {SeeSafeguarding, true, ""},
	"see whereabouts of":          {SeeWhereabouts, true, ""},
	"see the referral of":         {SeeReferral, true, ""},
	"see notes about":             {SeeNotes, true, ForBoth},
	"see council notes about":     {SeeNotes, true, ForCouncil},
	"see hospital notes about":    {SeeNotes, true, ForHospital},
	"see finance of":              {SeeFinance, true, ""},
	"see the timeline of":         {SeeTimeline, true, ""},
	"refer":                       {Refer, true, ""},
	"withdraw the referral of":    {Withdraw, true, ""},
	"accept the referral of":      {Accept, true, ""},
	"return the referral of":      {Return, true, ""},
	"allocate the referral of":    {Allocate, true, ""},
	"progress the referral of":    {Progress, true, ""},
	"close the referral of":       {CloseReferral, true, ""},
	"write a note about":          {AddNote, true, ForBoth},
	"write a council note about":  {AddNote, true, ForCouncil},
	"write a hospital note about": {AddNote, true, ForHospital},
	"record a call about":         {RecordCall, true, ""},
	"list the tracker":            {action: ListTracker},
	"list a ward":                 {action: ListWard},
	"list the worklist":           {action: ListWorklist},
	"watch the wall":              {action: Wall},
	"see operations":              {action: SeeOperations},
	"explain a message":           {action: Explain},
	"replay a message":            {action: Replay},
	"open a raw message":          {action: SeeRawMessage},
	"open a raw message about":    {SeeRawMessage, true, ""},
	"see imports":                 {action: SeeImports},
	"run an import":               {action: RunImport},
	"release an import":           {action: ReleaseImport},
	"see the audit":               {action: SeeAudit},
	"see the audit of":            {SeeAudit, true, ""},
	"settle identities":           {action: Steward},
	"settle the identity of":      {Steward, true, ""},
	"manage users":                {action: ManageUsers},
	"see assessments of":          {SeeAssessments, true, ""},
	"see risks of":                {SeeRisk, true, ""},
	"record an objection of":      {RecordObjection, true, ""},
	"break the glass":             {action: BreakGlass},
	"break the glass of":          {BreakGlass, true, ""},
	"see alerts":                  {action: SeeAlerts},
	"close an alert":              {action: CloseAlert},
	"see agreements":              {action: SeeAgreements},
	"manage agreements":           {action: ManageAgreements},
	"report who looked at":        {ReportAccess, true, ""},
	"export the audit":            {action: ExportAudit},
	"review retention":            {action: ReviewRetention},
	"manage organisations":        {action: ManageOrgs},
	"bring a person in context":   {action: LaunchContext},
	"say what happened":           {action: SendCase},
	"say what happened to":        {SendCase, true, ""},
	"hand in papers of":           {SharePaper, true, ""},
	"receive the referral of":     {Receive, true, ""},

	"hold the referral of":              {Hold, true, ""},
	"transfer the referral of":          {Transfer, true, ""},
	"say how ready":                     {SayReady, true, ""},
	"write an assessment of":            {WriteAssessment, true, ""},
	"approve an assessment of":          {ApproveAssessment, true, ""},
	"sign an assessment of":             {SignAssessment, true, ""},
	"see tasks about":                   {SeeTasks, true, ForBoth},
	"see council tasks about":           {SeeTasks, true, ForCouncil},
	"see hospital tasks about":          {SeeTasks, true, ForHospital},
	"set a task about":                  {SetTask, true, ForBoth},
	"set a council task about":          {SetTask, true, ForCouncil},
	"set a hospital task about":         {SetTask, true, ForHospital},
	"nudge about":                       {Nudge, true, ""},
	"tell the provider of":              {TellProvider, true, ""},
	"see its client":                    {SeeClient, true, ""},
	"answer about":                      {AnswerClient, true, ""},
	"record the outcome of":             {RecordOutcome, true, ""},
	"see the outcome of":                {SeeOutcome, true, ""},
	"decide in the huddle about":        {DecideHuddle, true, ""},
	"raise a concern about":             {RaiseConcern, true, ""},
	"see a concern about":               {SeeConcern, true, ""},
	"arrange care of":                   {Arrange, true, ""},
	"see arranging of":                  {SeeArranging, true, ""},
	"see money of":                      {SeeMoney, true, ""},
	"set money of":                      {SetMoney, true, ""},
	"approve money of":                  {ApproveMoney, true, ""},
	"list the huddle":                   {action: ListHuddle},
	"manage a team":                     {action: ManageTeam},
	"manage what a referral must hold":  {action: ManageGate},
	"see what a referral must hold":     {action: SeeGate},
	"manage the directory":              {action: ManageDirectory},
	"see the directory":                 {action: SeeDirectory},
	"see what providers can take on":    {action: SeeCapacity},
	"report what providers can take on": {action: ReportCapacity},
	"list its clients":                  {action: ListClients},
	"list assessments":                  {action: ListAssessments},
	"see figures":                       {action: SeeFigures},
	"list whom a figure counts":         {action: DrillFigures},
	"take figures away":                 {action: ExportFigures},
	"manage figures":                    {action: ManageFigures},
	"make returns":                      {action: MakeReturns},
	"see the quality of data":           {action: SeeQuality},
	"extract rows":                      {action: ExtractFigures},
	"extract named rows":                {action: ExtractNamed},
	"correct the clock of":              {CorrectClock, true, ""},
	"record the look-up of":             {RecordLookResult, true, ""},
}

func (s *sentence) deed() error {
	d, ok := take(s, deeds)
	if !ok {
		return s.lost("something to see or do")
	}
	s.res.Request.Action, s.res.Request.Context.Audience = d.action, d.audience
	if !d.person {
		return nil
	}
	whom, ok := take(s, map[string]Case{
		"an adult":                {Adult: true, AgeKnown: true},
		"a child":                 {AgeKnown: true},
		"a person of unknown age": {},
	})
	if !ok {
		return s.lost(`"an adult", "a child" or "a person of unknown age"`)
	}
	whom.ID = "case"
	s.res.Request.Case = &whom
	return nil
}

// details reads what is known of the person, and the circumstances, in any
// order; "and" may stand between two of them.
func (s *sentence) details() error {
	used := map[string]bool{}
	for len(s.rest) > 0 && !strings.HasPrefix(s.rest[0], "(") {
		if len(used) > 0 {
			take(s, map[string]bool{"and": true})
		}
		said, err := s.fact()
		if err != nil {
			return err
		}
		if said == "" {
			said = s.circumstance()
		}
		if said == "" {
			if said, err = s.agreement(); err != nil {
				return err
			}
		}
		if said == "" {
			return s.lost("a fact or a circumstance")
		}
		if used[said] {
			return fmt.Errorf("after %q: the same sort of thing is said twice", strings.Join(s.done, " "))
		}
		used[said] = true
	}
	return nil
}

// A fact puts something that is known about the person into the case.
type fact struct {
	of  []OrgKind // what the organisation that follows may be; none when none follows
	put func(c *Case, org string)
}

var facts = map[string]fact{
	"in":                       {[]OrgKind{Trust}, func(c *Case, org string) { c.Hospitals = append(c.Hospitals, org) }},
	"known to":                 {[]OrgKind{Council}, func(c *Case, org string) { c.Councils = append(c.Councils, org) }},
	"referred to":              {[]OrgKind{Council}, func(c *Case, org string) { c.ReferredTo = append(c.ReferredTo, org) }},
	"referred by":              {[]OrgKind{Trust}, func(c *Case, org string) { c.ReferredBy = append(c.ReferredBy, org) }},
	"numbered by":              {[]OrgKind{Trust, Council}, func(c *Case, org string) { c.NumberedBy = append(c.NumberedBy, org) }},
	"who is restricted":        {nil, func(c *Case, _ string) { c.Restricted = true }},
	"whom a council restricts": {nil, func(c *Case, _ string) { c.CouncilRestricted = true }},
	"whose record is frozen":   {nil, func(c *Case, _ string) { c.Frozen = true }},
	"who has died":             {nil, func(c *Case, _ string) { c.Died = true }},
	"who is allocated to them": {nil, func(c *Case, _ string) { c.Allocated = []string{"someone"} }},
	"who objected":             {nil, func(c *Case, _ string) { c.Objected = true }},
	"in an emergency":          {nil, func(c *Case, _ string) { c.Glass = []string{"someone"} }},
	"client of":                {[]OrgKind{Provider}, func(c *Case, org string) { c.ClientOf = append(c.ClientOf, org) }},
	"with a concern raised to": {[]OrgKind{Council}, func(c *Case, org string) { c.ConcernTo = append(c.ConcernTo, org) }},
}

// fact gives what it read, "" when it read nothing.
func (s *sentence) fact() (string, error) {
	c, before := s.res.Request.Case, len(s.done)
	if c == nil {
		return "", nil
	}
	f, ok := take(s, facts)
	if !ok {
		return "", nil
	}
	var org string
	if len(f.of) > 0 {
		var err error
		if org, err = s.org(f.of...); err != nil {
			return "", err
		}
	}
	f.put(c, org)
	return strings.Join(s.done[before:], " "), nil
}

// A circumstance changes the context; of one sort only one may be said.
type circumstance struct {
	sort string
	set  func(*Context)
}

var circumstances = map[string]circumstance{
	"with a reason":          {"reason", func(c *Context) { c.ReasonGiven = true }},
	"without a reason":       {"reason", func(*Context) {}},
	"for direct care":        {"purpose", func(c *Context) { c.Purpose = DirectCare }},
	"for discharge planning": {"purpose", func(c *Context) { c.Purpose = DischargePlanning }},
	"for another purpose":    {"purpose", func(c *Context) { c.Purpose = OtherPurpose }},
	"for operations":         {"purpose", func(c *Context) { c.Purpose = Operations }},
	"for governance":         {"purpose", func(c *Context) { c.Purpose = Governance }},
	"declaring an interest":  {"relationship", func(c *Context) { c.Relationship = Declared }},
	"on behalf of staff":     {"behalf", func(c *Context) { c.OnBehalf = true }},
	"claiming a stay":        {"relationship", func(c *Context) { c.Relationship = Stay }},
	"claiming a referral":    {"relationship", func(c *Context) { c.Relationship = Referral }},
	"claiming involvement":   {"relationship", func(c *Context) { c.Relationship = Involvement }},
	"claiming an emergency":  {"relationship", func(c *Context) { c.Relationship = Emergency }},
}

// circumstance gives the sort of what it read, "" when it read nothing.
func (s *sentence) circumstance() string {
	c, ok := take(s, circumstances)
	if ok {
		c.set(&s.res.Request.Context)
	}
	return c.sort
}

// agreement reads "with nobody's agreement", or "under an agreement for packages,
// provider and risk"; it gives "agreement" when it read either.
func (s *sentence) agreement() (string, error) {
	if _, ok := take(s, map[string]bool{"with nobody's agreement": true}); ok {
		s.said = true
		return "agreement", nil
	}
	if _, ok := take(s, map[string]bool{"under an agreement for": true}); !ok {
		return "", nil
	}
	s.said = true
	words := map[string]Section{}
	for _, sec := range Sections() {
		w := strings.ReplaceAll(string(sec), "-", " ")
		words[w], words[w+","] = sec, sec
	}
	for {
		sec, ok := take(s, words)
		if !ok && len(s.agreed) == 0 {
			return "", s.lost("a section, such as packages")
		}
		if !ok {
			return "agreement", nil
		}
		s.agreed = append(s.agreed, sec)
		if len(s.rest) > 1 && s.rest[0] == "and" {
			if _, more := words[s.rest[1]]; more || len(s.rest) > 2 && words[s.rest[1]+" "+s.rest[2]] != "" {
				take(s, map[string]bool{"and": true})
			}
		}
	}
}

// verdict reads "(rule died, frozen)" or "(no rule)", which may be left out.
func (s *sentence) verdict() error {
	if len(s.rest) == 0 {
		return nil
	}
	text := strings.Join(s.rest, " ")
	if text == "(no rule)" {
		s.res.NoRule = true
		return nil
	}
	ids, ok := strings.CutPrefix(text, "(rule ")
	ids, closed := strings.CutSuffix(ids, ")")
	if !ok || !closed || strings.ContainsAny(ids, "()") {
		return fmt.Errorf("%q is not understood; end with (rule NAME) or (no rule)", text)
	}
	s.res.Rules = strings.Split(ids, ", ")
	return nil
}
