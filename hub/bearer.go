package hub

import (
	"context"
	"sync"
	"time"

	"homeward/store"
)

// tokenMemo remembers tokens that were read a moment ago: a system that reads a
// thousand records a second shows the same one each time. What was remembered is
// over after tokenMoment, so that a token which is taken away, by any process, is
// refused within it; when one ends is looked at each time. A token that is not known
// is never remembered.
type tokenMemo struct {
	mu  sync.Mutex
	all map[[32]byte]tokenSeen
}

type tokenSeen struct {
	token store.Token
	at    time.Time
}

// tokenMoment is how long a token is believed without reading it again, and
// tokensMost how many are remembered.
const (
	tokenMoment = time.Second
	tokensMost  = 1024
)

// token reads a token by the hash of its text. It measures the machine's own time,
// whatever the hub's clock says.
func (h *Hub) token(ctx context.Context, hash []byte) (store.Token, error) {
	key, now := [32]byte(hash), time.Now()
	h.tokens.mu.Lock()
	seen, ok := h.tokens.all[key]
	h.tokens.mu.Unlock()
	if ok && now.Sub(seen.at) < tokenMoment {
		return seen.token, nil
	}
	kept, err := view(ctx, h, func(tx *store.Tx) (store.Token, error) { return tx.Token(hash) })
	if err != nil {
		return kept, err
	}
	h.tokens.mu.Lock()
	defer h.tokens.mu.Unlock()
	if h.tokens.all == nil || len(h.tokens.all) >= tokensMost {
		h.tokens.all = map[[32]byte]tokenSeen{}
	}
	h.tokens.all[key] = tokenSeen{kept, now}
	return kept, nil
}
