package web

import (
	"context"
	"strings"
	"testing"
	"time"
)

// Counts are for all who work with data; whose records they are, for who may see each;
// every link leads to where it can be mended.
func TestDataQuality(t *testing.T) {
	s := newSite(t)
	s.later(3 * 24 * time.Hour) // what nobody recorded on the day of admission is missing now
	for range 50 {
		n, err := s.server.Hub.Measure(context.Background())
		s.must(err)
		if n == 0 {
			break
		}
	}
	c := s.as("coordinator")
	c.get("/quality").says("Data quality", "What to put right", "No predicted discharge date a day after admission", "Staff of the ward", "By ward", "Week by week", "Download as CSV")
	if got := c.get("/quality").body; strings.Contains(got, "ASHDOWN") || strings.Contains(got, "Thornback") {
		t.Error("a page of counts names somebody")
	}
	list := c.get("/quality/records?finding=expected-missing")
	list.says("Records to put right", "No predicted discharge date", "What to do", "That you saw this list is recorded")
	if !strings.Contains(list.body, `href="/cases/`) {
		t.Error("nobody is on the list")
	}
	if got := c.get("/quality/records?finding=gossip"); got.status != 404 {
		t.Errorf("a finding that there is not: %d", got.status)
	}
	file := c.get("/quality/file")
	if got := file.header.Get("Content-Type"); !strings.HasPrefix(got, "text/csv") || !strings.Contains(file.body, "as_at,by,organisation,name,kind,count") {
		t.Errorf("the file: %s %s", got, file.body)
	}
	for _, role := range []string{"ig-lead", "integration"} {
		r := s.as(role)
		r.get("/quality").says("What to put right")
		if got := r.get("/quality"); strings.Contains(got.body, "/quality/records") {
			t.Errorf("%s is led to records", role)
		}
		if got := r.get("/quality/records"); got.status != 403 {
			t.Errorf("%s sees whose records: %d", role, got.status)
		}
		if got := r.get("/quality/file"); got.status != 403 {
			t.Errorf("%s takes the counts away: %d", role, got.status)
		}
	}
	if got := s.as("wallboard").get("/quality"); got.status != 403 {
		t.Errorf("a wallboard: %d", got.status)
	}
}
