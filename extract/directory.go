package extract

import (
	"strings"

	"homeward/care"
)

// provider reads a row of providers. A number that cannot be shown is left out
// and the provider loads: its other number may be the one that is needed.
func (r *Reader) provider(w *row) (care.Provider, verdict, *Problem) {
	if w.leftOut() {
		return care.Provider{}, skipped, nil
	}
	id, p := r.listed(w, vID, vName, r.ix.providers)
	if p != nil {
		return care.Provider{}, bad, p
	}
	v := care.Provider{Council: r.from.Org, ID: id, Name: w.ref(vName), Hours: w.ref(vHours)}
	v.Phone = w.phone(vPhone)
	v.OutOfHours = w.phone(vOutOfHours)
	if v.Email = w.ref(vEmail); v.Email != "" && !emailLike(v.Email) {
		v.Email = ""
		w.warn(vEmail, "Use an email address, like office@example.org")
	}
	if v.CQC = w.ref(vCQC); v.CQC != "" && !cqcLike(v.CQC) {
		v.CQC = ""
		w.warn(vCQC, "Use a CQC location id, like 1-1234567890")
	}
	var mend string
	if v.Verified, mend = w.date(vVerified); mend != "" {
		w.warn(vVerified, mend)
	}
	return v, good, nil
}

// team reads a row of teams.
func (r *Reader) team(w *row) (care.Team, verdict, *Problem) {
	if w.leftOut() {
		return care.Team{}, skipped, nil
	}
	id, p := r.listed(w, tID, tName, r.ix.teams)
	if p != nil {
		return care.Team{}, bad, p
	}
	return care.Team{Council: r.from.Org, ID: id, Name: w.ref(tName),
		Phone: w.phone(tPhone), OutOfHours: w.phone(tOutOfHours)}, good, nil
}

// listed is the id of a row of a directory, whose name must be there too.
func (r *Reader) listed(w *row, idColumn, nameColumn int, seen map[string]int32) (string, *Problem) {
	if p := w.unreadable(); p != nil {
		return "", p
	}
	id := w.ref(idColumn)
	switch {
	case id == "":
		return "", w.problem(idColumn, "Give the id by which other tables name this row")
	case !firstOf(seen, id, w.n):
		return "", w.problem(idColumn, "Use each id once. An earlier row has the same one")
	case w.get(nameColumn) == "":
		return "", w.problem(nameColumn, "Give the name")
	}
	return id, nil
}

// phone is a number for the screen, "" with a warning when it cannot be shown.
func (w *row) phone(c int) string {
	v := w.get(c)
	if v == "" {
		return ""
	}
	show, err := Phone(v)
	if err != nil {
		w.warn(c, err.Error())
	}
	return show
}

func emailLike(s string) bool {
	user, host, ok := strings.Cut(s, "@")
	return ok && user != "" && strings.Contains(host, ".") && !strings.ContainsAny(s, " ,;<>") && !strings.Contains(host, "@")
}

func cqcLike(s string) bool {
	rest, ok := strings.CutPrefix(s, "1-")
	return ok && len(rest) >= 8 && len(rest) <= 12 && strings.Trim(rest, "0123456789") == ""
}
