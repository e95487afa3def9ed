package sim

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"homeward/nhs"
)

// object is a JSON object in the making.
type object map[string]any

// restRoutes is the API, in three manners: a home-grown one with everything about a
// person in one answer and links to the next page; one like Mosaic's, by offset; and
// one like Liquidlogic's, by cursor. All names in them are invented.
func (s *CouncilSystem) restRoutes(mux *http.ServeMux) {
	for pattern, do := range map[string]func(*http.Request) (any, int){
		"GET /homegrown/providers":             s.homegrownDirectory,
		"GET /homegrown/adults":                s.homegrownAdults,
		"GET /mosaic/serviceProviders":         s.mosaicProviders,
		"GET /mosaic/serviceChanges":           s.mosaicChanges,
		"GET /mosaic/people":                   s.mosaicPeople,
		"GET /mosaic/people/{person}":          s.mosaicPerson,
		"GET /mosaic/people/{person}/services": s.mosaicServices,
		"GET /liquidlogic/clients":             s.liquidlogicClients,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if want := "Bearer " + s.config.Token; s.config.Token != "" && subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(want)) != 1 {
				w.Header().Set("WWW-Authenticate", "Bearer")
				http.Error(w, "sign in", http.StatusUnauthorized)
				return
			}
			out, status := do(r)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(out) // a reader who has gone is not told
		})
	}
}

// listed are the people that a request asks for: those changed since a time.
func (s *CouncilSystem) listed(r *http.Request, since string) ([]Person, int) {
	var from time.Time
	if v := r.FormValue(since); v != "" {
		t, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return nil, http.StatusBadRequest
		}
		from = t
	}
	all, err := s.people(r.Context(), s.db, from)
	if err != nil {
		return nil, http.StatusInternalServerError
	}
	return all, http.StatusOK
}

// cut is one page of a list.
func (s *CouncilSystem) cut(all []Person, from, size int) []Person {
	if size <= 0 || size > s.config.PerPage {
		size = s.config.PerPage
	}
	from = min(max(from, 0), len(all))
	return all[from:min(from+size, len(all))]
}

func whole(r *http.Request, name string) int {
	n, err := strconv.Atoi(r.FormValue(name))
	if err != nil {
		return 0
	}
	return n
}

func dateOrNull(d nhs.Date, layout string) any {
	if d.IsZero() {
		return nil
	}
	return d.Time().Format(layout)
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (s *CouncilSystem) homegrownDirectory(*http.Request) (any, int) {
	providers, teams := []object{}, []object{}
	for _, p := range Providers() {
		providers = append(providers, object{"id": p.ID, "name": p.Name, "phone": p.Phone, "email": p.Email, "outOfHours": object{"phone": p.OutOfHours, "hours": p.Hours}})
	}
	for _, t := range Teams() {
		teams = append(teams, object{"id": t.ID, "name": t.Name, "phone": t.Phone, "outOfHours": object{"phone": t.OutOfHours}})
	}
	return object{"providers": providers, "teams": teams}, http.StatusOK
}

func (s *CouncilSystem) homegrownAdults(r *http.Request) (any, int) {
	all, status := s.listed(r, "updated_since")
	if status != http.StatusOK {
		return object{"error": "updated_since is no time"}, status
	}
	from, adults := whole(r, "from"), []object{}
	page := s.cut(all, from, whole(r, "page_size"))
	for _, p := range page {
		adults = append(adults, homegrownAdult(p))
	}
	out := object{"asAt": s.now().Format(time.RFC3339), "total": len(all), "adults": adults, "next": nil}
	if from+len(page) < len(all) {
		q := url.Values{"from": {strconv.Itoa(from + len(page))}}
		for _, k := range []string{"page_size", "updated_since"} {
			if v := r.FormValue(k); v != "" {
				q.Set(k, v)
			}
		}
		out["next"] = "/homegrown/adults?" + q.Encode()
	}
	return out, http.StatusOK
}

func homegrownAdult(p Person) object {
	h, services := p.Held, []object{}
	status := map[string]string{"active": "current", "onhold": "paused", "finished": "ended", "planned": "agreed"}
	for _, k := range h.Packages {
		services = append(services, object{"id": k.ID, "kind": k.Kind, "title": k.Title, "status": status[k.Status], "from": dateOrNull(k.Start, time.DateOnly),
			"to": dateOrNull(k.End, time.DateOnly), "provider": orNull(k.Provider), "paidBy": k.Funding})
	}
	phone := "home"
	if h.ExDirectory {
		phone = "exDirectory"
	}
	out := object{"id": h.ID, "nhsNumber": orNull(p.NHS.Digits()), "name": object{"title": p.Title, "given": p.Given, "family": p.Family, "knownAs": orNull(p.Preferred)},
		"born": p.Born.String(), "sex": map[string]string{"Female": "female", "Male": "male"}[p.Sex], "address": object{"lines": p.Address, "postcode": p.Postcode, "uprn": p.UPRN},
		"phone": object{"kind": phone, "number": p.Phone}, "died": dateOrNull(h.Died, time.DateOnly), "restricted": h.Restricted, "team": orNull(h.Team), "worker": orNull(h.Worker),
		"language": orNull(p.Language), "services": services, "safeguarding": nil}
	if h.Safeguarding != "" {
		out["safeguarding"] = object{"open": h.Safeguarding == "yes", "opened": dateOrNull(h.Opened, time.DateOnly), "ended": dateOrNull(h.Ended, time.DateOnly)}
	}
	return out
}

const british = "02/01/2006"

func (s *CouncilSystem) mosaicProviders(*http.Request) (any, int) {
	out := []object{}
	for _, p := range Providers() {
		out = append(out, object{"providerId": p.ID, "organisationName": p.Name, "mainTelephone": p.Phone, "outOfHoursTelephone": p.OutOfHours, "outOfHoursTimes": p.Hours})
	}
	return object{"results": out}, http.StatusOK
}

func (s *CouncilSystem) mosaicChanges(r *http.Request) (any, int) {
	all, status := s.listed(r, "modifiedSince")
	out := []object{}
	for _, p := range all {
		out = append(out, object{"personId": p.Held.ID})
	}
	return object{"results": out}, status
}

func (s *CouncilSystem) mosaicPeople(r *http.Request) (any, int) {
	all, status := s.listed(r, "modifiedSince")
	out := []object{}
	for _, p := range s.cut(all, whole(r, "offset"), whole(r, "limit")) {
		out = append(out, object{"personId": p.Held.ID})
	}
	return object{"totalCount": len(all), "results": out}, status
}

// one finds a person by the council's number; nil when there is none.
func (s *CouncilSystem) one(r *http.Request) *Person {
	all, err := s.people(r.Context(), s.db, time.Time{})
	if err != nil {
		return nil
	}
	for i := range all {
		if all[i].Held.ID == r.PathValue("person") {
			return &all[i]
		}
	}
	return nil
}

func (s *CouncilSystem) mosaicPerson(r *http.Request) (any, int) {
	p := s.one(r)
	if p == nil {
		return object{"message": "no such person"}, http.StatusNotFound
	}
	yes := map[bool]string{true: "Y", false: "N"}
	kind := map[bool]string{true: "EXDIR", false: "HOME"}
	return object{"personId": p.Held.ID, "nhsNumber": p.NHS.Spaced(), "title": p.Title, "firstNames": p.Given, "lastName": p.Family, "dateOfBirth": p.Born.Time().Format(british),
		"gender": map[string]string{"Female": "F", "Male": "M"}[p.Sex], "restrictedAccess": yes[p.Held.Restricted], "dateOfDeath": dateOrNull(p.Held.Died, british), "allocatedTeam": p.Held.Team, "allocatedWorker": p.Held.Worker,
		"addresses":  []object{{"type": "MAIN", "line1": p.Address[0], "line2": p.Address[len(p.Address)-1], "postCode": p.Postcode, "uprn": p.UPRN}},
		"telephones": []object{{"type": kind[p.Held.ExDirectory], "number": p.Phone}}, "firstLanguage": p.Language}, http.StatusOK
}

func (s *CouncilSystem) mosaicServices(r *http.Request) (any, int) {
	p := s.one(r)
	if p == nil {
		return object{"message": "no such person"}, http.StatusNotFound
	}
	out := []object{}
	for _, k := range p.Held.Packages {
		out = append(out, object{"serviceId": k.ID, "personId": p.Held.ID, "elementType": k.Kind, "description": k.Title, "status": k.Status, "startDate": dateOrNull(k.Start, british),
			"endDate": dateOrNull(k.End, british), "providerId": k.Provider, "fundingSource": k.Funding})
	}
	return object{"results": out}, http.StatusOK
}

func (s *CouncilSystem) liquidlogicClients(r *http.Request) (any, int) {
	var since time.Time
	if v := r.FormValue("changedAfter"); v != "" {
		var at int64
		if _, err := fmt.Sscanf(v, "c-%d", &at); err != nil {
			return object{"error": "changedAfter is no change token"}, http.StatusBadRequest
		}
		since = time.UnixMicro(at)
	}
	token := fmt.Sprintf("c-%d", s.now().Add(-time.Second).UnixMicro())
	all, err := s.people(r.Context(), s.db, since)
	if err != nil {
		return object{"error": "the database is away"}, http.StatusInternalServerError
	}
	from, data, suppliers := 0, []object{}, []object{}
	if _, err := fmt.Sscanf(r.FormValue("after"), "p-%d", &from); err != nil || from == 0 { // the first page has the directory
		for _, p := range Providers() {
			suppliers = append(suppliers, object{"ref": p.ID, "name": p.Name, "tel": p.Phone, "telOutOfHours": p.OutOfHours})
		}
	}
	page := s.cut(all, from, whole(r, "take"))
	for _, p := range page {
		data = append(data, liquidlogicClient(p))
	}
	var after any
	if from+len(page) < len(all) {
		after = fmt.Sprintf("p-%d", from+len(page))
	}
	return object{"data": data, "suppliers": suppliers, "paging": object{"after": after}, "changeToken": token}, http.StatusOK
}

func liquidlogicClient(p Person) object {
	packages := []object{}
	for _, k := range p.Held.Packages {
		packages = append(packages, object{"packageRef": k.ID, "serviceCode": k.Kind, "name": k.Title, "state": k.Status, "start": dateOrNull(k.Start, time.DateOnly),
			"end": dateOrNull(k.End, time.DateOnly), "supplier": object{"ref": orNull(k.Provider)}, "funding": k.Funding})
	}
	level, usage := "OPEN", "HOME"
	if p.Held.Restricted {
		level = "RESTRICTED"
	}
	if p.Held.ExDirectory {
		usage = "EXD"
	}
	lines := ""
	for _, l := range p.Address {
		lines += ", " + l
	}
	return object{"clientRef": p.Held.ID, "identifiers": []object{{"scheme": "NHS", "value": orNull(p.NHS.Digits())}}, "forename": p.Given, "surname": p.Family, "dob": p.Born.String(),
		"sexCode": map[string]int{"Male": 1, "Female": 2}[p.Sex], "homeAddress": object{"singleLine": lines[2:], "postcode": p.Postcode}, "contact": object{"usage": usage, "value": p.Phone},
		"accessLevel": level, "dateOfDeath": dateOrNull(p.Held.Died, time.DateOnly), "teamRef": p.Held.Team, "carePackages": packages}
}
