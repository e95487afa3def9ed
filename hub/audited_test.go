package hub

import (
	"context"
	"io"
	"reflect"
	"slices"
	"testing"
	"time"

	"homeward/care"
	"homeward/form"
	"homeward/nhs"
	"homeward/store"
)

// unaudited are the methods that a reader calls and that write no audit row of
// their own, and why.
var unaudited = map[string]string{
	"Looked":            "shows again what an audited look-up showed, to the one who made it",
	"AccessReport":      "shows again what an audited question found, to the one who asked",
	"Glass":             "tells somebody only what they themselves did",
	"AgreementWarnings": "a line above every page; to whoever may not see agreements it is empty",
	"AlertState":        "a line above every page; to whoever may not see alerts it is empty",
	"AlertsMoved":       "asked again and again by such a line",
	"CaseSeq":           "asked again and again by a page whose opening was audited: a number, and only to who may see the page",
	"CaseMoved":         "as CaseSeq",
	"Sources":           "how fresh each source is: nothing of a person",
	"Wards":             "names of the wards of the reader's own organisation",
	"OpenLaunch":        "a link that nobody made leads to nobody; one that was made is audited",
	"Launched":          "as OpenLaunch",
	"LookLaunched":      "as OpenLaunch; then it is a look-up, which is audited",
	"TaskPeople":        "the names that a form about a case offers; the case's opening was audited, and only who may open it is answered",
	"OpenNotification":  "tells somebody of what they were notified of; the case that it leads to is audited when it opens",
	"ReadNotifications": "marks what is somebody's own as read",
	"Preferences":       "how somebody themselves is notified",
	"SetPreferences":    "as Preferences",
	"ConfirmAddress":    "as Preferences",

	"TypedBy":   "gives back to somebody what they themselves typed",
	"TypedAt":   "as TypedBy",
	"DropTyped": "as TypedBy",

	"NamedLists":  "the reader's own words: names that they gave to addresses of lists",
	"NameList":    "as NamedLists",
	"DropList":    "as NamedLists",
	"MyConcerns":  "tells somebody only of what they themselves raised: a reference, and how far it came",
	"HuddleMoved": "asked again and again by a page whose opening was audited; to whoever may not list the huddle nothing is said",

	"UnreadNotifications": "a line above every page: a count of what is the reader's own",
	"NotificationsMoved":  "asked again and again by such a line",

	"OperatorExtract": "as OperatorImport",
	"OperatorImport":  "the operator's command, on whose own authority it is audited",
}

// audited gives arguments to methods that say what is missing before they ask
// whether it is allowed. All others are given plain values by their types.
func auditedArgs(s *site, id care.CaseID) map[string][]any {
	born := nobody(1).birth()
	return map[string][]any{
		"Look":             {LookRequest{Number: nobody(1).nhs, Born: born, Reason: ReasonCare}},
		"Raw":              {int64(1), "why"},
		"QuarantinedRow":   {int64(1), 1, "why"},
		"CloseAlert":       {"a", store.FoundRight, "it was right to do so"},
		"BreakGlass":       {"a-look-up", "she cannot tell us herself"},
		"Pattern":          {PatternSelf, 7, 1},
		"PrepareLaunch":    {LaunchRequest{Number: nobody(1).nhs, Born: born}},
		"ReportAccess":     {ReportRequest{Case: id, Verified: "internal"}},
		"Settle":           {id, "keep", "why"},
		"Route":            {id, care.ReferralID("r"), notts},
		"TransferReferral": {id, care.ReferralID("r"), notts, "why"},
		"ExportAudit":      {AuditExport{Why: "why"}, io.Discard},
		"ExportAuditTable": {AuditExport{Why: "why"}, func(AuditView) error { return nil }},
		"KeepLonger":       {string(id), s.clock().AddDate(1, 0, 0), "why"},
		"StartConcern":     {id, ""},
		"RaiseConcern":     {id, "", care.Concern{ID: "k", To: notts, Kinds: []string{"neglect"}, Words: "words", Knows: "no", Contact: "a ward"}},
		"SaveDraft":        {id, ReferralForm, form.Answers{}},
	}
}

// TestEveryUseCaseIsAuditedWhenDenied calls every method of the hub that is asked
// by somebody, as somebody who may do nothing. A method that is added is called
// too: one that writes no row fails here.
func TestEveryUseCaseIsAuditedWhenDenied(t *testing.T) {
	s := newSite(t, "sqlite")
	id := s.admit(nobody(1))
	nothing := care.Actor{ID: "nobody", Name: "P Nobody", Role: care.Broker, Org: other, OrgKind: care.ProviderOrg, Address: "192.0.2.9"}
	s.extracted(notts, "full", held{id: "7", p: nobody(2), restricted: "perhaps"}) // import 1, with a row in quarantine
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
		return tx.PutHandle(store.Handle{ID: "a-look-up", User: nothing.ID, Expires: s.clock().Add(time.Hour),
			Doc: store.ToDoc(looked{Role: nothing.Role, Org: nothing.Org, View: LookView{Handle: "a-look-up", At: s.clock()}})})
	}))
	given := auditedArgs(s, id)
	h := reflect.ValueOf(s.Hub)
	called := 0
	for i := range h.NumMethod() {
		m := h.Type().Method(i)
		out := m.Type.NumOut()
		if asker(m.Type) < 0 || unaudited[m.Name] != "" || out == 0 || m.Type.Out(out-1) != reflect.TypeFor[error]() {
			continue // what can give no error only says whether to offer something
		}
		called++
		t.Run(m.Name, func(t *testing.T) {
			args := arguments(s, m.Type, nothing, id, given[m.Name])
			var out []reflect.Value
			rows := s.audits(func() { out = h.Method(i).Call(args) })
			if err, _ := out[len(out)-1].Interface().(error); err == nil {
				t.Error("it was allowed")
			} else if len(rows) == 0 {
				t.Fatalf("no row was written: %v", err)
			}
			for _, r := range rows {
				if r.Allowed || r.Actor != "nobody" || r.Org != other || r.Address != "192.0.2.9" || r.Rules == "" || len(r.Sections) > 0 || r.Outcome == "" {
					t.Errorf("the row says %+v", r.AuditRecord)
				}
			}
		})
	}
	if called < 40 {
		t.Errorf("only %d methods were called", called)
	}
	for name := range unaudited {
		if !h.MethodByName(name).IsValid() {
			t.Errorf("%s is no method any more", name)
		}
	}
}

// asker is the place of the actor among the arguments of a method; -1: none.
func asker(m reflect.Type) int {
	for i := range m.NumIn() {
		if m.In(i) == reflect.TypeFor[care.Actor]() {
			return i
		}
	}
	return -1
}

// arguments makes plain arguments by their types, or takes those that are given.
func arguments(s *site, m reflect.Type, by care.Actor, id care.CaseID, given []any) []reflect.Value {
	var args []reflect.Value
	for i := 1; i < m.NumIn(); i++ { // 0 is the hub
		t := m.In(i)
		switch {
		case t == reflect.TypeFor[context.Context]():
			args = append(args, reflect.ValueOf(s.ctx()))
			continue
		case t == reflect.TypeFor[care.Actor]():
			args = append(args, reflect.ValueOf(by))
			continue
		case len(given) > 0:
			args = append(args, reflect.ValueOf(given[0]))
			given = given[1:]
			continue
		}
		args = append(args, plainValue(s, t, id))
	}
	if m.IsVariadic() {
		args = slices.Delete(args, len(args)-1, len(args))
	}
	return args
}

func plainValue(s *site, t reflect.Type, id care.CaseID) reflect.Value {
	switch t {
	case reflect.TypeFor[care.CaseID]():
		return reflect.ValueOf(id)
	case reflect.TypeFor[nhs.ODS]():
		return reflect.ValueOf(notts)
	case reflect.TypeFor[time.Time]():
		return reflect.ValueOf(s.clock().Add(time.Hour))
	}
	v := reflect.New(t).Elem()
	switch t.Kind() {
	case reflect.String:
		v.SetString("because it is so")
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	}
	return v
}
