package api

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"homeward/hub"
)

// The figures of telling other systems. The label is the name of the
// configuration; nothing of a message ever is one.
var (
	tellWaiting = desc("destination_waiting", "Pieces of news that wait to be told.", "destination")
	tellHeld    = desc("destination_refused", "Pieces of news that were refused and wait for a person.", "destination")
	tellLost    = desc("destination_undelivered", "Pieces of news that were sent and did not arrive.", "destination")
	tellWorks   = desc("destination_working", "1 when the last try got through and nobody paused it.", "destination")
	tellOldest  = desc("destination_oldest_timestamp_seconds", "Since when the oldest piece of news waits.", "destination")
	tellLast    = desc("destination_answered_timestamp_seconds", "When a destination last answered.", "destination")
)

func tellDescs() []*prometheus.Desc {
	return []*prometheus.Desc{tellWaiting, tellHeld, tellLost, tellWorks, tellOldest, tellLast}
}

// collectTelling reads the figures of all destinations.
func (c *collector) collectTelling(ctx context.Context, gauge func(*prometheus.Desc, float64, ...string)) {
	ds, err := c.hub.TellHealth(ctx)
	if err != nil {
		return // store_up says so
	}
	for _, d := range ds {
		gauge(tellWaiting, float64(d.Waiting), d.Name)
		gauge(tellHeld, float64(d.Held), d.Name)
		gauge(tellLost, float64(d.Lost), d.Name)
		gauge(tellWorks, yes(d.State == hub.DestinationWorking), d.Name)
		if !d.Oldest.IsZero() {
			gauge(tellOldest, float64(d.Oldest.Unix()), d.Name)
		}
		if !d.LastOK.IsZero() {
			gauge(tellLast, float64(d.LastOK.Unix()), d.Name)
		}
	}
}
