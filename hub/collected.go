package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// Collected is how a way of bringing a council's extracts is doing. It holds
// nothing of what is brought.
type Collected struct {
	Way     string    `json:"way"`   // "SFTP", "MESH", "API"
	Tried   time.Time `json:"tried"` // last
	Good    time.Time `json:"good"`  // when it last went well; zero: never
	Brought string    `json:"brought,omitempty"`
	Trouble string    `json:"trouble,omitempty"` // "" when the last try went well
	Since   time.Time `json:"since,omitzero"`    // since when there is trouble
	Notes   []string  `json:"notes,omitempty"`
}

// CollectedView is Collected on the page of imports.
type CollectedView struct {
	Council care.Org
	Collected
}

// collectWays are the ways that there can be for one council.
var collectWays = []string{"SFTP", "MESH", "API"}

func collectedKey(council nhs.ODS, way string) string {
	return "collected:" + string(council) + ":" + way
}

// SayCollected notes how a try went. trouble is "" when it went well; brought names
// the newest extract, "" when there was nothing new.
func (h *Hub) SayCollected(ctx context.Context, council nhs.ODS, way, brought, trouble string, notes []string) error {
	now := h.now()
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		was, err := collectedOf(tx, council, way)
		if err != nil {
			return err
		}
		is := Collected{Way: way, Tried: now, Good: was.Good, Brought: was.Brought, Trouble: trouble, Since: was.Since, Notes: was.Notes}
		switch {
		case trouble == "":
			is.Good, is.Since = now, time.Time{}
			if brought != "" {
				is.Brought, is.Notes = brought, notes
			}
		case was.Trouble == "":
			is.Since = now
		}
		doc, err := json.Marshal(is)
		if err != nil {
			return err
		}
		return tx.PutSetting(collectedKey(council, way), string(doc))
	})
}

// collector is who brings a council's extracts, and until when nobody else does.
type collector struct {
	Owner string    `json:"owner"`
	Until time.Time `json:"until"`
}

// Collect asks for the right to bring a council's extracts for a while: of several
// processes on one database only one does. It is asked for again before it ends.
func (h *Hub) Collect(ctx context.Context, council nhs.ODS, owner string, length time.Duration) (mine bool, err error) {
	key := "collector:" + string(council)
	err = h.Store.Update(ctx, func(tx *store.Tx) error {
		mine = false
		doc, err := tx.Setting(key)
		if err != nil {
			return err
		}
		var was collector
		if doc != "" {
			if err := json.Unmarshal([]byte(doc), &was); err != nil {
				return fmt.Errorf("reading who brings the extracts of %s: %w", council, err)
			}
		}
		now := h.now()
		if was.Owner != owner && was.Until.After(now) {
			return nil
		}
		mine = true
		b, err := json.Marshal(collector{owner, now.Add(length)})
		if err != nil {
			return err
		}
		return tx.PutSetting(key, string(b))
	})
	return mine, err
}

func collectedOf(tx *store.Tx, council nhs.ODS, way string) (c Collected, err error) {
	doc, err := tx.Setting(collectedKey(council, way))
	if err != nil || doc == "" {
		return c, err
	}
	if err := json.Unmarshal([]byte(doc), &c); err != nil {
		return c, fmt.Errorf("reading how %s of %s is doing: %w", way, council, err)
	}
	return c, nil
}

// Collecting lists how the ways of bringing extracts are doing.
func (h *Hub) Collecting(ctx context.Context, by care.Actor) ([]CollectedView, error) {
	var out []CollectedView
	err := h.operating(ctx, by, policy.SeeImports, "collecting", "", func(tx *store.Tx) error {
		out = nil
		for _, cf := range h.Councils {
			if by.OrgKind == care.Council && cf.Council != by.Org {
				continue
			}
			for _, way := range collectWays {
				c, err := collectedOf(tx, cf.Council, way)
				if err != nil {
					return err
				}
				if c.Way != "" {
					out = append(out, CollectedView{h.Org(cf.Council), c})
				}
			}
		}
		return nil
	})
	return out, err
}
