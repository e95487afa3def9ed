package signin

import (
	"crypto/sha256"
	"sync"
	"time"
)

// tries is how often in a row a password was wrong, and the lock that followed.
type tries struct {
	failed int
	until  time.Time
}

// longestLock is where the doubling of locks ends.
const longestLock = 24 * time.Hour

// oneMore counts a wrong try. Each time the limit is reached there is a lock,
// twice as long as the one before (NIST SP 800-63B 5.2.2, OWASP ASVS 5.0 6.3.1).
func (t tries) oneMore(l Limits, now time.Time) tries {
	t.failed++
	t.until = time.Time{}
	if t.failed >= mostTries {
		t.until = never
	} else if t.failed%l.Tries == 0 {
		lock := l.Lock
		for range t.failed/l.Tries - 1 {
			lock = min(2*lock, max(longestLock, l.Lock))
		}
		t.until = now.Add(lock)
	}
	return t
}

// guesses counts tries of logins that nobody has, so that a lock does not tell
// which logins exist. It is bounded: under a flood it forgets, which costs the
// disguise and nothing else.
type guesses struct {
	mu    sync.Mutex
	tries map[[32]byte]tries
}

const mostGuesses = 10_000

func (g *guesses) of(login string) tries {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.tries[sha256.Sum256([]byte(login))]
}

func (g *guesses) set(login string, t tries, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.tries) >= mostGuesses {
		for k, v := range g.tries {
			if now.After(v.until) {
				delete(g.tries, k)
			}
		}
		if len(g.tries) >= mostGuesses {
			clear(g.tries)
		}
	}
	g.tries[sha256.Sum256([]byte(login))] = t
}
