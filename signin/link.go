package signin

import (
	"context"
	"crypto/rand"
	"fmt"
	"hash/fnv"
	"io"
	"math/big"
	"strconv"
	"time"

	"homeward/care"
)

// Links is the memory of the one-time links that are mailed to care providers.
type Links interface {
	// Link is the account that a link opens and the hash of the PIN that it needs;
	// care.NotFound when it does not open (any more).
	Link(ctx context.Context, token string) (a care.Account, pin string, err error)
	// LinkTried counts a try. A right one uses the link up; left is how many wrong
	// ones there may still be before it is locked.
	LinkTried(ctx context.Context, token string, right bool) (left int, err error)
}

// linkSession is how long a session lasts that a mailed link began.
const linkSession = 30 * time.Minute

// pinDigits is how long a PIN is. A link takes a few tries only, and by itself opens
// nothing (NIST SP 800-63B 5.1.1.1: six digits).
const pinDigits = 6

// NewPIN makes a PIN and its hash. It is told to a provider by telephone and kept
// nowhere. rnd nil is crypto/rand.
func NewPIN(rnd io.Reader) (pin, hash string, err error) {
	if rnd == nil {
		rnd = rand.Reader
	}
	most := big.NewInt(1)
	for range pinDigits {
		most.Mul(most, big.NewInt(10))
	}
	n, err := rand.Int(rnd, most)
	if err != nil {
		return "", "", fmt.Errorf("making a PIN: %w", err)
	}
	pin = fmt.Sprintf("%0"+strconv.Itoa(pinDigits)+"d", n)
	hash, err = hashOf(pin, rnd)
	return pin, hash, err
}

// ByLink lets in who has a link and knows its PIN, for half an hour. A wrong PIN is
// kind care.Login; a link that does not open is care.NotFound.
func (s *Service) ByLink(ctx context.Context, token, pin, address string) (Entry, error) {
	if s.Links == nil {
		return Entry{}, &care.Error{Kind: care.NotFound, Text: "This link does not open"}
	}
	if pin == "" {
		return Entry{}, &care.Error{Kind: care.Required, Field: "pin", Text: "Enter the PIN that the council gave you"}
	}
	door := fnv.New32a() // tries of one link come one after another
	_, _ = door.Write([]byte(token))
	mu := &s.doors[door.Sum32()%uint32(len(s.doors))]
	mu.Lock()
	defer mu.Unlock()
	a, hash, err := s.Links.Link(ctx, token)
	if err != nil {
		return Entry{}, err
	}
	right, err := s.verify(ctx, hash, pin)
	if err != nil {
		return Entry{}, fmt.Errorf("checking a PIN: %w", err)
	}
	left, err := s.Links.LinkTried(ctx, token, right)
	switch {
	case err != nil:
		return Entry{}, err
	case right:
		return s.Enter(ctx, a, How{Method: care.ByLink}, address)
	case left == 0:
		return Entry{}, s.refuse(ctx, care.SignInLocked, a.ID, address,
			&care.Error{Kind: care.NotFound, Text: "The PIN was wrong too often, and this link does not open any more. The council was told and will ring you"})
	}
	return Entry{}, s.refuse(ctx, care.SignInFailed, a.ID, address,
		&care.Error{Kind: care.Login, Field: "pin", Text: "The PIN is not right. You have " + strconv.Itoa(left) + " more " + map[bool]string{true: "try", false: "tries"}[left == 1]})
}
