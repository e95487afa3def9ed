package hub

import (
	"slices"
	"strings"
	"testing"

	"homeward/care"
	"homeward/translate"
	"homeward/translate/r4"
)

// TestIndexAgreesWithResources: what the index of a case lists is what faces write
// of it, by type, id and status; a search finds nothing that cannot be read, and
// misses nothing.
func TestIndexAgreesWithResources(t *testing.T) {
	s := newSite(t, "sqlite", eprs)
	p := nobody(81)
	id := s.admit(p)
	s.imported(notts, "full", held{id: "P1", p: p, concern: "yes", equipment: []string{"E1"}, packages: []string{pack("K1", "HS", "active"), pack("K2", "HS", "planned")}})
	ref := s.refer(as(care.Coordinator, kings), id).Referral.ID
	s.must(s.AddNote(s.ctx(), as(care.Coordinator, kings), id, "", care.AudienceBoth, "To be seen"))
	s.must(s.Accept(s.ctx(), as(care.SocialWorker, notts), id, ref))
	s.hear("kmh", says{event: "A03", p: p, visit: "V" + p.mrn})
	for _, org := range []care.Actor{s.machineOf(kings), s.machineOf(notts)} {
		v, err := s.Show(s.ctx(), org, id, ShowRequest{})
		s.must(err)
		// That nothing can be said of a council is made into resources too, and not listed.
		v.Councils = slices.DeleteFunc(v.Councils, func(c translate.ShownCouncil) bool { return c.Holding == nil })
		listed := map[string]string{}
		for _, x := range care.Resources(v.Case) {
			listed[x.Type+"/"+x.ID] = x.Status
		}
		made := map[string]string{}
		for _, n := range r4.Resources(v) {
			typ := n.Type()
			if !slices.Contains([]string{"Patient", "RelatedPerson", "Encounter", "ServiceRequest", "Task", "CarePlan", "QuestionnaireResponse", "DocumentReference",
				"Communication", "EpisodeOfCare", "Flag", "DeviceRequest"}, typ) {
				continue
			}
			status := n.Str("status")
			if typ == "Patient" || typ == "RelatedPerson" {
				status = "true"
			}
			made[typ+"/"+n.ID()] = status
		}
		for k, status := range made {
			if got, ok := listed[k]; !ok || got != status {
				t.Errorf("%s: %s is %q, and the index says %q (%v)", org.Org, strings.Replace(k, string(id), "CASE", 1), status, got, ok)
			}
		}
		for k := range listed {
			if _, ok := made[k]; !ok {
				t.Errorf("%s: the index lists %s, and nothing is made of it", org.Org, strings.Replace(k, string(id), "CASE", 1))
			}
		}
		if len(made) < 9 {
			t.Errorf("only %d resources", len(made))
		}
	}
}
