// Package api is what machines ask over HTTP: whether the process lives, whether
// it is ready, and its metrics; and, of systems that sign in by themselves
// (Systems), tokens, one-time links for a person in context, and the FHIR faces
// (Faces). It decides nothing and keeps nothing (hub does), makes no resource of a
// case (translate does), and no metric has a label that comes from a message.
package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"homeward/hub"
)

// Listener is the counters of one feed's listener.
type Listener struct {
	Open    int64 // connections open now
	Refused int64 // connections refused because too many were open
	Broken  int64 // frames that were too long, late or broken off
}

// New makes the handler of /healthz, /readyz and /metrics. listeners gives each
// feed's counters, by the feed's name.
func New(h *hub.Hub, listeners func() map[string]Listener) http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &collector{hub: h, listeners: listeners})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, stop := context.WithTimeout(r.Context(), 2*time.Second)
		defer stop()
		if err := h.Ready(ctx); err != nil {
			answer(w, http.StatusServiceUnavailable, "the database does not answer")
			return
		}
		answer(w, http.StatusOK, "ready")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	return mux
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"status": text})
}

// collector asks for the figures when they are scraped.
type collector struct {
	hub       *hub.Hub
	listeners func() map[string]Listener
}

var (
	kept       = desc("messages_kept_total", "Messages kept.", "feed")
	again      = desc("messages_repeated_total", "Messages that came again and were kept once.", "feed")
	waiting    = desc("messages_waiting", "Messages kept and not yet read.", "feed")
	heldNow    = desc("messages_held", "Messages held for a person.", "feed")
	unreadable = desc("messages_unreadable", "Messages whose header cannot be read.", "feed")
	heard      = desc("feed_heard_timestamp_seconds", "When a feed was last heard from.", "feed")
	stale      = desc("feed_stale", "1 when a feed has been silent for longer than agreed.", "feed")
	conns      = desc("listener_connections", "Open connections.", "feed")
	refused    = desc("listener_refused_total", "Connections refused because too many were open.", "feed")
	broken     = desc("listener_broken_total", "Frames that were too long, late or broken off.", "feed")
	hold       = desc("writer_longest_hold_seconds", "The longest that one transaction held the writer.")
	commits    = desc("writer_commits_total", "Commits of the writer.")
	up         = desc("store_up", "1 when the database answers.")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("homeward_"+name, help, labels, nil)
}

// Describe lists the metrics, for Prometheus.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{kept, again, waiting, heldNow, unreadable, heard, stale, conns, refused, broken, hold, commits, up} {
		ch <- d
	}
	for _, d := range tellDescs() {
		ch <- d
	}
}

// Collect reads the figures, for Prometheus.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
	defer stop()
	feeds, err := c.hub.Health(ctx)
	gauge(up, yes(err == nil))
	for _, f := range feeds {
		name := f.Source.Feed
		count(kept, float64(f.Kept), name)
		count(again, float64(f.Again), name)
		gauge(waiting, float64(f.Waiting), name)
		gauge(heldNow, float64(f.Held), name)
		gauge(unreadable, float64(f.Unreadable), name)
		gauge(stale, yes(f.Source.Stale), name)
		if !f.Source.Last.IsZero() {
			gauge(heard, float64(f.Source.Last.Unix()), name)
		}
	}
	c.collectTelling(ctx, gauge)
	for name, l := range c.listeners() {
		gauge(conns, float64(l.Open), name)
		count(refused, float64(l.Refused), name)
		count(broken, float64(l.Broken), name)
	}
	s := c.hub.Store.Stats()
	gauge(hold, s.LongestHold.Seconds())
	count(commits, float64(s.Commits))
}

func yes(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
