package api

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"homeward/fhir"
)

// answerFormat is in which format to answer: as _format says, else Accept, else
// as the body came. When none that is asked for is ours it is JSON, and !ok.
func answerFormat(r *http.Request) (f fhir.Format, ok bool) {
	if asked, there := r.URL.Query()["_format"]; there && len(asked) > 0 {
		name := strings.ReplaceAll(asked[0], " ", "+") // an unescaped + in an address is a space
		f, _, ok = fhir.FormatOf(name)
		return f, ok
	}
	usual := fhir.JSON
	if came, known := bodyFormat(r); known {
		usual = came
	}
	heads := r.Header.Values("Accept")
	if len(heads) == 0 {
		return usual, true
	}
	best, found := 0.0, fhir.JSON
	for part := range strings.SplitSeq(strings.Join(heads, ","), ",") {
		kind, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		q := 1.0
		if v, there := params["q"]; there {
			if q, err = strconv.ParseFloat(v, 64); err != nil {
				continue
			}
		}
		one, _, known := fhir.FormatOf(kind)
		if kind == "*/*" || kind == "application/*" {
			one, known = usual, true
		}
		if known && q > best {
			best, found = q, one
		}
	}
	return found, best > 0
}

// bodyFormat is the format of the body by its media type; !ok when it is none of
// ours, is not in UTF-8, or is compressed.
func bodyFormat(r *http.Request) (fhir.Format, bool) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || r.Header.Get("Content-Encoding") != "" && !strings.EqualFold(r.Header.Get("Content-Encoding"), "identity") {
		return fhir.JSON, false
	}
	if set := params["charset"]; set != "" && !strings.EqualFold(set, "utf-8") {
		return fhir.JSON, false
	}
	f, _, known := fhir.FormatOf(kind) // BaRS writes its own version behind it, which is no release of FHIR
	return f, known && strings.Contains(kind, "/")
}
