//go:build unix

package stories

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// demoPassword opens the invented accounts of `homeward demo`.
const demoPassword = "home before dark"

// sentences are all that a story may say.
func sentences() []form {
	fs := []form{
		{text: "it is {clock} on {date}", do: (*run).setClock},
		{text: "it is {clock}", do: (*run).setClock},
		{text: "{n} minutes pass", do: (*run)(nil).pass(time.Minute)},
		{text: "{n} hours pass", do: (*run)(nil).pass(time.Hour)},
		{text: "these people:", do: (*run).introduce},
		{text: "the council delivers an extract:", do: (*run).extract},
		{text: "{hospital} sends:", do: (*run).sendsRaw},
		{text: "homeward is killed and starts again", do: func(s *run, _ step) error { return s.kill() }},
		{text: "homeward stops and starts again", do: (*run).stopped},
		{text: "{hospital} sends its last message again", do: (*run).repeats},
		{text: "the engineer tells {hospital} that {text} means fit, and replays what is held", do: (*run).taught},

		{text: "{who} signs in", do: (*run).signIn},
		{text: "{who} follows {text}", do: (*run).follow},
		{text: "{who} follows {text} beside {person}", do: (*run).follow},
		{text: "{who} opens the case of {person}", do: (*run).openCase},
		{text: "{who} asks to separate {person} from {person}", do: (*run).separate},
		{text: "{who} looks up {person} because {text}", do: (*run).lookUp},
		{text: "{who} enters {text} for {text}", do: (*run).enter},
		{text: "{who} enters {date} for {text}", do: (*run).enterDate},
		{text: "{who} chooses {text}", do: (*run).choose},
		{text: "{who} chooses {text} for {text}", do: (*run).choose},
		{text: "{who} presses {text}", do: (*run).press},
		{text: "{who} presses {text} beside {person}", do: (*run).press},
		{text: "{who} refers {person}", do: (*run).refer},

		{text: "{who} sees {text}", do: (*run).sees},
		{text: "{who} sees:", do: (*run).sees},
		{text: "{who} does not see {text}", do: (*run).doesNotSee},
		{text: "{who} sees {text} {n} times", do: (*run).counts},
		{text: "{who} sees {text} once", do: (*run).counts},
		{text: "{who} sees {person}", do: (*run).seesPerson},
		{text: "{who} sees {person} with {text}", do: (*run).seesPerson},
		{text: "{who} does not see {person}", do: (*run).doesNotSeePerson},
		{text: "{who} does not see {person} with {text}", do: (*run).doesNotSeePerson},
		{text: "{who} sees everybody at {hospital} with {text}", do: (*run).seesEverybody},
		{text: "{who} sees nobody at {hospital} with {text}", do: (*run).seesNobody},
		{text: "{who} leaves the page open", do: (*run).watches},
		{text: "within a second {who} sees {text} without a reload", do: (*run).live},
		{text: "within a second {who} sees {person} without a reload", do: (*run).livePerson},
		{text: "within a second {who} sees {person} with {text} without a reload", do: (*run).livePerson},
		{text: "within {n} seconds {who} sees {person} with {text} without a reload", do: (*run).livePersonIn},
		{text: "the answer came within {n} seconds", do: (*run).quick},
	}
	for _, f := range hospitalForms() {
		fs = append(fs,
			form{text: "{hospital} says: " + f.text, do: told(f, false, (*run).settled)},
			form{text: "{hospital} says late, of {clock}: " + f.text, do: told(f, true, (*run).settled)},
			form{text: "{hospital} says, and homeward is killed: " + f.text, do: told(f, false, (*run).kill)})
	}
	return compiled(fs)
}

// ---- what a hospital's system says

// A telling is one thing that a hospital's system says of somebody.
type telling struct {
	text string
	make func(*run, *hospital, *person, []string, *say) error
}

func hospitalForms() []telling {
	return []telling{
		{"{person} arrives in A&E", func(s *run, h *hospital, p *person, _ []string, m *say) error {
			place := "ED"
			if h.older {
				place = "AE"
			}
			return h.begin(p, m, "A04", "E", place)
		}},
		{"{person} is admitted to {place}", func(s *run, h *hospital, p *person, a []string, m *say) error {
			return h.begin(p, m, "A01", "I", placeOf(a[0]))
		}},
		{"{person} moves to {place}", func(s *run, h *hospital, p *person, a []string, m *say) error {
			return h.onStay(p, m, "A02", func(st *stay) []string {
				st.place = placeOf(a[0])
				return []string{h.pv1(st, true, nil)}
			})
		}},
		{"{person} is fit to leave", func(s *run, h *hospital, p *person, _ []string, m *say) error {
			return h.onStay(p, m, "A08", func(st *stay) []string { return []string{h.pv1(st, false, nil), h.fit(true, m.at)} })
		}},
		{"{person} is not fit to leave", func(s *run, h *hospital, p *person, _ []string, m *say) error {
			return h.onStay(p, m, "A08", func(st *stay) []string { return []string{h.pv1(st, false, nil), h.fit(false, m.at)} })
		}},
		{"{person} is expected to leave on {date}", func(s *run, h *hospital, p *person, a []string, m *say) error {
			d, err := time.Parse(dayLayout, a[0])
			if err != nil {
				return err
			}
			return h.onStay(p, m, "A08", func(st *stay) []string {
				return []string{h.pv1(st, false, nil), segment("PV2", map[int]string{9: d.Format("20060102")})}
			})
		}},
		{"{person} goes home", leaves("1", "19")},
		{"{person} dies", leaves("4", "79")}, // NHS Data Dictionary: DISCHARGE METHOD 4, DISCHARGE DESTINATION 79
		{"the discharge of {person} is cancelled", func(s *run, h *hospital, p *person, _ []string, m *say) error {
			return h.onStay(p, m, "A13", func(st *stay) []string { return []string{h.pv1(st, true, nil)} })
		}},
		{"nothing new about {person}", func(s *run, h *hospital, p *person, _ []string, m *say) error {
			return h.onStay(p, m, "A08", func(st *stay) []string { return []string{h.pv1(st, true, nil)} })
		}},
		{"the record of {person} belongs to {person}", func(s *run, h *hospital, p *person, a []string, m *say) error {
			survivor, err := s.person(a[0])
			m.event, m.about, m.gone = "A40", survivor, p
			return err
		}},
	}
}

func leaves(method, to string) func(*run, *hospital, *person, []string, *say) error {
	return func(s *run, h *hospital, p *person, _ []string, m *say) error {
		return h.onStay(p, m, "A03", func(st *stay) []string {
			out := []string{h.pv1(st, true, map[int]string{36: to, 45: m.at.Format(stampLayout)})}
			if !h.older {
				out = append(out, "ZDC|"+method)
			}
			return out
		})
	}
}

// told makes a step of a telling: the hospital first, then how late, then the
// rest. What is done right after the answer comes last.
func told(f telling, late bool, then func(*run) error) func(*run, step) error {
	return func(s *run, st step) error {
		h, a := s.sends[st.args[0]], st.args[1:]
		m := say{at: s.now().Truncate(time.Second)}
		if !m.at.After(h.last) {
			m.at = h.last.Add(time.Second)
		}
		if late {
			clock, err := time.Parse("15:04", a[0])
			if err != nil {
				return err
			}
			m.at = time.Date(m.at.Year(), m.at.Month(), m.at.Day(), clock.Hour(), clock.Minute(), 0, 0, s.zone)
			a = a[1:]
		}
		p, err := s.person(a[0])
		if err != nil {
			return err
		}
		m.about = p
		if err := f.make(s, h, p, a[1:], &m); err != nil {
			return err
		}
		return errors.Join(s.send(h, m), then(s))
	}
}

// begin is an arrival or an admission: a new visit.
func (h *hospital) begin(p *person, m *say, event, class, place string) error {
	st := &stay{visit: fmt.Sprintf("%sV%04d", h.ods, h.sent+1), place: place, class: class, admitted: m.at}
	h.stays[p] = st
	m.event, m.more = event, []string{h.pv1(st, true, map[int]string{44: m.at.Format(stampLayout)}), "PV2|||^Fall at home"}
	return nil
}

func (h *hospital) onStay(p *person, m *say, event string, f func(*stay) []string) error {
	st := h.stays[p]
	if st == nil {
		return fmt.Errorf("%s is not in %s: say first that they are admitted", p.name(), h.name)
	}
	m.event, m.more = event, f(st)
	return nil
}

// placeOf writes "ward 12, bay 2, bed 4" as a PL. HL7 v2.4 2.9.34.
func placeOf(words string) string {
	parts := strings.Split(words, ", ")
	out := strings.TrimPrefix(parts[0], "ward ")
	for i, key := range []string{"bay ", "bed "} {
		out += "^"
		if len(parts) > i+1 {
			out += strings.TrimPrefix(parts[i+1], key)
		}
	}
	return out
}

// ---- what somebody does at a screen

func (s *run) signIn(st step) error {
	r, err := newReader(st.args[0])
	if err != nil {
		return err
	}
	if old := s.readers[r.name]; old != nil {
		old.unwatch()
	}
	s.readers[r.name], s.last = r, r.name
	if err := r.open(s.site.pages, "/signin"); err != nil {
		return err
	}
	if err := errors.Join(r.enter(r.name, "User name"), r.enter(demoPassword, "Password")); err != nil {
		return err
	}
	if err := r.press(s.site.pages, "Sign in", r.page); err != nil {
		return err
	}
	r.gen = s.gen
	if r.path == "/signin" {
		return fmt.Errorf("not signed in: %s", r.short())
	}
	return nil
}

// within is the part of the page that a sentence means: the row of the person
// whom it names, else all of it.
func (s *run) within(r *reader, st step) (*html.Node, error) {
	if len(st.args) <= 2 {
		return r.page, nil
	}
	p, err := s.person(st.args[2])
	if err != nil {
		return nil, err
	}
	rows := r.rows(p.listed())
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s is not on the page of %s", p.listed(), r.short())
	}
	return rows[0], nil
}

func (s *run) follow(st step) error {
	r, err := s.who(st.args[0])
	if err != nil {
		return err
	}
	within, err := s.within(r, st)
	if err != nil {
		return err
	}
	r.unwatch()
	err = r.follow(s.site.pages, st.args[1], within)
	r.gen = s.gen
	return err
}

// openCase follows the person's name, on the page or on the lists.
func (s *run) openCase(st step) error {
	r, err := s.who(st.args[0])
	if err != nil {
		return err
	}
	p, err := s.person(st.args[1])
	if err != nil {
		return err
	}
	r.unwatch()
	for _, list := range []string{r.path, "/tracker", "/worklist", "/ward"} {
		if err := r.open(s.site.pages, list); err != nil {
			return err
		}
		r.gen = s.gen
		if err = r.follow(s.site.pages, p.listed(), r.page); err == nil {
			s.cases[p] = strings.TrimPrefix(r.path, "/cases/")
			return nil
		}
	}
	return err
}

// separate opens the page that takes a joined record out again, by the
// handles of the two cases, which were opened before.
func (s *run) separate(st step) error {
	r, err := s.who(st.args[0])
	if err != nil {
		return err
	}
	var of [2]string
	for i := range of {
		p, err := s.person(st.args[1+i])
		if err != nil {
			return err
		}
		if of[i] = s.cases[p]; of[i] == "" {
			return fmt.Errorf("the case of %s was not opened before", p.name())
		}
	}
	r.gen = s.gen
	return r.open(s.site.pages, "/identity/separate?"+url.Values{"survivor": {of[1]}, "retired": {of[0]}}.Encode())
}

func (s *run) lookUp(st step) error {
	r, err := s.who(st.args[0])
	if err != nil {
		return err
	}
	p, err := s.person(st.args[1])
	if err != nil {
		return err
	}
	if err := r.open(s.site.pages, "/lookup"); err != nil {
		return err
	}
	err = errors.Join(r.enter(p.number.Spaced(), "NHS number"), r.enterDate(p.born, "Date of birth"),
		r.choose(st.args[2], "Why do you need to look at this record?"))
	if err != nil {
		return err
	}
	return s.pressed(r, "Find person", r.page)
}

func (s *run) enter(st step) error {
	r, err := s.who(st.args[0])
	if err != nil {
		return err
	}
	return r.enter(st.args[1], st.args[2])
}

func (s *run) enterDate(st step) error {
	r, err := s.who(st.args[0])
	if err != nil {
		return err
	}
	d, err := time.Parse(dayLayout, st.args[1])
	if err != nil {
		return err
	}
	return r.enterDate(d, st.args[2])
}

func (s *run) choose(st step) error {
	r, err := s.who(st.args[0])
	if err != nil {
		return err
	}
	return r.choose(st.args[1], append(st.args, "")[2])
}

func (s *run) press(st step) error {
	r, err := s.who(st.args[0])
	if err != nil {
		return err
	}
	within, err := s.within(r, st)
	if err != nil {
		return err
	}
	return s.pressed(r, st.args[1], within)
}

// pressed sends a form; everybody's pages may be old after it.
func (s *run) pressed(r *reader, words string, within *html.Node) error {
	err := s.act(func() error { return r.press(s.site.pages, words, within) })
	r.gen = s.gen
	return err
}

// refer sends a referral with the fewest answers, for stories that are about
// what comes after. ready-to-go-home.txt says each step.
func (s *run) refer(st step) error {
	if err := s.openCase(st); err != nil {
		return err
	}
	r, err := s.who(st.args[0])
	if err != nil {
		return err
	}
	if err := r.follow(s.site.pages, "Refer to social care", r.page); err != nil {
		return err
	}
	if err := r.follow(s.site.pages, "Answer only what is needed", r.page); err != nil {
		return err
	}
	for _, a := range [][2]string{
		{"Yes", "Has the person been told the predicted discharge date?"},
		{"Yes", "Has their carer been told the predicted discharge date?"},
		{"None known", "Does the person have any allergies or adverse reactions?"},
		{"No", "Does the hospital have a safeguarding concern about the person?"},
		{"Yes", "Has the person agreed to this referral?"},
	} {
		if err := r.choose(a[0], a[1]); err != nil {
			return err
		}
	}
	err = errors.Join(r.enter("Needs help to wash and dress, walks with a frame", "Summary of care needs"),
		r.enterDate(s.now(), "Date the carer was told"))
	if err != nil {
		return err
	}
	if err := s.pressed(r, "Save and check", r.page); err != nil {
		return err
	}
	if err := s.pressed(r, "Send referral", r.page); err != nil {
		return err
	}
	if !strings.Contains(r.text(), "Referral sent") {
		return fmt.Errorf("the referral was not sent: %s", r.short())
	}
	return nil
}

// ---- what somebody sees

// look waits until what is on the page is right. A page that was loaded before
// the last thing happened is asked for again first; the answer to a form is not.
func (s *run) look(r *reader, right func() error) error {
	if r.gen != s.gen && r.got {
		if err := r.open(s.site.pages, r.path); err != nil {
			return err
		}
		r.gen = s.gen
	}
	for end := time.Now().Add(3 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		err := right()
		if err == nil || !r.got || time.Now().After(end) {
			return err
		}
		if err := r.open(s.site.pages, r.path); err != nil {
			return err
		}
	}
}

func (s *run) sees(st step) error {
	r, err := s.who(st.args[0])
	if err != nil {
		return err
	}
	want := st.args[1:]
	for _, l := range st.block {
		want = append(want, l.text)
	}
	return s.look(r, func() error {
		for _, w := range want {
			if !strings.Contains(r.text(), plain(w)) {
				return fmt.Errorf("%q is not on the page of %s", w, r.short())
			}
		}
		return nil
	})
}

func (s *run) doesNotSee(st step) error {
	r, err := s.who(st.args[0])
	if err != nil {
		return err
	}
	return s.look(r, func() error {
		if strings.Contains(r.text(), plain(st.args[1])) {
			return fmt.Errorf("%q is on the page of %s", st.args[1], r.short())
		}
		return nil
	})
}

func (s *run) counts(st step) error {
	r, err := s.who(st.args[0])
	if err != nil {
		return err
	}
	want := append(st.args, "1")[2]
	return s.look(r, func() error {
		if n := fmt.Sprint(strings.Count(r.text(), plain(st.args[1]))); n != want {
			return fmt.Errorf("%q is there %s times, not %s, on the page of %s", st.args[1], n, want, r.short())
		}
		return nil
	})
}

// rowWith says whether a row of the person holds the words.
func rowWith(r *reader, p *person, words string) bool {
	for _, n := range r.rows(p.listed()) {
		if strings.Contains(textOf(n), plain(words)) {
			return true
		}
	}
	return false
}

func (s *run) onRow(st step, want bool) error {
	r, err := s.who(st.args[0])
	if err != nil {
		return err
	}
	p, err := s.person(st.args[1])
	if err != nil {
		return err
	}
	words := append(st.args, "")[2]
	return s.look(r, func() error {
		if rowWith(r, p, words) != want {
			return fmt.Errorf("%s with %q: %v, not %v, on the page of %s", p.listed(), words, !want, want, r.short())
		}
		return nil
	})
}

func (s *run) seesPerson(st step) error       { return s.onRow(st, true) }
func (s *run) doesNotSeePerson(st step) error { return s.onRow(st, false) }

func (s *run) everybody(st step, want bool) error {
	h := s.sends[st.args[1]]
	if len(h.stays) == 0 {
		return fmt.Errorf("nobody is in %s", h.name)
	}
	for p := range h.stays {
		if err := s.onRow(step{line: st.line, args: []string{st.args[0], p.name(), st.args[2]}}, want); err != nil {
			return err
		}
	}
	return nil
}

func (s *run) seesEverybody(st step) error { return s.everybody(st, true) }
func (s *run) seesNobody(st step) error    { return s.everybody(st, false) }

// watches opens the live updates of the page as it stands now.
func (s *run) watches(st step) error {
	r, err := s.who(st.args[0])
	if err != nil {
		return err
	}
	if err := r.open(s.site.pages, r.path); err != nil {
		return err
	}
	r.gen = s.gen
	return r.watch(s.site.pages)
}

func (s *run) live(st step) error { return s.arrives(st.args[0], "", st.args[1], time.Second) }

func (s *run) livePerson(st step) error { return s.livePersonBy(st.args, time.Second) }

func (s *run) livePersonIn(st step) error {
	n, err := strconv.Atoi(st.args[0])
	if err != nil {
		return err
	}
	return s.livePersonBy(st.args[1:], time.Duration(n)*time.Second)
}

func (s *run) livePersonBy(args []string, within time.Duration) error {
	p, err := s.person(args[1])
	if err != nil {
		return err
	}
	return s.arrives(args[0], p.listed(), append(args, "")[2], within)
}

// quick holds the last act against the time that was promised for it.
func (s *run) quick(st step) error {
	n, err := strconv.Atoi(st.args[0])
	if err != nil {
		return err
	}
	if took := s.acted.Sub(s.acting); took > time.Duration(n)*time.Second {
		return fmt.Errorf("it took %v", took.Round(time.Millisecond))
	}
	return nil
}

// arrives wants an update with these words, no later than some time after the
// last act was answered.
func (s *run) arrives(who, name, text string, within time.Duration) error {
	r, err := s.who(who)
	if err != nil {
		return err
	}
	if r.live == nil {
		return fmt.Errorf("%s has left no page open", r.name)
	}
	var at time.Time
	last := s.acted.Add(within)
	err = r.live.wait(last, func(e liveEvent) bool {
		if e.at.Before(s.acting) || e.at.After(last) || !strings.Contains(e.text, name) || !strings.Contains(e.text, plain(text)) {
			return false
		}
		at = e.at
		return true
	})
	if err != nil {
		return fmt.Errorf("%s %q: %w within %v. What came:\n\t%s", name, text, err, within, r.live.said(s.acting))
	}
	s.t.Logf("shown to %s %v after the answer", r.name, max(0, at.Sub(s.acted)).Round(time.Millisecond))
	return nil
}
