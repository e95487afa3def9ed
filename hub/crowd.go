package hub

import (
	"strconv"
	"sync"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/store"
)

// crowd counts which readers found a person within the hour. Care must go on, so
// nobody is stopped: leads are alerted. It is bounded, and each process counts for
// itself.
type crowd struct {
	mu    sync.Mutex
	found map[care.CaseID]map[care.ActorID]time.Time
}

const (
	crowdTime = time.Hour
	crowdMost = 10_000 // people who are remembered at once
)

// add counts a reader, and says how many there were within the hour.
func (c *crowd) add(id care.CaseID, by care.ActorID, now time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.found == nil {
		c.found = map[care.CaseID]map[care.ActorID]time.Time{}
	}
	if c.found[id] == nil {
		if len(c.found) >= crowdMost {
			c.forget(now)
		}
		c.found[id] = map[care.ActorID]time.Time{}
	}
	c.found[id][by] = now
	for a, at := range c.found[id] {
		if now.Sub(at) >= crowdTime {
			delete(c.found[id], a)
		}
	}
	return len(c.found[id])
}

// forget drops the people whom nobody found within the hour, and all where that
// is not enough.
func (c *crowd) forget(now time.Time) {
	for id, readers := range c.found {
		late := true
		for _, at := range readers {
			late = late && now.Sub(at) >= crowdTime
		}
		if late {
			delete(c.found, id)
		}
	}
	if len(c.found) >= crowdMost {
		clear(c.found)
	}
}

// crowded alerts the leads of whoever was one too many to find a person within
// the hour: once an hour of a person. Only what was found is counted, so that the
// alert tells nobody of a person who is kept from them.
func (h *Hub) crowded(tx *store.Tx, by care.Actor, v LookView, now time.Time) error {
	if v.Case == "" || h.Limits.LookedUp <= 0 {
		return nil
	}
	n := h.crowd.add(v.Case, by.ID, now)
	if n <= h.Limits.LookedUp {
		return nil
	}
	return h.raise(tx, store.Alert{ID: alertID("crowd", string(v.Case), string(by.Org), now.Truncate(crowdTime).Format(time.RFC3339)), Kind: store.AlertCrowd, At: now,
		Actor: by.ID, Name: by.Name, Role: by.Role, Org: by.Org, Orgs: []nhs.ODS{by.Org}, Case: v.Case,
		Words: strconv.Itoa(n) + " different people looked this person up within an hour"})
}
