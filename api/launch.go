package api

import (
	"mime"
	"net/http"

	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
)

// LaunchScope is the scope with which a hospital's system may bring a person in
// context.
const LaunchScope = "launch"

const maxLaunch = 4 << 10 // bytes

// launch makes a one-time link for a person. It answers alike whether Homeward
// knows the person or not: it does not look.
func (s *Systems) launch(w http.ResponseWriter, r *http.Request, by care.Actor) {
	q, no := readLaunch(w, r)
	if no != nil {
		s.refuse(w, r, no)
		return
	}
	link, err := s.Hub.PrepareLaunch(r.Context(), by, q)
	switch kind := care.KindOf(err); {
	case err == nil:
	case kind == care.Required || kind == care.Invalid:
		s.refuse(w, r, bad("invalid_request", "Give either nhs or mrn, of up to 50 characters, and dob in the past"))
		return
	case kind == care.Forbidden:
		s.refuse(w, r, &refusal{status: http.StatusForbidden, code: "access_denied", text: "Only a trust's own system may bring a person in context"})
		return
	default:
		s.Log.Error("a launch could not be prepared", "err", err)
		s.refuse(w, r, unavailable())
		return
	}
	to := s.URLs[0] + "/launch/" + link
	w.Header().Set("Location", to)
	writeJSON(w, http.StatusCreated, map[string]any{"url": to, "expires_in": int(hub.LinkLife.Seconds())})
}

// readLaunch reads {nhs or mrn, dob, user}. Nothing of it is repeated in an error.
func readLaunch(w http.ResponseWriter, r *http.Request) (q hub.LaunchRequest, _ *refusal) {
	wrong := func(text string) (hub.LaunchRequest, *refusal) { return q, bad("invalid_request", text) }
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return wrong("Content-Type must be application/json")
	}
	body, err := atMost(http.MaxBytesReader(w, r.Body, maxLaunch), maxLaunch)
	if err != nil {
		return wrong("The request is too long or was cut off")
	}
	members, err := object(body)
	if err != nil {
		return wrong("The body must be one JSON object, with no name twice")
	}
	text := map[string]string{}
	for name, raw := range members {
		v, ok := str(raw)
		if !ok && !missing(raw) {
			return wrong("Every member must be a text")
		}
		text[name] = v
	}
	for name := range members {
		switch name {
		case "nhs", "mrn", "dob", "user":
		default:
			return wrong("Only nhs, mrn, dob and user are known")
		}
	}
	q.HospitalNo, q.User = text["mrn"], text["user"]
	if v := text["nhs"]; v != "" {
		if q.Number, err = nhs.ParseNumber(v); err != nil {
			return wrong("nhs must be an NHS number of 10 digits whose check digit is right")
		}
	}
	if v := text["dob"]; v != "" {
		if q.Born, err = nhs.ParseDate(v); err != nil {
			return wrong("dob must be like 1941-03-14")
		}
	}
	return q, nil
}
