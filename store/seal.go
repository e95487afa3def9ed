package store

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"sync"
)

// ErrSeal is wrapped by the error of a value that cannot be opened: it is not
// what Homeward wrote at that place, or its data key is gone.
var ErrSeal = errors.New("what is stored there is not what Homeward wrote there")

// column is one column whose values are sealed, and what names its rows: the
// value is bound to both, so that none can stand in for another.
type column struct {
	table, name string
	key         []string // the columns that name a row
	raw         bool     // BYTEA: sealed as bytes; else as text
}

// String is table.column.
func (c *column) String() string { return c.table + "." + c.name }

// The columns that are sealed. docs/design/keys.md has the table of all columns
// and why; a test compares.
var (
	caseDoc       = &column{"cases", "doc", []string{"id"}, false}
	historyBody   = &column{"history", "body", []string{"seq"}, false}
	historyCause  = &column{"history", "cause", []string{"seq"}, false}
	messageRaw    = &column{"messages", "raw", []string{"id"}, true}
	trackerDoc    = &column{"tracker", "doc", []string{"case_id"}, false}
	trackerName   = &column{"tracker", "name", []string{"case_id"}, false}
	jobPayload    = &column{"jobs", "payload", []string{"id"}, false}
	deliveryBytes = &column{"deliveries", "message", []string{"job"}, true}
	draftDoc      = &column{"drafts", "doc", []string{"user_id", "case_id", "form"}, false}
	handleDoc     = &column{"handles", "doc", []string{"id"}, false}
	viewDoc       = &column{"views", "doc", []string{"user_id", "name"}, false}
	quarantineRaw = &column{"quarantine", "raw", []string{"import_id", "n"}, false}
	credentialKey = &column{"credentials", "secret", []string{"id"}, true}
	challengeDoc  = &column{"challenges", "doc", []string{"id"}, true}
	auditDoc      = &column{"audit", "doc", []string{"n"}, false}
	alertDoc      = &column{"alerts", "doc", []string{"id"}, false}
	reviewDoc     = &column{"reviews", "doc", []string{"item"}, false}
	erasedDoc     = &column{"erased", "doc", []string{"case_id"}, false}
	userDoc       = &column{"users", "doc", []string{"id"}, false}
	sessionDoc    = &column{"sessions", "doc", []string{"token"}, false}
	keptDoc       = &column{"kept_resources", "doc", []string{"type", "id", "org"}, false}
	takenDoc      = &column{"taken", "doc", []string{"feed", "name"}, false}
	pdsDoc        = &column{"pds_answers", "doc", []string{"case_id"}, false}

	recordDoc       = &column{"records", "doc", []string{"kind", "org", "id"}, false}
	fileContent     = &column{"files", "content", []string{"case_id", "id"}, true}
	subscriptionDoc = &column{"subscriptions", "doc", []string{"id"}, false}

	sealedColumns = []*column{caseDoc, historyBody, historyCause, messageRaw, trackerDoc, trackerName, jobPayload, deliveryBytes,
		draftDoc, handleDoc, viewDoc, quarantineRaw, credentialKey, challengeDoc, auditDoc, alertDoc, reviewDoc, erasedDoc, userDoc, sessionDoc, keptDoc, takenDoc, pdsDoc, subscriptionDoc, recordDoc, fileContent}
)

// A sealed value is a head that says how and with which data key, a nonce of 12
// bytes, and what AES-256-GCM makes of it (NIST SP 800-38D). As text the head is
// "hw1.", the key's id in hexadecimal and "."; no JSON begins so. As bytes it is
// four bytes and the id.
const (
	textMark  = "hw1."
	textHead  = len(textMark) + 8 + 1
	rawMark   = "\xa7hw\x01"
	rawHead   = len(rawMark) + 4
	nonceSize = 12
	keySize   = 32
)

// sealer is a data key that seals values. Its cipher is made once.
type sealer struct {
	id   uint32
	aead cipher.AEAD
	text string // head of its values
	raw  string

	mu     sync.Mutex
	prefix [8]byte // of the nonces that this process makes
	count  uint32
	drawn  bool
}

func newSealer(id uint32, key []byte) (*sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &sealer{id: id, aead: aead, text: fmt.Sprintf("%s%08x.", textMark, id),
		raw: rawMark + string(binary.BigEndian.AppendUint32(nil, id))}, nil
}

// nonce is never the same twice under one key: 64 random bits that the process
// draws, and a count; when the count is through, new bits are drawn.
// NIST SP 800-38D 8.2.1.
func (k *sealer) nonce(to []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.drawn {
		rand.Read(k.prefix[:])
		k.drawn = true
	}
	copy(to, k.prefix[:])
	binary.BigEndian.PutUint32(to[8:], k.count)
	if k.count++; k.count == 0 {
		k.drawn = false
	}
}

// box is nonce and ciphertext after head.
func (k *sealer) box(head string, plain, bound []byte) []byte {
	b := make([]byte, len(head)+nonceSize, len(head)+nonceSize+len(plain)+k.aead.Overhead())
	copy(b, head)
	nonce := b[len(head):]
	k.nonce(nonce)
	return k.aead.Seal(b, nonce, plain, bound)
}

func (k *sealer) sealText(plain string, bound []byte) string {
	b := k.box("", []byte(plain), bound)
	out := make([]byte, textHead+base64.RawStdEncoding.EncodedLen(len(b)))
	copy(out, k.text)
	base64.RawStdEncoding.Encode(out[textHead:], b)
	return string(out)
}

// indexKey makes blind indexes: what stands in a column that rows are found by
// is an HMAC-SHA-256 of it, of which 128 bits are kept.
type indexKey struct {
	id   uint32
	head string
	mac  sync.Pool // of hash.Hash with the key set
}

func newIndexKey(id uint32, key []byte) *indexKey {
	return &indexKey{id: id, head: fmt.Sprintf("%08x.", id), mac: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

func (k *indexKey) blind(kind, value string) string {
	h := k.mac.Get().(hash.Hash)
	defer k.mac.Put(h)
	h.Reset()
	h.Write([]byte(kind))
	h.Write([]byte{0})
	h.Write([]byte(value))
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	return k.head + base64.RawURLEncoding.EncodeToString(sum[:16])
}

// ring is the data keys of a database as this process knows them. nil: nothing
// is sealed.
type ring struct {
	gen      int64 // tally.keys when it was read
	sealers  map[uint32]*sealer
	active   *sealer     // seals what is written
	indexes  []*indexKey // those whose values may be there; the first is written
	whole    bool        // no value of a sealed column may be plain
	wholeIdx bool        // no index may be plain
}

// forms is how a value that rows are found by may stand in the database; the
// first is how it is written.
func (r *ring) forms(kind, value string) []string {
	if r == nil || value == "" {
		return []string{value}
	}
	out := make([]string, 0, 2)
	for _, k := range r.indexes {
		out = append(out, k.blind(kind, value))
	}
	if !r.wholeIdx {
		out = append(out, value)
	}
	return out
}

// bound is what a sealed value is bound to: its table, column and row.
func (c *column) bound(key []any) []byte {
	b := make([]byte, 0, 64)
	b = append(append(append(b, c.table...), '.'), c.name...)
	for _, k := range key {
		b = append(b, 0)
		switch k := arg(k).(type) {
		case int64:
			b = strconv.AppendInt(b, k, 10)
		case string:
			b = append(b, k...)
		case []byte:
			b = append(b, k...)
		}
	}
	return b
}

// seal is how a text stands in a sealed column. What is empty stays empty.
func (t *Tx) seal(c *column, plain string, key ...any) string {
	plain = text(plain)
	r := t.s.ring.Load()
	if r == nil || plain == "" {
		return plain
	}
	return r.active.sealText(plain, c.bound(key))
}

// sealRaw is seal for bytes.
func (t *Tx) sealRaw(c *column, plain []byte, key ...any) []byte {
	r := t.s.ring.Load()
	if r == nil || len(plain) == 0 {
		return plain
	}
	return r.active.box(r.active.raw, plain, c.bound(key))
}

// open is what seal was given. A plain value, written before the database was
// sealed, is given as it is until all are.
func (t *Tx) open(c *column, stored []byte, key ...any) ([]byte, error) {
	r := t.s.ring.Load()
	if r == nil && t.s.sealed.Load() {
		return nil, ErrNoKey
	}
	if r == nil || len(stored) == 0 {
		return stored, nil
	}
	id, box, ok := c.head(stored)
	if !ok && r.whole {
		return nil, fmt.Errorf("%s of %s is not sealed and should be: %w", c, c.row(key), ErrSeal)
	}
	if !ok {
		return stored, nil
	}
	k := r.sealers[id]
	if k == nil {
		k = t.s.newer(t.ctx, id)
	}
	if k == nil {
		return nil, fmt.Errorf("%s of %s is sealed with data key %08x, which is not there: %w", c, c.row(key), id, ErrSeal)
	}
	if !c.raw && string(stored[:textHead]) != k.text {
		return nil, fmt.Errorf("%s of %s: %w", c, c.row(key), ErrSeal)
	}
	plain, err := c.unbox(k, box, key)
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", c, c.row(key), ErrSeal)
	}
	return plain, nil
}

// openText is open for what was scanned as a string.
func (t *Tx) openText(c *column, stored string, key ...any) (string, error) {
	if r := t.s.ring.Load(); r == nil && !t.s.sealed.Load() {
		return stored, nil
	}
	b, err := t.open(c, []byte(stored), key...)
	return string(b), err
}

// head reads which data key sealed a value, and gives the rest; ok is false for
// a plain value.
func (c *column) head(stored []byte) (id uint32, box []byte, ok bool) {
	if c.raw {
		if len(stored) < rawHead+nonceSize || !bytes.HasPrefix(stored, []byte(rawMark)) {
			return 0, nil, false
		}
		return binary.BigEndian.Uint32(stored[len(rawMark):]), stored[rawHead:], true
	}
	if len(stored) < textHead || !bytes.HasPrefix(stored, []byte(textMark)) || stored[textHead-1] != '.' {
		return 0, nil, false
	}
	var b [4]byte
	if _, err := hex.Decode(b[:], stored[len(textMark):textHead-1]); err != nil {
		return 0, nil, false
	}
	return binary.BigEndian.Uint32(b[:]), stored[textHead:], true
}

func (c *column) unbox(k *sealer, box []byte, key []any) ([]byte, error) {
	if !c.raw {
		b := make([]byte, base64.RawStdEncoding.DecodedLen(len(box)))
		n, err := base64.RawStdEncoding.Strict().Decode(b, box)
		if err != nil {
			return nil, err
		}
		box = b[:n]
	}
	if len(box) < nonceSize {
		return nil, ErrSeal
	}
	var to []byte
	if !c.raw {
		to = box[nonceSize:nonceSize]
	}
	return k.aead.Open(to, box[:nonceSize], box[nonceSize:], c.bound(key))
}

// row names a row in an error: rows are named by numbers and opaque ids. What a
// person called a view, and the token of a session, are left out.
func (c *column) row(key []any) string {
	switch c {
	case viewDoc:
		key = key[:1]
	case sessionDoc:
		return "a session"
	}
	var parts []string
	for _, k := range key {
		parts = append(parts, fmt.Sprint(arg(k)))
	}
	return strings.Join(parts, "/")
}
