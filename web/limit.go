package web

import (
	"math"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"homeward/care"
)

// Limits are how often something may be asked for. 0 is no limit. Each process
// counts for itself. OWASP ASVS 5.0 2.4.1, 6.3.1.
type Limits struct {
	User    int // requests of one reader in a minute
	Address int // requests from one network address in a minute: a hospital may be behind one
	Door    int // tries to sign in from one network address in a minute
	Looks   int // people that one reader looks up in an hour
}

// limits are what is left of them.
type limits struct{ user, address, door, looks *keyed }

func newLimits(l Limits) limits {
	return limits{newKeyed(l.User, time.Minute), newKeyed(l.Address, time.Minute), newKeyed(l.Door, time.Minute), newKeyed(l.Looks, time.Hour)}
}

// atDoor are the routes by which people try to sign in, and by which strangers can
// have a row written or a provider asked.
var atDoor = map[string]bool{"POST /signin": true, "POST /signin/second": true, "POST /signin/second/ask": true, "POST /signin/passkey": true, "POST /signin/passkey/ask": true,
	"POST /begin": true, "POST /device": true, "GET /begin/{ticket}": true, "GET /launch/{link}": true,
	"GET /signin/with/{provider}": true, "GET /signin/from/{provider}": true}

// looksUp are the routes that look somebody up.
var looksUp = map[string]bool{"POST /lookup": true, "POST /lookup/name": true, "POST /lookup/launch": true}

// fromAddress counts a request before it is known whose it is.
func (s *Server) fromAddress(v *visit) error {
	key := network(s.Address(v.r))
	if wait := s.limits.address.take(key, v.now); wait > 0 {
		return v.later(wait, "There is too much traffic from your network. Wait %s and try again")
	}
	if atDoor[v.route.pattern] {
		if wait := s.limits.door.take(key, v.now); wait > 0 {
			return v.later(wait, "Very many people tried to sign in from your network. Wait %s and try again")
		}
	}
	return nil
}

// fromReader counts a request of somebody who is signed in.
func (s *Server) fromReader(v *visit) error {
	if !v.signedIn() {
		return nil
	}
	if wait := s.limits.user.take(string(v.by.ID), v.now); wait > 0 {
		return v.later(wait, "There were very many requests from you. Wait %s and try again")
	}
	if looksUp[v.route.pattern] {
		if wait := s.limits.looks.take(string(v.by.ID), v.now); wait > 0 {
			return v.later(wait, "You looked up very many people in a short time. Wait %s. If it cannot wait, ring: the numbers are on the help page")
		}
	}
	return nil
}

// later refuses, with the time to wait in words for people and in seconds for
// machines (RFC 6585 4, RFC 9110 10.2.3).
func (v *visit) later(wait time.Duration, words string) error {
	seconds := int(math.Ceil(wait.Seconds()))
	v.w.Header().Set("Retry-After", strconv.Itoa(seconds))
	text := strconv.Itoa(seconds) + " seconds"
	if seconds == 1 {
		text = "1 second"
	}
	return &care.Error{Kind: care.Throttled, Text: strings.Replace(words, "%s", text, 1)}
}

// network is what an address is counted by: itself, or its /64, of which a
// single reader may have every address (RFC 6177).
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil || a.Is4() || a.Is4In6() {
		return address
	}
	p, err := a.Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}

// keyed counts by key. It is bounded: under a flood of keys it forgets some,
// which lets their holders begin anew and nobody else. nil counts nothing.
type keyed struct {
	each  rate.Limit
	burst int

	mu   sync.Mutex
	seen map[string]*rate.Limiter
}

// mostKeys is how many keys are remembered at once.
const mostKeys = 20_000

func newKeyed(n int, in time.Duration) *keyed {
	if n <= 0 {
		return nil
	}
	return &keyed{each: rate.Limit(float64(n) / in.Seconds()), burst: n, seen: map[string]*rate.Limiter{}}
}

// take counts one, and says how long to wait when there were too many; then it
// is not counted.
func (k *keyed) take(key string, now time.Time) (wait time.Duration) {
	if k == nil {
		return 0
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.seen[key]
	if l == nil {
		if len(k.seen) >= mostKeys {
			k.forget(now)
		}
		l = rate.NewLimiter(k.each, k.burst)
		k.seen[key] = l
	}
	if l.AllowN(now, 1) {
		return 0
	}
	missing := 1 - l.TokensAt(now)
	return max(time.Second, time.Duration(missing/float64(k.each)*float64(time.Second)))
}

// forget drops the keys that are as if they had never been, and a tenth of the
// others when that is not enough.
func (k *keyed) forget(now time.Time) {
	for key, l := range k.seen {
		if l.TokensAt(now) >= float64(k.burst) {
			delete(k.seen, key)
		}
	}
	for key := range k.seen {
		if len(k.seen) <= mostKeys*9/10 {
			return
		}
		delete(k.seen, key)
	}
}
