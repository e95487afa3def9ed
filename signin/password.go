package signin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"homeward/care"
)

// The cost of a hash, as OWASP advises for argon2id: 19 MiB, two passes, one
// lane (OWASP ASVS 5.0 11.4.2, RFC 9106 4).
const (
	memory = 19 * 1024 // KiB
	passes = 2
	lanes  = 1
	saltOf = 16 // bytes
	keyOf  = 32 // bytes
)

// Bounds of what is stored, so that a strange hash cannot eat the machine.
const (
	mostMemory = 64 * 1024
	mostPasses = 10
	mostLanes  = 4
)

const (
	fewest  = 12   // characters of a password
	longest = 1024 // bytes; far more than anybody types (OWASP ASVS 5.0 6.2.9)
)

// nobodysHash is checked when nobody has the login that was typed, so that the
// answer takes as long. No password is known for it, and it would not be believed.
const nobodysHash = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlzIQ$ubb8bDHRYEvDrEBhrXGe8G/k2WwKvv9Pe2Wk3UDnTmc"

// common are well-known passwords of twelve characters and more, one a line.
//
//go:embed common.txt
var common string

// CheckPassword says what to mend about a new password, nil when it is good:
// long enough, not the login, not well known. What kinds of characters it has
// does not matter (NIST SP 800-63B 5.1.1.2, OWASP ASVS 5.0 6.2.4 and 6.2.5).
func CheckPassword(login, password string) error {
	bad := func(text string) error { return &care.Error{Kind: care.Invalid, Field: "password", Text: text} }
	if !utf8.ValidString(password) || len(password) > longest {
		return bad("Password must have at most 1,024 characters that can be typed")
	}
	p := norm.NFKC.String(password)
	if n := utf8.RuneCountInString(p); n < fewest {
		return bad(fmt.Sprintf("Password must have at least %d characters. It has %d. Three words that do not belong together are good", fewest, n))
	}
	low := strings.ToLower(p)
	letters := strings.TrimFunc(low, func(r rune) bool { return !unicode.IsLetter(r) })
	login = strings.ToLower(strings.TrimSpace(login))
	if login != "" && (low == login || letters == login || strings.ReplaceAll(low, login, "") == "") {
		return bad("Password must not be the user name")
	}
	distinct := slices.Compact(slices.Sorted(slices.Values([]rune(low))))
	if len(distinct) < 5 || slices.Contains(strings.Fields(common), strings.Join(strings.Fields(low), "")) {
		return bad("Choose another password. Many people use this one, so it would be guessed")
	}
	return nil
}

// HashPassword checks a new password by CheckPassword and hashes it with a salt
// from rnd (nil: crypto/rand), as a PHC string for care.Account.
func HashPassword(login, password string, rnd io.Reader) (string, error) {
	if err := CheckPassword(login, password); err != nil {
		return "", err
	}
	if rnd == nil {
		rnd = rand.Reader
	}
	return hashOf(password, rnd)
}

// hashOf hashes what somebody must know, with a salt from rnd, as a PHC string.
func hashOf(password string, rnd io.Reader) (string, error) {
	salt := make([]byte, saltOf)
	if _, err := io.ReadFull(rnd, salt); err != nil {
		return "", fmt.Errorf("making a salt: %w", err)
	}
	key := argon2.IDKey(normal(password), salt, passes, memory, lanes, keyOf)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, passes, lanes, b64.EncodeToString(salt), b64.EncodeToString(key)), nil
}

// normal makes the same characters the same bytes on every keyboard.
// NIST SP 800-63B 5.1.1.2.
func normal(password string) []byte { return norm.NFKC.Bytes([]byte(password)) }

// verify checks a password in constant time. Only a few are checked at once,
// for each takes memory; the others wait their turn.
func (s *Service) verify(ctx context.Context, hash, password string) (bool, error) {
	h, err := readHash(hash)
	if err != nil {
		return false, err
	}
	if len(password) > longest {
		password = "" // no password is as long or as short: it is wrong, and takes as long
	}
	select {
	case s.checking <- struct{}{}:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	defer func() { <-s.checking }()
	got := argon2.IDKey(normal(password), h.salt, h.passes, h.memory, h.lanes, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(got, h.key) == 1, nil
}

// phc is a hash with what it was made from.
type phc struct {
	memory, passes uint32
	lanes          uint8
	salt, key      []byte
}

// errHash is that a stored hash is not one of ours. It does not repeat it.
var errHash = errors.New("the stored hash is not an argon2id hash of version 19 within bounds")

func readHash(s string) (phc, error) {
	var h phc
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, errHash
	}
	var end string
	if n, _ := fmt.Sscanf(parts[3]+" .", "m=%d,t=%d,p=%d %s", &h.memory, &h.passes, &h.lanes, &end); n != 4 || end != "." {
		return h, errHash
	}
	var errSalt, errKey error
	h.salt, errSalt = base64.RawStdEncoding.DecodeString(parts[4])
	h.key, errKey = base64.RawStdEncoding.DecodeString(parts[5])
	within := h.memory >= 8 && h.memory <= mostMemory && h.passes >= 1 && h.passes <= mostPasses && h.lanes >= 1 && h.lanes <= mostLanes
	if errSalt != nil || errKey != nil || !within || len(h.salt) < 8 || len(h.key) < 16 || len(h.key) > 64 {
		return h, errHash
	}
	return h, nil
}
