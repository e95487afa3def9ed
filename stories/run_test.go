//go:build unix

package stories

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A run is one story on one database.
type run struct {
	t       *testing.T
	ctx     context.Context
	zone    *time.Location
	site    *site
	offset  time.Duration // of the story's clock from the machine's
	day     time.Time     // the story's date; zero before it is told
	people  []*person
	sends   map[string]*hospital
	readers map[string]*reader
	last    string             // who was named last, for "she sees"
	cases   map[*person]string // handles of cases that somebody opened
	gen     int                // counts what happened: pages loaded before are old
	acting  time.Time
	acted   time.Time // when the last act began, and when it was answered
}

// now is the time in the story.
func (s *run) now() time.Time { return time.Now().Add(s.offset).In(s.zone) }

// act does something that screens may have to show.
func (s *run) act(f func() error) error {
	s.acting = time.Now()
	err := f()
	s.acted = time.Now()
	s.gen++
	return err
}

// who is the reader of that name, or the one named last.
func (s *run) who(name string) (*reader, error) {
	if name == "she" || name == "he" || name == "they" {
		name = s.last
	}
	r := s.readers[name]
	if r == nil {
		return nil, fmt.Errorf("%q has not signed in", name)
	}
	s.last = name
	return r, nil
}

func (s *run) person(name string) (*person, error) {
	for _, p := range s.people {
		if p.name() == name {
			return p, nil
		}
	}
	return nil, fmt.Errorf("%q is not among these people", name)
}

// ---- time

func (s *run) setClock(st step) error {
	day := s.day
	if len(st.args) > 1 {
		var err error
		if day, err = time.Parse(dayLayout, st.args[1]); err != nil {
			return err
		}
	}
	if day.IsZero() {
		return errors.New("the first time of a story needs its date: it is 21:40 on 22 November 2026")
	}
	clock, err := time.Parse("15:04", st.args[0])
	if err != nil {
		return err
	}
	at := time.Date(day.Year(), day.Month(), day.Day(), clock.Hour(), clock.Minute(), 0, 0, s.zone)
	if !s.day.IsZero() && at.Before(s.now().Truncate(time.Minute)) {
		return fmt.Errorf("time does not go back: it is %s already", s.now().Format("15:04 on "+dayLayout))
	}
	s.day = day
	return s.toldClock(at)
}

func (s *run) toldClock(at time.Time) error {
	return s.act(func() error {
		res, err := http.PostForm(s.site.pages+"/demo/clock", url.Values{"at": {at.Format(time.RFC3339)}})
		if err != nil {
			return err
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("setting the clock was answered %d", res.StatusCode)
		}
		s.offset = time.Until(at)
		return nil
	})
}

func (s *run) pass(unit time.Duration) func(*run, step) error {
	return func(s *run, st step) error {
		n, err := strconv.Atoi(st.args[0])
		if err != nil {
			return err
		}
		at := s.now().Add(time.Duration(n) * unit)
		s.day = at
		return s.toldClock(at)
	}
}

// ---- people, council, hospital

func (s *run) introduce(st step) error {
	for _, l := range st.block {
		p, err := readPerson(l)
		if err != nil {
			return err
		}
		p.id = len(s.people) + 1
		s.people = append(s.people, p)
	}
	return nil
}

func (s *run) extract(st step) error {
	x := &extract{team: map[*person]string{}, worker: map[*person]string{}, find: s.person}
	for _, l := range st.block {
		if err := x.read(l); err != nil {
			return err
		}
	}
	return s.act(func() error {
		folder, err := x.deliver(filepath.Join(s.site.dir, "extracts"), s.now())
		if err != nil {
			return err
		}
		for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if said, err := os.ReadFile(filepath.Join(folder, ".homeward")); err == nil && len(said) > 0 {
				if got := strings.TrimSpace(string(said)); got != "done" {
					return fmt.Errorf("the extract was not loaded: %s", got)
				}
				return nil
			}
		}
		return errors.New("the extract was not read within 15 seconds")
	})
}

// send gives a message to Homeward and returns once it is answered.
func (s *run) send(h *hospital, m say) error {
	h.sent++
	control := fmt.Sprintf("%s%04d", h.ods, h.sent)
	now := s.now().Truncate(time.Second)
	if !now.After(h.last) {
		now = h.last.Add(time.Second) // no two messages of one second: their order would be a guess
	}
	h.last = now
	if m.at.IsZero() {
		m.at = now
	}
	return s.hand(h, control, h.write(m, control, now))
}

func (s *run) hand(h *hospital, control string, bytes []byte) error {
	h.said, h.control = bytes, control
	return s.act(func() error { return h.deliver(s.ctx, s.site.feeds[h.name], control, bytes) })
}

// repeats sends the last message once more, as a sender does that did not hear
// the answer.
func (s *run) repeats(st step) error {
	h := s.sends[st.args[0]]
	if h.said == nil {
		return fmt.Errorf("%s has sent nothing yet", h.name)
	}
	return errors.Join(s.hand(h, h.control, h.said), s.settled())
}

var waitingMetric = regexp.MustCompile(`(?m)^homeward_messages_waiting\{[^}]*\} ([0-9.e+]+)$`)

// settled waits until every message that was kept has been read: until then a
// page may rightly still show what was.
func (s *run) settled() error {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		res, err := http.Get(s.site.pages + "/metrics")
		if err != nil {
			return err
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil {
			return err
		}
		found, waiting := waitingMetric.FindAllSubmatch(body, -1), false
		for _, m := range found {
			waiting = waiting || string(m[1]) != "0"
		}
		if len(found) >= len(s.sends) && !waiting {
			return nil
		}
	}
	return errors.New("messages were still not read after 10 seconds")
}

// sendsRaw sends the lines of the block as they stand; {now} and {id} are filled in.
func (s *run) sendsRaw(st step) error {
	h := s.sends[st.args[0]]
	h.sent++
	control := fmt.Sprintf("%s%04d", h.ods, h.sent)
	var segs []string
	for _, l := range st.block {
		segs = append(segs, strings.NewReplacer("{now}", s.now().Format(stampLayout), "{id}", control).Replace(l.text))
	}
	return errors.Join(s.hand(h, control, []byte(strings.Join(segs, "\r")+"\r")), s.settled())
}

// ---- the program

// kill ends the program as a loss of power would, and starts it again.
func (s *run) kill() error {
	if code, err := s.site.end(syscall.SIGKILL); err != nil || code != -1 {
		return fmt.Errorf("killed: code %d, %v", code, err)
	}
	for _, h := range s.sends {
		h.hangUp()
	}
	return s.again()
}

func (s *run) stopped(step) error {
	if err := s.down(); err != nil {
		return err
	}
	return s.again()
}

// down is a graceful stop, with everybody still connected.
func (s *run) down() error {
	err := s.site.stop()
	for _, h := range s.sends {
		h.hangUp()
	}
	return err
}

// again starts the program on what it left, at the story's time.
func (s *run) again() error {
	at := s.now()
	if err := s.site.start(); err != nil {
		return err
	}
	if err := s.toldClock(at); err != nil {
		return err
	}
	return s.settled()
}

// taught is what an engineer does about a code that nobody knew: the
// configuration gets it, and what was held is read again.
func (s *run) taught(st step) error {
	if err := s.down(); err != nil {
		return err
	}
	database := s.site.dsn
	if database == "" {
		database = s.site.dir
	}
	config := fmt.Sprintf(`database = %q
[encryption]
key_file = "homeward.key"
[[organisation]]
ods = "RK5"
name = "King's Mill Hospital"
kind = "trust"
[[organisation]]
ods = "511"
name = "Nottinghamshire County Council"
kind = "council"
[[organisation]]
ods = "HOMEWARD"
name = "Homeward operations"
kind = "system"
[[feed]]
name = "kings-mill"
title = "King's Mill Hospital EPR"
org = "RK5"
listen = "127.0.0.1:0"
discharge_method = "ZDC-1"
fit_yes = ["Y", %q]
`, database, st.args[1])
	file := filepath.Join(s.site.dir, "engineer.toml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return err
	}
	out, err := s.site.tool(s.ctx, "replay", "--config", file)
	if err != nil {
		return err
	}
	if !strings.Contains(out, "0 still held") || strings.HasPrefix(out, "0 tried") {
		return fmt.Errorf("replay said: %s", out)
	}
	return s.again()
}

// ended is what must be so after every story.
func (s *run) ended() error {
	for _, r := range s.readers {
		defer r.unwatch()
	}
	if err := s.down(); err != nil {
		return err
	}
	if err := s.site.verify(s.ctx); err != nil {
		return err
	}
	log := s.site.log.String()
	for _, l := range strings.Split(log, "\n") {
		if strings.Contains(l, "level=ERROR") {
			return fmt.Errorf("the program logged an error: %s", l)
		}
	}
	for _, p := range s.people {
		for _, private := range []string{p.family, p.number.Digits(), p.number.Spaced()} {
			if private != "" && strings.Contains(log, private) {
				return errors.New("the log holds a name or number of a person")
			}
		}
	}
	return nil
}
